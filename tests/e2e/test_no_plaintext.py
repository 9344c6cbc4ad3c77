"""Seeded identifiers must be nowhere but in the agency's own file: the canary of the whole system.

Every value below is invented, long and unlike anything else, so that finding it anywhere is a leak. They
travel the whole path (import, push, consent, seal, look-up, log), over real processes and loopback HTTP, and
in process where requests and answers can be captured.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2
import pytest

from node.access_log import sync_log
from node.bases import PublicTaskBasis
from node.commitments import commit_reason
from node.errors import NodeError
from node.results import keep_result
from node.sealing import seal_person
from tests.documented_session import SavedFile, Session, Step, read_page
from tests.federation import NOW, Asking, Federation, case_of, running_federation

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
SENTINELS = (
    "Zebedeeqx",
    "Quillfeatherxy",
    "QQ-LOCAL-REF-7731",
    "QQ-SEALED-REF-7732",
    "QQ-CASE-REF-7733",
    "904417726631",
    "9434765919",
    "1967-08-29",
    "29/08/1967",
    "Wrenfoldmarsh",
    "reasonwords-xyzzy-plugh",
)
ROW = {
    "local_id": "QQ-LOCAL-REF-7731",
    "case_ref": "QQ-CASE-REF-7733",
    "dob": "1967-08-29",
    "forename": "Zebedeeqx",
    "surname": "Quillfeatherxy",
    "former_surnames": "Wrenfoldmarsh",
    "chain": "904417726631",
    "nhs_number": "9434765919",
    "opened": "2026-02-03",
}
# Another person: a seal reaches every row that is exactly the same one.
OTHER = {"dob": "1971-08-29", "chain": "904417726632", "nhs_number": ""}
SEALED_ROW = {**ROW, **OTHER, "local_id": "QQ-SEALED-REF-7732"}


def needles(values: Sequence[str] = SENTINELS) -> list[bytes]:
    """Each sentinel in the forms it could take: as typed, lower case, base64, UTF-16."""
    found = set()
    for value in values:
        for text in (value, value.lower(), value.upper()):
            found |= {text.encode(), text.encode("utf-16-le"), text.encode().hex().encode()}
            # Base64 at each of the three alignments, without the characters the neighbours decide.
            for pad in range(3):
                coded = base64.b64encode(b"\0" * pad + text.encode())
                found.add(coded[4 if pad else 0 : -4])
    return [needle for needle in found if len(needle) >= 8]


NEEDLES = needles()


def leaks(content: bytes) -> list[str]:
    """Positions of leaked forms, never the values: a failing test must not be a leak itself."""
    return [f"sentinel form of {len(needle)} bytes" for needle in NEEDLES if needle in content]


class CapturingTransport(httpx2.BaseTransport):
    """Keeps every byte of every request and answer that passes."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self._inner, self.seen = inner, [b""]

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        body = request.read()
        self.seen.append(str(request.url).encode() + repr(request.headers.multi_items()).encode() + body)
        response = self._inner.handle_request(request)
        content = response.read()
        self.seen.append(repr(list(response.headers.multi_items())).encode() + content)
        return response


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with running_federation(tmp_path) as federation:
        federation.add("asker", custodian=True)
        federation.add("holder", team="Duty desk")
        for node in federation.nodes.values():
            assert node.http is not None
            node.http._transport = CapturingTransport(node.http._transport)
        fields = ["dob", "names", "chain", "nhs_number", "sex", "area"]
        federation.begin_epoch(fields, custodian="asker")
        federation.agree("asker", "holder")
        yield federation


def run_whole_path(federation: Federation) -> None:
    """Import, push, consent, seal, look up, keep, explain, read the log."""
    federation.share("holder", [ROW, SEALED_ROW])
    federation.consent("holder", ROW["local_id"])
    seal_person(federation.nodes["holder"], SEALED_ROW["local_id"])
    reason = commit_reason("reasonwords-xyzzy-plugh")
    basis = PublicTaskBasis("safeguarding_adult", "ig-lead", reason, "ab" * 16, NOW)
    result = federation.ask("asker", ROW, basis=federation.approve("asker", basis))
    assert str(result.cases[0].answers[0].word) == "Known"
    asker = federation.nodes["asker"]
    asking = Asking("asker-staff", "coordinator", "case_conference")
    keep_result(asker.store, result, [(case_of(ROW), basis)], asking, at=federation.clock(), days=28)
    for node in federation.nodes.values():
        sync_log(node)


def test_no_identifier_is_in_any_request_or_answer(federation: Federation) -> None:
    run_whole_path(federation)
    for node in federation.nodes.values():
        assert node.http is not None
        seen = node.http._transport.seen  # type: ignore[attr-defined]
        assert len(seen) > 8
        assert [leak for part in seen for leak in leaks(part)] == []


