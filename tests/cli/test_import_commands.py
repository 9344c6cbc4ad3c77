"""Imports and seals as scripts rely on them: nothing is replaced or taken off by mistake."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from node.caseload import count_caseload
from node.home import create_home
from node.settings import make_settings
from tests.cli.commands import run
from tests.federation import CHEAP, PASSPHRASE, Federation

CASELOAD = "local_id,dob,forename,surname,chain\nA1,1980-02-03,Ann,Other,\nA2,1981-03-04,Bob,Another,55\n"


def test_an_import_that_is_refused_changes_nothing(
    network: Federation, tmp_path: Path, passphrase: Path
) -> None:
    home = network.nodes["asker"].home
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(CASELOAD)
    bad.write_bytes(b"PK\x03\x04 this is no workbook")
    assert run(home, "node", "import", str(good), passphrase=passphrase).returncode == 0
    dry = run(home, "node", "import", str(bad), "--dry-run", passphrase=passphrase)
    refused = run(home, "node", "import", str(bad), passphrase=passphrase)
    assert (dry.returncode, refused.returncode) == (7, 7)
    assert "caseload" in refused.stderr
    assert count_caseload(network.nodes["asker"].store).rows == 2


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    network: Federation, tmp_path: Path, passphrase: Path
) -> None:
    file = tmp_path / "caseload.csv"
    file.write_text(CASELOAD.replace("A1,", "A9,"))
    done = run(network.nodes["holder"].home, "node", "import", str(file), "--dry-run", "--format", "json",
               passphrase=passphrase)  # fmt: skip
    assert json.loads(done.stdout)["added"] == 2
    assert count_caseload(network.nodes["holder"].store).rows == 1


def test_an_import_keeps_what_the_file_says_and_names_what_it_left_out(
    tmp_path: Path, passphrase: Path
) -> None:
    settings = make_settings(hub="https://hub.test", agency="alone", area=None, team="", staff="alone-staff")
    create_home(tmp_path / "home", settings, PASSPHRASE, cost=CHEAP).close()
    file = tmp_path / "caseload.csv"

    def import_with(said: str, day: str) -> subprocess.CompletedProcess[str]:
        header = "local_id,dob,forename,surname,consent,consent_captured_at"
        file.write_text(f"{header}\nA1,1980-02-03,Ann,Other,{said},{day}\n")
        return run(tmp_path / "home", "node", "import", str(file), passphrase=passphrase)

    first = import_with("withdrawn", "2026-03-02")
    assert first.returncode == 0 and "1 consents or refusals recorded" in first.stderr, first.stderr
    older = import_with("objected", "2026-03-01")
    assert older.returncode == 3 and "Row 2: what it says of consent is older" in older.stderr, older.stderr


@pytest.fixture
def keeper(network: Federation, tmp_path: Path, passphrase: Path) -> Path:
    """The home of a node with ten people, which no hub knows."""
    with network.make_node(f"keeper-{tmp_path.name[-8:].strip('_-').replace('_', '-')}0") as node:
        home = node.home
    done = run(home, "node", "import", str(caseload_of(tmp_path, 10)), passphrase=passphrase)
    assert done.returncode == 0, done.stderr
    return home


def caseload_of(folder: Path, count: int, first: str = "Zofia,Okafor,1984-03-17") -> Path:
    """A caseload of that many people, of whom the first may be somebody else."""
    path = folder / "caseload.csv"
    others = "".join(f"P{n},Harriet,McAllister,{1950 + n}-03-{n + 2:02}\n" for n in range(2, count + 1))
    path.write_text(f"local_id,forename,surname,dob\nP1,{first}\n{others}")
    return path


def test_a_file_without_most_of_the_caseload_needs_a_word(
    keeper: Path, tmp_path: Path, passphrase: Path
) -> None:
    words = ("node", "import", str(caseload_of(tmp_path, 4)), "--format", "json")
    refused = run(keeper, *words, passphrase=passphrase)
    assert refused.returncode == 7 and "6 of the 10 people" in refused.stderr
    assert run(keeper, *words, "--dry-run", passphrase=passphrase).returncode == 7
    done = run(keeper, *words, "--replace", passphrase=passphrase)
    assert done.returncode == 0 and json.loads(done.stdout)["removed"] == 6


def test_somebody_else_under_a_sealed_reference_is_held_until_confirmed_by_row(
    keeper: Path, tmp_path: Path, passphrase: Path
) -> None:
    assert run(keeper, "node", "seal", passphrase=passphrase, stdin="P1\n").returncode == 0
    words = ("node", "import", str(caseload_of(tmp_path, 10, "Kwame,Boateng,1951-09-30")), "--format", "json")
    held = run(keeper, *words, passphrase=passphrase)
    assert held.returncode == 3 and json.loads(held.stdout)["held"] == 1, held.stderr
    assert "Held: row 2, local_id" in held.stderr and "--same-person 2" in held.stderr
    assert not any(word in held.stderr for word in ("Kwame", "Boateng", "P1", "1951"))
    assert run(keeper, *words, "--same-person", "P1", passphrase=passphrase).returncode == 2
    confirmed = run(keeper, *words, "--same-person", "2", passphrase=passphrase)
    assert confirmed.returncode == 0 and json.loads(confirmed.stdout)["held"] == 0


def test_sealing_a_reference_that_nobody_has_reassures_nobody(keeper: Path, passphrase: Path) -> None:
    done = run(keeper, "node", "seal", passphrase=passphrase, stdin="P11\n")
    assert done.returncode == 3
    assert "check the spelling" in done.stderr and "Sealed" not in done.stderr + done.stdout
