"""The officer's queue at a node: words stay here, promises go out, and a lost answer costs neither."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from hub.alarm_scan import scan
from hub.review_models import ReviewDecision
from hub.service import limits_of
from node import reviews
from node.access_log import describe_log, sync_log
from node.commitments import is_kept
from node.errors import HubRefusedError, HubUnreachableError, IntegrityError, RecordFormatError
from node.home import Node
from node.reviews import KINDS, Review, fetch_review, fetch_reviews, fetch_summary, notes_of, read_review
from tests.federation import Federation

ROW = {"local_id": "P-1", "dob": "1984-03-17", "forename": "Amara", "surname": "Lindqvist"}
NOTE = "Rang the team: xyzzy-plugh is on the hospital list, so the calls were right."


@pytest.fixture
def officer(federation: Federation) -> Node:
    """The asker's information governance officer, with one item waiting."""
    federation.share("holder", [ROW])
    federation.consent("holder", "P-1")
    for _ in range(4):
        federation.clock.advance(minutes=1)
        federation.ask("asker", ROW)
    rescan(federation)
    return federation.acting("asker", "ig")


def rescan(federation: Federation) -> None:
    hub = federation.hub
    scan(hub.database, limits=limits_of(hub.settings), at=federation.clock())


def decide(node: Node, item: str, outcome: str, note: str) -> Review:
    """Decide on what the item is now."""
    seen = fetch_review(node.client(), item).seen
    return reviews.decide(node, item, outcome, note, seen=seen)


def only_item(node: Node) -> Any:
    (item,) = fetch_reviews(node.client())
    return item


def test_from_an_alarm_to_an_outcome(federation: Federation, officer: Node) -> None:
    item = only_item(officer)
    assert (item.kind, item.staff, item.state) == ("repeated_person", "asker-staff", "open")
    sync_log(officer)
    lines = [line for line in describe_log(officer) if line.index in item.indices]
    assert len(lines) == 4 and {line.staff for line in lines} == {"asker-staff"}
    decided = decide(officer, item.item, "justified", f"  {NOTE}\n")
    assert decided.state == "justified"
    assert notes_of(officer.store, decided) == {decided.decisions[0].commitment: NOTE}
    assert list(fetch_reviews(officer.client())) == []
    assert [one.item for one in fetch_reviews(officer.client(), everything=True)] == [item.item]
    (counts,) = fetch_summary(officer.client(), "2026-11")["kinds"]
    assert (counts["raised"], counts["justified"]) == (1, 1)


def test_the_words_are_in_no_file_and_at_no_hub(federation: Federation, officer: Node) -> None:
    decide(officer, only_item(officer).item, "breach", NOTE)
    files = [path for path in federation.root.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path.name for path in files if b"xyzzy-plugh" in path.read_bytes()] == []


def test_a_queried_item_keeps_both_notes_in_order(officer: Node) -> None:
    item = only_item(officer).item
    decide(officer, item, "queried", "Why four times?")
    decided = decide(officer, item, "justified", "A carried-over case; asked by telephone.")
    notes = notes_of(officer.store, decided)
    assert [notes[one.commitment] for one in decided.decisions] == [
        "Why four times?",
        "A carried-over case; asked by telephone.",
    ]


def kept_notes(node: Node) -> int:
    return int(node.store.connection.execute("SELECT count(*) FROM review_note").fetchone()[0])


