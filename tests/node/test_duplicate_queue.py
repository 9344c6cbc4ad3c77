"""Duplicates inside one caseload: found, listed, decided, and never asked again unless the data change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import exit_code, knownto
from cli.output import CompletedWithWarnings
from keys.actors import Actor
from node.caseload import find_handle, mark_sealed
from node.deciding import decide_pair
from node.duplicate_decisions import Verdict, decisions_of
from node.duplicate_queue import QueuedPair, list_duplicates
from node.duplicates import same_people
from node.errors import RecordFormatError
from node.home import Node, create_home
from node.imports import import_records
from node.settings import make_settings
from tests.federation import CHEAP, PASSPHRASE, Clock, records_of
from tests.people import people

STRANGERS = people(60, first=100)
FIRST = {"local_id": "D-1", "dob": "1984-03-17", "forename": "Amara", "surname": "Lindqvist", "chain": "81"}
TYPO = FIRST | {"local_id": "D-2", "surname": "Lindkvist", "chain": ""}
SHORT = FIRST | {"local_id": "D-3", "forename": "Amarah", "chain": "81"}
TWIN = {"local_id": "D-4", "dob": "1984-03-17", "forename": "Oswin", "surname": "Lindqvist", "chain": "82"}
CASELOAD = [*STRANGERS, FIRST, TYPO]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node of its own: duplicates need no hub."""
    settings = make_settings(hub="https://hub.test", agency="holder", staff="keeper")
    node = create_home(tmp_path / "home", settings, PASSPHRASE, cost=CHEAP, clock=Clock())
    node.actor = Actor("keeper", "responder")
    yield node
    node.close()


def take(node: Node, rows: Sequence[Mapping[str, str]]) -> None:
    import_records(node.store, records_of(rows), weak_rows=())


def listed(node: Node, *, decided: bool = False) -> list[QueuedPair]:
    return list_duplicates(node.store, decided=decided)


def between(queue: Sequence[QueuedPair], *references: str) -> QueuedPair | None:
    return next((one for one in queue if set(one.references) == set(references)), None)


def decide(node: Node, pair: QueuedPair | None, verdict: Verdict) -> None:
    assert pair is not None
    decide_pair(node, pair.pair, verdict=verdict, reason="both files were looked at")


def test_a_duplicate_is_found_and_strangers_are_not(node: Node) -> None:
    take(node, CASELOAD)
    [pair] = listed(node)
    assert set(pair.references) == {"D-1", "D-2"}
    assert pair.found.posterior > 0.9
    assert pair.found.forename == 1.0 and pair.found.surname is not None and 0.9 < pair.found.surname < 1.0
    assert not pair.found.may_be_twins


def test_twins_are_flagged_and_are_not_likely(node: Node) -> None:
    """Names that begin alike can be one name; others are two people, about whom nobody is asked."""
    first = FIRST | {"chain": "", "sex": "f"}
    take(node, [*STRANGERS, first, TWIN | {"forename": "Amelia", "chain": ""}])
    pair = between(listed(node), "D-1", "D-4")
    assert pair is not None and pair.found.may_be_twins and pair.found.posterior < 0.95


def test_pairs_that_hang_together_are_one_group_the_likeliest_first(node: Node) -> None:
    other = {"local_id": "E-1", "dob": "1961-09-02", "forename": "Bruno", "surname": "Quist"}
    take(node, [*CASELOAD, SHORT, other, other | {"local_id": "E-2"}])
    queue = listed(node)
    groups = {frozenset(one.references): one.group for one in queue}
    assert groups[frozenset({"D-1", "D-2"})] == groups[frozenset({"D-1", "D-3"})]
    assert groups[frozenset({"D-1", "D-2"})] != groups[frozenset({"E-1", "E-2"})]
    assert [one.group for one in queue] == sorted(one.group for one in queue)
    assert {one.group for one in queue} == {1, 2}


@pytest.mark.parametrize("verdict", [Verdict.SAME, Verdict.DIFFERENT])
def test_what_is_decided_is_not_asked_again_unless_the_data_change(node: Node, verdict: Verdict) -> None:
    take(node, CASELOAD)
    decide(node, listed(node)[0], verdict)
    assert listed(node) == []
    [kept] = listed(node, decided=True)
    assert kept.decision is not None and kept.decision.verdict is verdict and kept.decision.holds
    take(node, [*STRANGERS, FIRST | {"area": "north", "opened": "2025-01-01"}, TYPO])
    assert listed(node) == [], "an area is no identifier"
    take(node, [*STRANGERS, FIRST, TYPO | {"chain": "81"}])
    [again] = listed(node)
    assert again.decision is not None and not again.decision.holds


def test_whoever_is_not_sure_is_asked_again_and_last(node: Node) -> None:
    other = {"local_id": "E-1", "dob": "1961-09-02", "forename": "Bruno", "surname": "Quist"}
    take(node, [*CASELOAD, other, other | {"local_id": "E-2"}])
    first = listed(node)[0]
    decide(node, first, Verdict.NOT_SURE)
    assert [one.pair for one in listed(node)][-1] == first.pair


