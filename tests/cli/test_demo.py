"""`knownto demo` as a new user runs it: real processes, real HTTP on loopback, and nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cli.demo import steps
from cli.demo.agencies import AGENCIES
from cli.demo.files import write_as_kept
from cli.demo.generator import generate
from cli.demo.layout import Layout, prepare
from cli.demo.report import choose_answer, next_steps
from node.mapping import load_mapping
from node.records import read_caseload

SECONDS = 240  # on a machine that does other work as well; alone it takes about 20


@dataclass(frozen=True, slots=True)
class Demonstration:
    root: Path
    report: dict[str, Any] = field(repr=False)
    progress: str = field(repr=False)
    process: "subprocess.Popen[str]" = field(repr=False)

    def words(self) -> dict[str, dict[str, str]]:
        """Answer words by case and agency."""
        return {
            case["case_ref"]: {answer["agency"]: answer["answer"] for answer in case["answers"]}
            for case in self.report["sheet"]["cases"]
        }


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from cli.main import main; main()", *words]


def processes_of(root: Path) -> list[int]:
    """Processes whose home lies in the demonstration's folder (Linux)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"KNOWNTO_HOME={root}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def wait_until(condition: Any, *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    folder = tmp_path_factory.mktemp("demonstration")
    root = folder / "county"
    progress = folder / "progress"
    with progress.open("w") as stderr:
        process = subprocess.Popen(
            command("demo", "--dir", str(root), "--format", "json", "--serve", "--people", "400"),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            break
    assert lines, progress.read_text()
    yield Demonstration(root, json.loads("".join(lines)), progress.read_text(), process)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    process.stdout.close()


def test_the_document_has_the_keys_scripts_rely_on(demonstration: Demonstration) -> None:
    report = demonstration.report
    assert list(report) == ["seconds", "agencies", "sheet", "why", "log", "next"]
    assert set(report["log"]) == {"asker", "holder"}
    assert [entry["agency"] for entry in report["agencies"]] == [agency.agency_id for agency in AGENCIES]
    assert report["seconds"] < SECONDS


def test_every_answer_word_occurs(demonstration: Demonstration) -> None:
    said = {word for answers in demonstration.words().values() for word in answers.values()}
    assert said == {
        "Known",
        "Possibly known - ring to check",
        "No shared match",
        "No reply yet",
        "Not asked",
    }


def test_the_case_without_a_birth_date_is_parked_and_the_others_go_on(demonstration: Demonstration) -> None:
    sheet = demonstration.report["sheet"]
    assert [(row["row"], row["case_ref"]) for row in sheet["parked"]] == [(3, "MDT-02")]
    assert len(sheet["cases"]) == 11


def test_an_agency_that_has_not_shared_is_never_shown_as_no_shared_match(
    demonstration: Demonstration,
) -> None:
    for answers in demonstration.words().values():
        assert answers[steps.NOT_SHARED] == "No reply yet"
        assert answers[steps.NOT_ASKED] == "Not asked"


@pytest.mark.parametrize(
    ("case", "agency", "word"),
    [
        pytest.param("MDT-01", "cgl", "Known", id="known to several: by initials and CHAIN number"),
        pytest.param("MDT-01", "hpft", "Known", id="known to several: by names"),
        pytest.param(
            "MDT-03", "housing-watford", "Known", id="1 January, by CHAIN number from a spreadsheet"
        ),
        pytest.param("MDT-04", "housing-dacorum", "Known", id="the first of two boroughs"),
        pytest.param("MDT-04", "housing-watford", "Known", id="the second of two boroughs"),
        pytest.param("MDT-05", "hpft", "Known", id="twin"),
        pytest.param("MDT-06", "hpft", "Known", id="other twin"),
        pytest.param("MDT-07", "hpft", "Known", id="consent holds"),
        pytest.param("MDT-07", "cgl", "No shared match", id="consent withdrawn"),
        pytest.param("MDT-08", "housing-dacorum", "Known", id="not sealed here"),
        pytest.param("MDT-08", "hpft", "No shared match", id="sealed here"),
        pytest.param("MDT-10", "hpft", "Known", id="former surname, day and month swapped"),
        pytest.param("MDT-12", "housing-dacorum", "Known", id="public task needs no consent"),
    ],
)
def test_the_case_is_answered_as_its_story_says(
    demonstration: Demonstration, case: str, agency: str, word: str
) -> None:
    assert demonstration.words()[case][agency] == word


def test_the_person_nobody_knows_has_no_match_anywhere(demonstration: Demonstration) -> None:
    assert set(demonstration.words()["MDT-09"].values()) == {"No shared match", "No reply yet", "Not asked"}


def test_why_says_in_words_what_agrees(demonstration: Demonstration) -> None:
    (explained,) = demonstration.report["why"]["answers"]
    assert explained["words"] and explained["waterfall"]
    assert explained["answer"] == "Possibly known - ring to check"


def test_the_look_up_stands_in_the_log_of_the_asker_and_of_a_holder(demonstration: Demonstration) -> None:
    asker, holder = demonstration.report["log"]["asker"], demonstration.report["log"]["holder"]
    assert {line["reference"] for line in asker} == set(demonstration.words())
    assert {line["direction"] for line in holder} == {"about us"}
    assert all(line["agency"] == steps.COORDINATING for line in holder)
    assert any("withdrawn" in line["outcome"] for line in holder)
    assert not any("withdrawn" in line["outcome"] for line in asker)


def test_no_person_of_the_conference_is_named_in_any_output(demonstration: Demonstration) -> None:
    text = json.dumps(demonstration.report) + demonstration.progress
    for member in generate(people=0).conference:
        assert member.person.surname not in text
        assert member.person.birth_date.isoformat() not in text


def test_only_loopback_is_bound(demonstration: Demonstration) -> None:
    listening = set()
    for pid in processes_of(demonstration.root):
        inodes = set()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            if (match := re.match(r"socket:\[(\d+)\]", os.readlink(link))) is not None:
                inodes.add(match[1])
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                cells = line.split()
                if cells[3] == "0A" and cells[9] in inodes:
                    listening.add(cells[1].split(":")[0])
    assert listening == {"0100007F"}


def test_what_it_says_to_type_next_works_as_it_stands(demonstration: Demonstration) -> None:
    for line in demonstration.report["next"]:
        ended = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60)
        assert ended.returncode in (0, steps.WARNINGS), (line, ended.stderr)
    assert (demonstration.root / "known-to.xlsx").exists()


