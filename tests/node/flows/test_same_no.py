"""A withdrawal or objection reaches every row that is exactly the same person, and says which."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from node.consent import (
    Recorded,
    list_consents,
    record_consent,
    record_consents,
    record_objection,
    send_consents,
    withdraw_consent,
)
from node.consent_terms import Ended, Refusal
from node.errors import PolicyError
from node.home import Node
from node.imports import import_records
from tests.federation import Federation, records_of, terms
from tests.node.flows.test_sealing import FIRST, born, other
from tests.people import people

ROWS = [FIRST, other("B-1", chain=FIRST["chain"]), born("C-1", surname="Quill"), *people(3, first=10)]


@pytest.fixture
def holder(federation: Federation) -> Node:
    federation.share("holder", ROWS)
    return federation.nodes["holder"]


def states(federation: Federation) -> dict[str, str]:
    consents = list_consents(federation.nodes["holder"].store)
    return {kept.local_id: kept.state(federation.clock()) for kept in consents}


@pytest.mark.parametrize("end", [withdraw_consent, record_objection])
def test_a_no_is_kept_on_every_row_of_the_person_and_of_nobody_else(
    federation: Federation, holder: Node, end: Callable[[Node, str], tuple[str, ...]]
) -> None:
    record_consent(holder, "B-1", terms())
    assert end(holder, FIRST["local_id"]) == ("B-1",)
    word = "withdrawn" if end is withdraw_consent else "objected"
    assert states(federation) == {
        FIRST["local_id"]: "refused" if word == "withdrawn" else word,
        "B-1": word,
    }
    assert end(holder, "B-1") == ()
    assert send_consents(holder) == 3


def test_a_consent_for_another_row_of_the_person_lifts_nothing_in_passing_and_all_where_it_says_so(
    federation: Federation, holder: Node
) -> None:
    record_objection(holder, FIRST["local_id"])
    federation.clock.advance(seconds=1)
    again = terms(captured_at=federation.clock())
    with pytest.raises(PolicyError, match="another one of theirs"):
        record_consent(holder, "B-1", again)
    assert record_consent(holder, "B-1", again, lifts_objection=True) == (FIRST["local_id"],)
    assert set(states(federation).values()) == {"given"}
    assert send_consents(holder) == 4


def test_in_a_list_a_no_reaches_the_persons_other_row_whichever_stands_first(
    federation: Federation, holder: Node
) -> None:
    entries = [("B-1", terms()), (FIRST["local_id"], Ended(Refusal.OBJECTED))]
    assert record_consents(holder, entries) == Recorded(1, (0,), (), ())
    assert states(federation) == {FIRST["local_id"]: "objected", "B-1": "objected"}
    assert record_consents(holder, entries[1:]) == Recorded(0)


def test_a_dated_no_leaves_a_later_consent_on_another_row_as_it_is(
    federation: Federation, holder: Node
) -> None:
    record_consent(holder, "B-1", terms(captured_at=federation.clock() - timedelta(days=1)))
    old = Ended(Refusal.WITHDRAWN, federation.clock() - timedelta(days=2))
    assert record_consents(holder, [(FIRST["local_id"], old)]).also == ()
    assert states(federation) == {FIRST["local_id"]: "refused", "B-1": "given"}


def test_a_row_that_comes_later_has_the_no_before_it_can_be_pushed(
    federation: Federation, holder: Node
) -> None:
    record_objection(holder, FIRST["local_id"])
    rows = [*ROWS, born("D-1")]
    assert import_records(holder.store, records_of(rows), weak_rows=()).refused == 1
    assert states(federation)["D-1"] == "objected"
    assert import_records(holder.store, records_of(rows), weak_rows=()).refused == 0
