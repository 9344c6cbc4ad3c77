"""A desk's process runs commands as the command line does, and never outlives the demonstration."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.demo.desk import CommandFailedError, Desk, environment, start, stop


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk("agency", tmp_path / "home", passphrase_file=tmp_path / "secret", log=tmp_path / "log")
    yield opened
    opened.close()


def test_one_process_runs_command_after_command(desk: Desk) -> None:
    first = desk.run("--version")
    assert first.code == 0 and "0." in first.out
    assert desk.run("--version").out == first.out


def test_a_failing_command_says_whose_it_was_and_why(desk: Desk) -> None:
    with pytest.raises(
        CommandFailedError, match=r"agency: 'knownto no-such' ended with 2: .*No such command"
    ):
        desk.run("no-such")


def test_an_expected_exit_code_is_no_failure(desk: Desk) -> None:
    assert desk.run("no-such", accept=(0, 2)).code == 2


def test_a_process_that_was_killed_is_reported(desk: Desk) -> None:
    desk.kill()
    with pytest.raises(CommandFailedError, match="the process ended"):
        desk.run("--version")
        desk.run("--version")


@pytest.mark.parametrize("argv", [[], ["demo-waits"]], ids=["desk", "one command"])
def test_a_process_ends_when_its_input_does(tmp_path: Path, argv: list[str]) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = start(argv, home=tmp_path, passphrase_file=tmp_path / "secret", log=log)
        stop(process)
    assert process.returncode is not None


def test_a_desk_takes_no_other_setting_of_ours_from_its_surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KNOWNTO_HUB_DATABASE_URL", "postgresql://elsewhere")
    seen = environment(tmp_path / "home", tmp_path / "secret")
    assert {name for name in seen if name.startswith("KNOWNTO_")} == {
        "KNOWNTO_HOME",
        "KNOWNTO_PASSPHRASE_FILE",
    }


def test_a_long_running_command_stops_with_its_input(tmp_path: Path) -> None:
    """As the hub's server does: here it waits for lines on a pipe that nobody writes to."""
    with (tmp_path / "log").open("wb") as log:
        process = start([], home=tmp_path, passphrase_file=tmp_path / "secret", log=log)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
        stop(process)
    assert process.returncode == 0