def test_a_signal_ends_the_demonstration_and_every_process_of_it(demonstration: Demonstration) -> None:
    """Last in this file: it stops the federation that the tests above look at."""
    assert processes_of(demonstration.root) or not Path("/proc/self/environ").exists()
    demonstration.process.send_signal(signal.SIGINT)
    assert demonstration.process.wait(timeout=30) == 0
    assert wait_until(lambda: not processes_of(demonstration.root), seconds=5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda n: n.name)
def test_a_demonstration_stopped_halfway_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    root = tmp_path / "county"
    process = subprocess.Popen(
        command("demo", "--dir", str(root), "--people", "100"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert wait_until(lambda: (root / "homes" / "hub" / "hub.sqlite3").exists(), seconds=60)
    process.send_signal(number)
    assert process.wait(timeout=30) != 0
    assert wait_until(lambda: not processes_of(root), seconds=10)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    ended = subprocess.run(command("demo", "--dir", str(tmp_path)), capture_output=True, text=True)
    assert ended.returncode == 2 and "not empty" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_passphrases_can_be_read_by_nobody_else(tmp_path: Path) -> None:
    layout = prepare(tmp_path / "county", agencies=("one", "two"))
    files = [layout.passphrase_file(who) for who in ("hub", "one", "two")]
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    assert len({path.read_text() for path in files}) == 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_consents_are_recorded_only_for_rows_that_the_nodes_use(tmp_path: Path, seed: int) -> None:
    county = generate(people=2000, seed=seed)
    layout = Layout(tmp_path)
    files = write_as_kept(county, layout.files)
    lists = steps.write_consents(layout, county, on=generate.__kwdefaults__["as_of"])
    for agency, (path, count) in lists.items():
        mapping = files[agency].with_suffix(".toml")
        caseload = read_caseload(
            files[agency],
            mapping=load_mapping(mapping) if mapping.exists() else None,
            today=generate.__kwdefaults__["as_of"],
        )
        listed = {line.split(",")[0] for line in path.read_text("utf-8").splitlines()[1:]}
        assert len(listed) == count > 0
        assert listed <= {record.local_id for record in caseload.records}


def test_without_a_folder_to_keep_the_next_step_is_to_keep_one(tmp_path: Path) -> None:
    (step,) = next_steps(Layout(tmp_path), port=1, serving=False, kept=False, explained=("MDT-01", "hpft"))
    assert step.command.endswith("demo --dir demo --serve")


def test_a_sheet_without_an_uncertain_answer_has_a_certain_one_explained() -> None:
    answers = [{"agency": "a", "answer": "No shared match"}, {"agency": "b", "answer": "Known"}]
    assert choose_answer({"cases": [{"case_ref": "MDT-01", "answers": answers}]}) == ("MDT-01", "b")