class LosesAnswers(httpx2.BaseTransport):
    """Delivers decisions and loses the answer to each."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self._inner, self.delivered = inner, 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._inner.handle_request(request)
        if request.method == "POST" and request.url.path.endswith("/decision"):
            self.delivered += 1
            raise httpx2.ReadError("lost", request=request)
        return response


def test_a_lost_answer_is_settled_by_the_same_command_again(federation: Federation, officer: Node) -> None:
    item = only_item(officer).item
    http = officer.open_http()
    whole = http._transport
    http._transport = LosesAnswers(whole)
    with pytest.raises(HubUnreachableError):
        decide(officer, item, "justified", NOTE)
    assert http._transport.delivered == 3
    http._transport = whole
    decided = decide(officer, item, "justified", NOTE)
    assert len(decided.decisions) == 1 and kept_notes(officer) == 1
    assert list(notes_of(officer.store, decided).values()) == [NOTE]
    with federation.hub.database.reading() as session:
        (kept,) = session.query(ReviewDecision).all()
    row = officer.store.connection.execute("SELECT commitment, content FROM review_note").fetchone()
    content = officer.store.vault.open(
        row["content"], table="review_note", handle=f"{item} {kept.commitment}"
    )
    assert is_kept(NOTE, salt=bytes.fromhex(content["salt"]), digest=kept.commitment)


def test_a_decision_that_never_arrived_leaves_no_words_once_another_is_made(officer: Node) -> None:
    item = only_item(officer).item
    http = officer.open_http()
    whole = http._transport

    class Away(httpx2.BaseTransport):
        """Nothing arrives but questions."""

        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "POST":
                raise httpx2.ConnectError("away", request=request)
            return whole.handle_request(request)

    http._transport = Away()
    with pytest.raises(HubUnreachableError):
        decide(officer, item, "breach", "written in haste")
    assert kept_notes(officer) == 1
    http._transport = whole
    decided = decide(officer, item, "justified", NOTE)
    assert list(notes_of(officer.store, decided).values()) == [NOTE]
    assert kept_notes(officer) == 1


def test_a_refused_decision_keeps_no_words(federation: Federation, officer: Node) -> None:
    item = only_item(officer).item
    from keys.actors import Actor

    asker = federation.nodes["asker"].acting(Actor("asker-staff", "ig"))
    with pytest.raises(HubRefusedError) as refused:
        decide(asker, item, "justified", NOTE)
    assert refused.value.code == "role_not_permitted"
    assert kept_notes(officer) == 0


def test_a_note_that_was_altered_here_is_not_shown(officer: Node) -> None:
    item = only_item(officer).item
    decided = decide(officer, item, "justified", NOTE)
    commitment = decided.decisions[0].commitment
    forged = {"outcome": "justified", "text": "other words", "salt": "00" * 16}
    sealed = officer.store.vault.seal(forged, table="review_note", handle=f"{item} {commitment}")
    officer.store.connection.execute("UPDATE review_note SET content = ?", (sealed,))
    with pytest.raises(IntegrityError, match="promised"):
        notes_of(officer.store, decided)


@pytest.mark.parametrize(
    ("item", "note"),
    [
        pytest.param("0" * 32, "", id="no note"),
        pytest.param("0" * 32, " \n ", id="a note of blanks"),
        pytest.param("0" * 32, "x" * 4_001, id="a note too long"),
        pytest.param("../agencies", "words", id="a path for an id"),
        pytest.param("0" * 31, "words", id="an id too short"),
    ],
)
def test_what_cannot_be_a_decision_is_refused_here(officer: Node, item: str, note: str) -> None:
    known = only_item(officer).item if item == "0" * 32 else item
    with pytest.raises(RecordFormatError) as refused:
        decide(officer, known, "justified", note)
    assert "words" not in str(refused.value) or note != "words"
    assert kept_notes(officer) == 0


def test_what_grew_since_it_was_shown_is_looked_at_again(federation: Federation, officer: Node) -> None:
    shown = only_item(officer)
    federation.ask("asker", ROW)
    rescan(federation)
    with pytest.raises(HubRefusedError) as refused:
        reviews.decide(officer, shown.item, "justified", NOTE, seen=shown.seen)
    assert (refused.value.code, kept_notes(officer)) == ("conflict", 0)
    assert only_item(officer).seen > shown.seen


def test_an_unknown_item_is_not_found(officer: Node) -> None:
    with pytest.raises(HubRefusedError) as refused:
        fetch_review(officer.client(), "0" * 32)
    assert refused.value.code == "not_found"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"item": "x"}, id="an id that is none"),
        pytest.param({"indices": ["one"]}, id="an index that is no number"),
        pytest.param({"numbers": None}, id="no numbers"),
        pytest.param({"decisions": [{}]}, id="a decision without an outcome"),
    ],
)
def test_an_item_of_another_form_is_not_believed(change: dict[str, Any]) -> None:
    document = {
        "item": "0" * 32, "kind": "sample", "audience": "a", "agency": "a", "staff": None,
        "raised_at": "", "due_on": "", "overdue": False,
        "indices": [1], "numbers": {}, "state": "open", "decisions": [],
    }  # fmt: skip
    assert read_review(document).kind == "sample"
    with pytest.raises(IntegrityError):
        read_review(document | change)


def test_every_kind_of_the_hub_has_words_here() -> None:
    """The two packages know nothing of each other; this holds their words together."""
    from hub.alarms import Kind

    assert set(KINDS) == {str(kind) for kind in Kind}
