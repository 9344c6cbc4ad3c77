"""Overrides and emergencies: asked for, decided by somebody else, declared; each step logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.log_models import LogEntry
from keys.actors import Actor
from node.bases import BasisDefaults, EmergencyBasis, PublicTaskBasis
from node.errors import HubRefusedError, HubUnreachableError, PolicyError, RecordFormatError
from node.home import Node
from node.lookups import Asking, LookupResult, look_up
from node.overrides import (
    Override,
    approve_override,
    declare_emergency,
    list_overrides,
    refuse_override,
    request_override,
)
from node.settling import SettledBases, settle_bases
from node.staff import remove_roles
from tests.broken_transports import always, broken
from tests.federation import Federation, case_of
from tests.people import people, person

WORDS = {"purpose": "safeguarding_panel", "category": "safeguarding_adult", "reason": "said at the door"}
NO_OVERRIDE = BasisDefaults(kind="public_task")


def row(number: int, case_ref: str = "N-1") -> dict[str, str]:
    return {**person(number), "case_ref": case_ref}


@pytest.fixture
def asker(federation: Federation) -> Node:
    federation.share("holder", people(20))
    return federation.acting("asker", "coordinator")


def approver(federation: Federation) -> Node:
    return federation.acting("asker", "ig")


def request(asker: Node, **changes: Any) -> Override:
    """Ask for an override about person 3, as whoever acts."""
    about = {"case_ref": "N-1", "person": case_of(row(3)).identifiers}
    return request_override(asker, **about | WORDS | changes)


def ask(node: Node, *rows: Mapping[str, str], override: str, **changes: Any) -> LookupResult:
    """Look cases up under an override's id."""
    purpose = changes.get("purpose", "safeguarding_panel")
    defaults = replace(NO_OVERRIDE, override=override)
    cases = [case_of(one, n) for n, one in enumerate(rows, 2)]
    settled = settle_bases(node, cases, defaults, purpose=purpose)
    return look_up(node, settled.asked, Asking(node.actor.staff, "coordinator", purpose))


def word(result: LookupResult) -> str:
    return str(result.cases[0].answers[0].word)


def test_an_approved_override_needs_no_consent(federation: Federation, asker: Node) -> None:
    made = request(asker)
    approve_override(approver(federation), made.override)
    assert word(ask(asker, row(3), override=made.override)) == "Known"
    (kept,) = list_overrides(asker.store)
    assert (kept.state, kept.staff, kept.decided_by) == ("approved", "asker-staff", "asker-ig")


def test_each_step_stands_in_the_log_before_it_counts(federation: Federation, asker: Node) -> None:
    made = request(asker)
    refuse_override(approver(federation), made.override)
    declare_emergency(asker, case_ref="N-1", **WORDS)
    with federation.hub.database.reading() as session:
        actions = list(session.scalars(select(LogEntry.action).order_by(LogEntry.index)))
    assert [action for action in actions if action.startswith("override:")] == [
        "override:request:made",
        "override:approval:refused",
        "override:emergency:declared",
    ]


def test_what_cannot_be_logged_is_not_kept(asker: Node) -> None:
    with broken(asker, always), pytest.raises(HubUnreachableError):
        request(asker)
    assert list_overrides(asker.store) == []


@pytest.mark.parametrize("staff", ["asker-staff", "ASKER-STAFF"], ids=["themselves", "in capitals"])
def test_nobody_decides_their_own_request(asker: Node, staff: str) -> None:
    made = request(asker)
    kept = list_overrides(asker.store)
    themselves = asker.acting(Actor(staff.lower(), "coordinator"))
    for decide in (approve_override, refuse_override):
        with pytest.raises(PolicyError, match="cannot decide it"):
            decide(themselves, made.override)
    assert list_overrides(asker.store) == kept


def test_a_decision_is_final(federation: Federation, asker: Node) -> None:
    made = request(asker)
    refuse_override(approver(federation), made.override)
    with pytest.raises(PolicyError, match="refused already"):
        approve_override(approver(federation), made.override)


def _requested(federation: Federation, asker: Node) -> Override:
    return request(asker)


def _approved(federation: Federation, asker: Node) -> Override:
    return approve_override(approver(federation), _requested(federation, asker).override)


def _declared(federation: Federation, asker: Node) -> Override:
    return declare_emergency(asker, case_ref="N-1", **WORDS)


def _old(make: Any, **time: float) -> Any:
    def made(federation: Federation, asker: Node) -> Override:
        override: Override = make(federation, asker)
        federation.clock.advance(**time)
        return override

    return made


