"""`knownto review` and `hub alarms` in a hub's home: its own officer sees all, and writes sealed notes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from cli.main import knownto
from hub.access_log import append_entry
from hub.alarm_scan import scan
from hub.clock import system_clock
from hub.database import Database
from hub.errors import ConflictError, HubError, MalformedError, UnsafeSecretError
from hub.homes import initialise
from hub.membership import add_agency
from hub.review_notes import decide_with_note, read_notes
from hub.reviews import Outcome, list_items
from node.log_lines import LogLine
from node.reviews import lines_under
from tests.hub.facts import LIMITS, WrittenLog, lookup, touch

NOTE = "The team was rung; xyzzy-plugh is right."
KEY = b"k" * 32

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub with two items: at the asker and at the holder."""
    for name in ("KNOWNTO_HOME", "KNOWNTO_STAFF", "KNOWNTO_HUB_REVIEW"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "hub"
    initialise(home, network="county")
    now = system_clock()
    database = Database(f"sqlite:///{home / 'hub.sqlite3'}")
    with database.writing() as session:
        for agency in ("northside", "probation"):
            add_agency(session, agency, name=agency, service="other", area=None, custodian=False)
        for _ in range(4):
            append_entry(session, "test:entry:made", agency="northside", at=now)
    facts = [lookup(n, now + timedelta(seconds=n), touched=frozenset({touch()})) for n in range(1, 5)]
    scan(database, limits=LIMITS, at=now, read=WrittenLog(facts))
    database.close()
    return home


@pytest.fixture
def run(home: Path) -> Run:
    def invoke(*words: str, typed: str = "", fails: type[Exception] | None = None) -> Result:
        result = CliRunner().invoke(knownto, ["--home", str(home), *words], input=typed)
        if fails is None:
            assert result.exit_code == 0, (result.output, result.exception)
        else:
            assert isinstance(result.exception, fails), (result.output, result.exception)
        return result

    return invoke


def items(run: Run, *words: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("review", "list", "--format", "json", *words).stdout)
    # Hours depend on when this runs.
    return [item for item in found if item["kind"] == "repeated_person"]


@pytest.mark.parametrize(
    ("kind", "bases", "shown"),
    [
        pytest.param("override", ["consent", "public_task"], ["public_task"], id="an override"),
        pytest.param("emergency", ["emergency"], ["emergency"], id="an emergency"),
        pytest.param("sample", ["consent", "public_task"], ["consent", "public_task"], id="all of a sample"),
        pytest.param("override", [None], [None], id="an override whose texts are erased"),
    ],
)
def test_of_a_look_up_of_many_cases_what_is_reviewed_is_shown(
    kind: str, bases: list[str | None], shown: list[str | None]
) -> None:
    lines = [LogLine(1, "", "lookup:match:answered", "asked", "asker", basis=basis) for basis in bases]
    assert [line.basis for line in lines_under(kind, lines)] == shown


def test_the_hubs_officer_sees_every_agencys_queue(run: Run) -> None:
    assert sorted(str(item["audience"]) for item in items(run)) == ["northside", "probation"]


def test_a_decision_at_the_hub_keeps_its_words_sealed_and_shows_them_again(run: Run, home: Path) -> None:
    item = str(items(run)[0]["item"])
    words = ("review", "decide", item, "--outcome", "breach", "--staff", "county-ig", "--seen", "4")
    assert json.loads(run(*words, "--format", "json", typed=NOTE + "\n").stdout)["state"] == "breach"
    assert item not in {one["item"] for one in items(run)}
    shown = json.loads(run("review", "show", item, "--format", "json").stdout)
    (decision,) = shown["decisions"]
    assert (decision["agency"], decision["reviewer"], decision["note"]) == ("(hub)", "county-ig", NOTE)
    assert NOTE in " ".join(run("review", "show", item).stdout.split())
    files = [path for path in home.rglob("*") if path.is_file()]
    assert not [path.name for path in files if b"xyzzy-plugh" in path.read_bytes()]


def test_what_is_decided_can_be_decided_again_by_whoever_has_seen_the_decisions(run: Run) -> None:
    item = str(items(run)[0]["item"])
    words = ("review", "decide", item, "--staff", "county-ig", "--outcome")

    def seen() -> tuple[str, str]:
        shown = json.loads(run("review", "show", item, "--format", "json").stdout)
        return "--seen", str(shown["seen"])

    before = seen()
    run(*words, "queried", *before, typed="Why?\n")
    run(*words, "justified", *before, typed=NOTE + "\n", fails=ConflictError)
    run(*words, "justified", *seen(), typed=NOTE + "\n")
    run(*words, "breach", *seen(), typed=NOTE + "\n")
    shown = json.loads(run("review", "show", item, "--format", "json").stdout)
    assert [one["outcome"] for one in shown["decisions"]] == ["queried", "justified", "breach"]


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        pytest.param(("--outcome", "breach"), NOTE, "--staff", id="nobody says who decides"),
        pytest.param(("--outcome", "fine", "--staff", "county-ig"), NOTE, "fine", id="no such outcome"),
        pytest.param(("--outcome", "breach", "--staff", "county-ig"), "", "Note", id="no note"),
    ],
)
def test_a_decision_that_lacks_something_is_a_mistake_of_use(
    run: Run, words: tuple[str, ...], typed: str, said: str
) -> None:
    item = str(items(run)[0]["item"])
    result = run("review", "decide", item, "--seen", "4", *words, typed=typed, fails=SystemExit)
    assert result.exit_code == 2 and said in result.output
    assert len(items(run)) == 2