def test_no_identifier_is_in_any_file_of_hub_or_nodes(federation: Federation) -> None:
    run_whole_path(federation)
    # The databases are open, so that write-ahead logs are among the files.
    files = [path for path in federation.root.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"hub.sqlite3", "hub.sqlite3-wal", "node.sqlite3", "node.sqlite3-wal"} <= names
    assert {str(path): leaks(path.read_bytes()) for path in files if leaks(path.read_bytes())} == {}


def test_no_identifier_is_in_what_is_logged_or_raised(
    federation: Federation, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    run_whole_path(federation)
    errors: list[BaseException] = []
    for changes in ({"role": "responder"}, {"agencies": ("nobody",)}):
        with pytest.raises(NodeError) as caught:
            federation.ask("asker", ROW, **changes)
        errors.append(caught.value)
    federation.clock.advance(days=200)
    with pytest.raises(NodeError) as caught:
        federation.ask("asker", ROW)
    errors.append(caught.value)
    said = [record.getMessage() for record in caplog.records]
    for error in errors:
        while error is not None:
            said += [repr(error), str(error)]
            error = error.__cause__ or error.__context__  # type: ignore[assignment]
    out, err = capfd.readouterr()
    assert leaks("\n".join([*said, out, err]).encode()) == []


def test_no_identifier_shows_in_a_repr(federation: Federation) -> None:
    from tests.federation import records_of

    run_whole_path(federation)
    (record,) = records_of([ROW])
    basis = PublicTaskBasis("risk_to_life", "ig", commit_reason("words"), "cd" * 16, NOW)
    result = federation.ask("asker", ROW, basis=federation.approve("asker", basis))
    for value in (record, record.identifiers, case_of(ROW), result, result.cases, federation.nodes["holder"]):
        assert leaks(repr(value).encode()) == []


def test_no_identifier_is_in_process_arguments_or_the_hubs_files_and_output(tmp_path: Path) -> None:
    """The page's own journey with the sentinels in place of its people, while /proc is watched."""
    for paper in ("isa.pdf", "terms.pdf"):
        (tmp_path / paper).write_bytes(b"%PDF-1.7 ")
    replacements = {
        "P-101": "QQ-LOCAL-REF-7731",
        "1984-03-17": "1967-08-29",
        "Amara": "Zebedeeqx",
        "Lindqvist": "Quillfeatherxy",
        "310442": "904417726631",
        "N-1": "QQ-CASE-REF-7733",
    }
    session = Session(tmp_path)
    watch = ArgumentWatch()
    with watch:
        try:
            for step in read_page(PAGE):
                if isinstance(step, SavedFile):
                    content = step.content
                    for plain, sentinel in replacements.items():
                        content = content.replace(plain, sentinel)
                    (tmp_path / step.name).write_text(content, "utf-8")
                    continue
                step = Step(step.command, [replacements.get(t, t) for t in step.typed], step.shown)
                session.run(step)
                if " lookup " not in step.command and " log " not in step.command:
                    assert leaks("\n".join(step.actual).encode()) == [], step.command
                names = ("Zebedeeqx", "Quillfeatherxy", "904417726631", "1967-08-29")
                assert not any(name in "\n".join(step.actual) for name in names), step.command
        finally:
            session.close()
    assert watch.seen > 50
    assert watch.leaked == []
    homes = [tmp_path / name for name in ("hub", "northside", "probation")]
    files = [path for home in homes for path in home.rglob("*") if path.is_file()]
    files.append(tmp_path / "background.log")
    assert len(files) >= 9
    assert {path.name: leaks(path.read_bytes()) for path in files if leaks(path.read_bytes())} == {}


class ArgumentWatch:
    """Reads every process's arguments and environment of this user, over and over."""

    def __init__(self) -> None:
        self.seen, self.leaked = 0, []  # type: tuple[int, list[str]]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            for process in Path("/proc").iterdir():
                if process.name.isdigit() and process.name != str(os.getpid()):
                    self._read(process)
            time.sleep(0.01)

    def _read(self, process: Path) -> None:
        try:
            arguments = (process / "cmdline").read_bytes()
        except OSError:
            return
        if b"knownto" in arguments:
            self.seen += 1
            self.leaked += leaks(arguments)


def test_the_canary_finds_what_it_looks_for() -> None:
    assert leaks(json.dumps(ROW).encode())
    assert leaks(base64.b64encode(b"x" + json.dumps(ROW).encode()))


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc on this system")
def test_the_watch_sees_arguments() -> None:
    with (watch := ArgumentWatch()):
        subprocess.run(
            [sys.executable, "-c", "import time; time.sleep(0.5)", "knownto", ROW["chain"]], check=True
        )
    assert watch.leaked