def test_undoing_restores_what_was_and_keeps_the_history(node: Node) -> None:
    take(node, CASELOAD)
    before = [(one.pair, one.group, one.references) for one in listed(node)]
    pair = listed(node)[0]
    decide(node, pair, Verdict.DIFFERENT)
    decide(node, pair, Verdict.UNDONE)
    after = listed(node)
    assert [(one.pair, one.group, one.references) for one in after] == before
    assert after[0].decision is None
    history = decisions_of(node.store, pair.pair)
    assert [one.verdict for one in history] == [Verdict.DIFFERENT, Verdict.UNDONE]
    assert {one.staff for one in history} == {"keeper"}
    with pytest.raises(RecordFormatError, match="undo"):
        decide(node, pair, Verdict.UNDONE)


def test_decisions_at_odds_are_reported_and_not_guessed(node: Node) -> None:
    take(node, [*CASELOAD, SHORT])
    queue = listed(node)
    decide(node, between(queue, "D-1", "D-2"), Verdict.SAME)
    decide(node, between(queue, "D-1", "D-3"), Verdict.SAME)
    decide(node, between(queue, "D-2", "D-3"), Verdict.DIFFERENT)
    [odd] = listed(node)
    assert set(odd.references) == {"D-2", "D-3"} and odd.at_odds
    decide(node, between(queue, "D-1", "D-3"), Verdict.UNDONE)
    assert not any(one.at_odds for one in listed(node))


def test_a_seal_reaches_whoever_was_decided_to_be_the_same_person(node: Node) -> None:
    take(node, CASELOAD)
    handle = find_handle(node.store, "D-1")
    assert handle is not None and same_people(node.store, [handle]) == {handle}
    pair = listed(node)[0]
    decide(node, pair, Verdict.SAME)
    assert same_people(node.store, [handle]) == {handle, find_handle(node.store, "D-2")}
    decide(node, pair, Verdict.UNDONE)
    assert same_people(node.store, [handle]) == {handle}


def test_the_sealed_are_not_compared(node: Node) -> None:
    take(node, CASELOAD)
    handle = find_handle(node.store, "D-2")
    assert handle is not None
    mark_sealed(node.store, handle, sealed=True)
    assert listed(node) == []


def test_nothing_can_be_decided_that_was_never_listed(node: Node) -> None:
    take(node, CASELOAD)
    with pytest.raises(RecordFormatError, match="no such pair"):
        decide_pair(node, "0" * 16, verdict=Verdict.SAME, reason="why not")
    with pytest.raises(RecordFormatError, match="reason"):
        decide_pair(node, listed(node)[0].pair, verdict=Verdict.SAME, reason="")


def test_an_empty_caseload_and_a_caseload_of_one_have_no_duplicates(node: Node) -> None:
    assert listed(node) == []
    take(node, [FIRST])
    assert listed(node) == []


def test_neither_words_nor_reprs_nor_the_file_carry_an_identifier(node: Node) -> None:
    take(node, CASELOAD)
    pair = listed(node)[0]
    decide(node, pair, Verdict.SAME)
    files = b"".join(path.read_bytes() for path in node.home.iterdir() if path.is_file())
    for value in ("lindqvist", "Lindqvist", "both files", "D-1"):
        assert value not in repr(pair) + repr(pair.found) + repr(decisions_of(node.store, pair.pair))
        assert value.encode() not in files


def run(node: Node, passphrase: Path, *arguments: str, stdin: str = "") -> Result:
    if not passphrase.exists():
        passphrase.touch(mode=0o600)
        passphrase.write_text(PASSPHRASE)
    environment = {"KNOWNTO_PASSPHRASE_FILE": str(passphrase)}
    command = ["--home", str(node.home), "duplicates", *arguments]
    return CliRunner(env=environment).invoke(knownto, command, input=stdin)


def test_the_commands_list_decide_and_tell_the_history(node: Node, tmp_path: Path) -> None:
    take(node, [*CASELOAD, SHORT])
    passphrase = tmp_path / "passphrase"
    rows = json.loads(run(node, passphrase, "list", "--format", "json").stdout)
    pairs = {frozenset((row["one"], row["other"])): row for row in rows}
    row = pairs[frozenset({"D-1", "D-2"})]
    assert row["words"] and row["posterior"] > 0.9 and row["likely"] is True and row["decision"] is None
    assert "lindqvist" not in json.dumps(rows).lower()
    for other, verdict in (({"D-1", "D-2"}, "same"), ({"D-1", "D-3"}, "same"), ({"D-2", "D-3"}, "different")):
        pair = pairs[frozenset(other)]["pair"]
        done = run(node, passphrase, "decide", pair, verdict, "--format", "json", stdin="seen both\n")
        assert json.loads(done.stdout)["verdict"] == verdict
    odd = run(node, passphrase, "list")
    assert isinstance(odd.exception, CompletedWithWarnings) and exit_code(odd.exception) == 3
    undone = run(node, passphrase, "decide", row["pair"], "undo", stdin="by mistake\n")
    assert undone.exit_code == 0, undone.output
    history = json.loads(run(node, passphrase, "history", row["pair"], "--format", "json").stdout)
    assert [one["verdict"] for one in history] == ["same", "undone"]
    assert [one["reason"] for one in history] == ["seen both", "by mistake"]


def test_only_whoever_keeps_the_caseload_may_list(node: Node, tmp_path: Path) -> None:
    take(node, CASELOAD)
    refused = run(node, tmp_path / "passphrase", "list", "--staff", "somebody")
    assert refused.exception is not None and exit_code(refused.exception) == 4