def test_an_id_that_is_none_is_not_found(run: Run) -> None:
    run("review", "show", "0" * 32, fails=HubError)


def test_the_summary_counts_all_agencies(run: Run) -> None:
    counted = json.loads(run("review", "summary", "--format", "json").stdout)
    (repeats,) = [kind for kind in counted["kinds"] if kind["kind"] == "repeated_person"]
    assert (repeats["raised"], repeats["open"]) == (2, 2)
    table = run("review", "summary", "--month", "2026-01").output
    assert "2026-01: 0 look-ups" in table
    assert run("review", "summary", "--month", "Jan", fails=SystemExit).exit_code == 2


def test_a_scan_by_hand_says_what_it_found(run: Run) -> None:
    found = json.loads(run("hub", "alarms", "scan", "--format", "json").stdout)
    assert found["raised"] == 0


def test_thresholds_show_what_is_in_force(run: Run, home: Path) -> None:
    with (home / "hub.toml").open("a") as file:
        file.write("[review]\nrepeats_by_staff = 3\n")
    shown = json.loads(run("hub", "alarms", "thresholds", "--format", "json").stdout)
    values = {row["setting"]: row["value"] for row in shown}
    assert (values["repeats_by_staff"], values["repeats_by_agency"]) == (3, 8)


def database_of(home: Path) -> Database:
    return Database(f"sqlite:///{home / 'hub.sqlite3'}")


def test_a_note_under_another_pepper_or_in_another_place_does_not_open(home: Path) -> None:
    database = database_of(home)
    with database.writing() as session:
        first, second = [item.item for item in list_items(session, None, open_only=True)][:2]
        for item in (first, second):
            decide_with_note(
                session,
                KEY,
                item,
                "county-ig",
                Outcome.BREACH,
                NOTE,
                seen=4,
                at=system_clock(),
                settings=LIMITS.review,
            )
    with database.reading() as session:
        assert list(read_notes(session, KEY, [first]).values()) == [NOTE]
        with pytest.raises(UnsafeSecretError):
            read_notes(session, b"x" * 32, [first])
    with database.writing() as session:
        other = "(SELECT sealed FROM review_notes WHERE item = :b)"
        session.execute(
            text(f"UPDATE review_notes SET sealed = {other} WHERE item = :a"), {"a": first, "b": second}
        )
    with database.reading() as session, pytest.raises(UnsafeSecretError):
        read_notes(session, KEY, [first])
    database.close()


@pytest.mark.parametrize("note", ["", "  ", "x" * 4_001], ids=["empty", "blank", "too long"])
def test_a_note_that_is_none_is_refused_at_the_hub(home: Path, note: str) -> None:
    database = database_of(home)
    with database.writing() as session, pytest.raises(MalformedError):
        (item, *_) = list_items(session, None, open_only=True)
        decide_with_note(
            session,
            KEY,
            item.item,
            "county-ig",
            Outcome.BREACH,
            note,
            seen=4,
            at=system_clock(),
            settings=LIMITS.review,
        )
    database.close()