def _refused(federation: Federation, asker: Node) -> Override:
    return refuse_override(approver(federation), _requested(federation, asker).override)


@pytest.mark.parametrize(
    ("make", "question", "says"),
    [
        pytest.param(_requested, {}, "not approved yet", id="not approved yet"),
        pytest.param(_refused, {}, "it was refused", id="refused"),
        pytest.param(_approved, {"case_ref": "N-2"}, "another case", id="for another case"),
        pytest.param(_approved, {"purpose": "single_lookup"}, "it is for safeguarding", id="another purpose"),
        pytest.param(_approved, {"number": 4}, "another person", id="about another person"),
        pytest.param(_old(_approved, days=28), {}, "its time is over", id="approved four weeks ago"),
        pytest.param(_old(_declared, minutes=15), {}, "its time is over", id="declared 15 minutes ago"),
    ],
)
def test_an_override_that_does_not_fit_is_refused_here(
    federation: Federation, asker: Node, make: Any, question: dict[str, Any], says: str
) -> None:
    made = make(federation, asker)
    asked = row(question.pop("number", 3), question.pop("case_ref", "N-1"))
    with pytest.raises(PolicyError, match=says):
        ask(asker, asked, override=made.override, **question)


def test_an_approver_cannot_use_what_they_approved(federation: Federation, asker: Node) -> None:
    made = _approved(federation, asker)
    with pytest.raises(PolicyError, match="cannot use it"):
        ask(asker.acting(Actor("asker-ig", "coordinator")), row(3), override=made.override)


def test_an_unknown_override_says_where_to_look(asker: Node) -> None:
    with pytest.raises(RecordFormatError, match="knownto override list"):
        ask(asker, row(3), override="0" * 32)


def test_an_emergency_is_answered_for_15_minutes(federation: Federation, asker: Node) -> None:
    made = _declared(federation, asker)
    federation.clock.advance(minutes=14)
    for _ in range(2):
        assert word(ask(asker, row(3), override=made.override)) == "Known"


def test_an_emergency_is_for_one_case(asker: Node, federation: Federation) -> None:
    made = _declared(federation, asker)
    with pytest.raises(PolicyError, match="asked about alone"):
        ask(asker, row(3), row(3), override=made.override)


def test_the_hub_holds_an_emergency_to_one_person_whatever_the_node_says(
    federation: Federation, asker: Node
) -> None:
    made = _declared(federation, asker)
    assert word(ask(asker, row(3), override=made.override)) == "Known"
    basis = EmergencyBasis(made.category, made.reason, made.override, made.at)
    for changed, asked, purpose in (
        (basis, row(4), "safeguarding_panel"),
        (basis, row(3), "single_lookup"),
        (replace(basis, declared_at=made.at + timedelta(minutes=1)), row(3), "safeguarding_panel"),
    ):
        federation.clock.advance(minutes=1)
        with pytest.raises(HubRefusedError) as refused:
            look_up(asker, [(case_of(asked), changed)], Asking("asker-staff", "coordinator", purpose))
        assert refused.value.code == "basis_not_permitted"


def test_the_hub_holds_an_override_to_one_person_whatever_the_node_says(
    federation: Federation, asker: Node
) -> None:
    made = _approved(federation, asker)
    basis = PublicTaskBasis(made.category, "asker-ig", made.reason, made.override, federation.clock())
    asking = Asking("asker-staff", "coordinator", "safeguarding_panel")
    for _ in range(2):
        federation.clock.advance(days=1)
        assert word(look_up(asker, [(case_of(row(3)), basis)], asking)) == "Known"
    for cases, purpose in (
        ([(case_of(row(4)), basis)], "safeguarding_panel"),
        ([(case_of(row(3)), basis), (case_of(row(4), 3), basis)], "safeguarding_panel"),
        ([(case_of(row(3)), basis)], "single_lookup"),
    ):
        with pytest.raises(HubRefusedError) as refused:
            look_up(asker, cases, replace(asking, purpose=purpose))
        assert refused.value.code == "basis_not_permitted"


def test_a_new_epoch_binds_an_override_anew_and_the_node_holds_it(
    federation: Federation, asker: Node
) -> None:
    made = _approved(federation, asker)
    assert word(ask(asker, row(3), override=made.override)) == "Known"
    federation.clock.advance(seconds=1)
    federation.begin_epoch(["dob", "initials", "names"], custodian="asker")
    federation.share("holder", people(20))
    assert word(ask(asker, row(3), override=made.override)) == "Known"
    with pytest.raises(PolicyError, match="another person"):
        ask(asker, row(4), override=made.override)


def test_whom_the_caseload_has_under_the_reference_need_not_be_typed(
    federation: Federation, asker: Node
) -> None:
    federation.share("asker", [{**person(3), "local_id": "N-1"}])
    made = request(asker, person=())
    approve_override(approver(federation), made.override)
    assert word(ask(asker, row(3), override=made.override)) == "Known"
    assert made.person is not None and len(made.person) == 64


def test_a_request_about_nobody_is_refused_before_it_is_logged(federation: Federation, asker: Node) -> None:
    with pytest.raises(RecordFormatError, match="nobody is named"):
        request(asker, person=())
    assert list_overrides(asker.store) == []


def test_the_hub_takes_no_second_case_beside_an_emergency(federation: Federation, asker: Node) -> None:
    made = _declared(federation, asker)
    basis = EmergencyBasis(made.category, made.reason, made.override, made.at)
    cases = [(case_of(row(3)), basis), (case_of(row(4), 3), basis)]
    with pytest.raises(HubRefusedError) as refused:
        look_up(asker, cases, Asking("asker-staff", "coordinator", "safeguarding_panel"))
    assert refused.value.code == "basis_not_permitted"


def listed(
    node: Node, *, number: int = 3, detail: str = "safeguarding_adult; asker-ig; at the door", **row_of: str
) -> SettledBases:
    """What becomes of a case list's row that names an approver."""
    purpose = row_of.pop("purpose", "safeguarding_panel")
    case = replace(case_of(row(number, **row_of)), basis="public_task", basis_detail=detail)
    return settle_bases(node, [case], BasisDefaults(), purpose=purpose)


def test_a_row_that_names_an_approver_waits_until_they_have_approved(
    federation: Federation, asker: Node
) -> None:
    assert [case.case_ref for case in listed(asker).waiting] == ["N-1"]
    assert list_overrides(asker.store) == []
    made = _requested(federation, asker)
    assert listed(asker).asked == ()
    approve_override(approver(federation), made.override)
    settled = listed(asker)
    assert settled.waiting == ()
    result = look_up(asker, settled.asked, Asking("asker-staff", "coordinator", "safeguarding_panel"))
    assert word(result) == "Known"


def _approved_long_ago(federation: Federation, asker: Node) -> Override:
    made = _approved(federation, asker)
    federation.clock.advance(days=28)
    return made


@pytest.mark.parametrize(
    ("make", "question"),
    [
        pytest.param(_refused, {}, id="refused"),
        pytest.param(_declared, {}, id="an emergency"),
        pytest.param(_approved_long_ago, {}, id="approved four weeks ago"),
        pytest.param(_approved, {"case_ref": "N-2"}, id="another case"),
        pytest.param(_approved, {"number": 4}, id="another person"),
        pytest.param(_approved, {"purpose": "single_lookup"}, id="another purpose"),
        pytest.param(_approved, {"detail": "risk_to_life; asker-ig; words"}, id="another category"),
        pytest.param(_approved, {"detail": "safeguarding_adult; somebody; words"}, id="another approver"),
    ],
)
def test_a_row_waits_where_the_approval_recorded_is_another(
    federation: Federation, asker: Node, make: Any, question: dict[str, Any]
) -> None:
    make(federation, asker)
    settled = listed(asker, **question)
    assert (len(settled.asked), len(settled.waiting)) == (0, 1)


def test_an_approval_is_used_by_whoever_asked_for_it_alone(federation: Federation, asker: Node) -> None:
    made = _approved(federation, asker)
    somebody = asker.acting(Actor("somebody-else", "coordinator"))
    assert len(listed(somebody).waiting) == 1
    with pytest.raises(PolicyError, match="only who asked"):
        ask(somebody, row(3), override=made.override)


def test_who_approves_holds_the_role_at_that_moment(federation: Federation, asker: Node) -> None:
    made = _requested(federation, asker)
    for nobody in (asker.acting(Actor("stranger", "ig")), approver(federation)):
        if nobody.actor.staff == "asker-ig":
            remove_roles(asker.store, "asker-ig", by="asker-staff", at=federation.clock())
        with pytest.raises(PolicyError, match="does not hold the role"):
            approve_override(nobody, made.override)
    assert [kept.state for kept in list_overrides(asker.store)] == ["requested"]


@pytest.mark.parametrize(
    ("field", "value"), [("case_ref", ""), ("category", "gossip"), ("reason", ""), ("reason", "x" * 2001)]
)
def test_a_request_that_lacks_something_is_named_by_its_field(asker: Node, field: str, value: str) -> None:
    with pytest.raises(RecordFormatError) as caught:
        request(asker, **{field: value})
    assert caught.value.field == field
