"""Overrides and emergencies: asked for from a list, decided by somebody else, and what became of them."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from keys.actors import Role
from node.bases import REASON_CATEGORIES
from node.case_lists import KeptList, keep_list, read_list
from node.errors import HubRefusedError, HubUnreachableError, PolicyError, RecordFormatError
from node.identifiers import Case
from node.list_overrides import ask_for_override, declare_for, overrides_of
from node.overrides import (
    DECIDING,
    LONGEST_REASON,
    Override,
    OverrideState,
    approve_override,
    find_override,
    is_same_person,
    list_overrides,
    refuse_override,
)
from node.settling import APPROVAL_LIFE, EMERGENCY_LIFE
from node.web.basis_form import PURPOSE_WORDS
from node.web.list_pages import find_open_own_list, kept_until
from node.web.visits import Visit
from pages.visits import NO_ERRORS, Errors, not_found

READING = (Role.IG, Role.COORDINATOR, Role.OFFICER)
MOST_SHOWN = 200
STATE_TAGS = {
    OverrideState.REQUESTED: ("waiting", "Waits for a decision"),
    OverrideState.APPROVED: ("ready", "Approved"),
    OverrideState.REFUSED: ("stop", "Refused"),
    OverrideState.EMERGENCY: ("possibly", "Emergency"),
}


def show_overrides(visit: Visit) -> Response:
    """What waits for a decision, the longest first; then everything else, the newest first."""
    found = list_overrides(visit.node.store)
    waiting = [one for one in found if one.state is OverrideState.REQUESTED]
    settled = [one for one in reversed(found) if one.state is not OverrideState.REQUESTED]
    return visit.show(
        "overrides.html", waiting=waiting, settled=settled[:MOST_SHOWN], states=STATE_TAGS,
        purposes=PURPOSE_WORDS, decides=decides(visit),
    )  # fmt: skip


def show_override(visit: Visit) -> Response:
    """One of them, with its reason; whoever may decide it decides it here."""
    return _show_override(visit, _found(visit))


def decision_sent(visit: Visit) -> Response:
    """Approve or refuse; what is decided already is shown as it was decided."""
    found, chosen = _found(visit), visit.form.get("decision")
    if found.state is OverrideState.REQUESTED:
        if chosen not in ("approve", "refuse"):
            return _show_override(visit, found, errors={"decision": "Select what you decide"})
        (approve_override if chosen == "approve" else refuse_override)(visit.node, found.override)
    return visit.go(f"/overrides/{found.override}")


def show_request(visit: Visit) -> Response:
    """The form that asks for one case's override."""
    return _show_form(visit, *_list_and_case(visit), emergency=False)


def request_sent(visit: Visit) -> Response:
    """Check, then ask."""
    return _sent(visit, emergency=False)


def show_emergency(visit: Visit) -> Response:
    """The form that declares an emergency for one case."""
    kept, case = _list_and_case(visit)
    _require_alone(visit, kept)
    return _show_form(visit, kept, case, emergency=True)


def emergency_sent(visit: Visit) -> Response:
    """Check, then declare."""
    return _sent(visit, emergency=True)


def decides(visit: Visit) -> bool:
    """Whether whoever is signed in may decide what others ask for."""
    return not visit.roles.isdisjoint(DECIDING)


def count_waiting(visit: Visit) -> int:
    """How many requests wait for whoever is signed in: their own are for somebody else."""
    found = list_overrides(visit.node.store)
    return sum(_may_decide(visit, one) for one in found) if decides(visit) else 0


def _sent(visit: Visit, *, emergency: bool) -> Response:
    """A form with what is wrong, or its answers to check, or what came of it."""
    with visit.site.alone(visit.part("list")):
        kept, case = _list_and_case(visit)
        if emergency:
            _require_alone(visit, kept)
        standing = _standing(visit, kept, case, emergency=emergency)
        if standing is not None:
            return visit.go(f"/overrides/{standing.override}")
        errors = _errors(visit)
        if errors or visit.form.get("then") not in ("send", "check"):
            return _show_form(visit, kept, case, emergency=emergency, errors=errors)
        if visit.form.get("then") == "check":
            return _show_form(visit, kept, case, emergency=emergency, checking=True)
        return _log_and_keep(visit, kept, case, emergency=emergency)


def _log_and_keep(visit: Visit, kept: KeptList, case: Case, *, emergency: bool) -> Response:
    ask = declare_for if emergency else ask_for_override
    try:
        changed = ask(
            visit.node, kept, case, category=visit.form.get("category"), reason=visit.form.get("reason")
        )
    except (HubUnreachableError, HubRefusedError) as error:
        nothing = "Nothing was declared: ring the services" if emergency else "Nothing was asked for"
        errors = {"reason": f"{nothing}. It could not be logged: {error}"}
        return _show_form(visit, kept, case, emergency=emergency, errors=errors)
    keep_list(visit.node.store, changed, until=kept_until(visit))
    return visit.go(f"/lists/{kept.list_id}")


def _show_form(
    visit: Visit,
    kept: KeptList,
    case: Case,
    *,
    emergency: bool,
    checking: bool = False,
    errors: Errors = NO_ERRORS,
) -> Response:
    return visit.show(
        "override_check.html" if checking else "override_ask.html",
        kept=kept, row=case.row, case_ref=case.case_ref, purpose=_purpose(kept.purpose),
        emergency=emergency, action=visit.request.url.path, longest=LONGEST_REASON,
        category=visit.form.get("category") or kept.basis.category or "", errors=errors,
    )  # fmt: skip


def _show_override(visit: Visit, found: Override, *, errors: Errors = NO_ERRORS) -> Response:
    life = EMERGENCY_LIFE if found.state is OverrideState.EMERGENCY else APPROVAL_LIFE
    return visit.show(
        "override.html", found=found, state=STATE_TAGS[found.state], purpose=_purpose(found.purpose),
        ends_at=(found.decided_at or found.at) + life, may_decide=_may_decide(visit, found),
        own=is_same_person(found.staff, visit.staff), errors=errors,
    )  # fmt: skip


def _errors(visit: Visit) -> Errors:
    errors = {}
    if visit.form.get("category") not in REASON_CATEGORIES:
        errors["category"] = "Select the kind of reason"
    if not visit.form.get("reason"):
        errors["reason"] = "Say in words why it is needed"
    return errors


def _may_decide(visit: Visit, found: Override) -> bool:
    waits = found.state is OverrideState.REQUESTED
    return waits and decides(visit) and not is_same_person(found.staff, visit.staff)


def _standing(visit: Visit, kept: KeptList, case: Case, *, emergency: bool) -> Override | None:
    """What the case has already and a second click would only repeat; None where it can be asked for."""
    found = overrides_of(visit.node.store, kept).get(case.case_ref)
    if found is None or found.state is OverrideState.REFUSED or _is_over(found, visit.at):
        return None
    return found if found.state is OverrideState.EMERGENCY or not emergency else None


def _is_over(found: Override, at: datetime) -> bool:
    return found.state is OverrideState.EMERGENCY and at - found.at >= EMERGENCY_LIFE


def _list_and_case(visit: Visit) -> tuple[KeptList, Case]:
    """The list of the address and its case, still to be asked.

    Raises:
        HTTPException: There is none.
        PolicyError: The list has been sent.
    """
    kept = find_open_own_list(visit)
    cases = read_list(visit.node.home, kept, today=visit.today).cases
    case = next((one for one in cases if one.row == int(visit.part("row"))), None)
    if case is None:
        raise not_found()
    return kept, case


def _require_alone(visit: Visit, kept: KeptList) -> None:
    if read_list(visit.node.home, kept, today=visit.today).rows != 1:
        raise PolicyError("an emergency is asked about alone: look this person up by themselves")


def _found(visit: Visit) -> Override:
    try:
        return find_override(visit.node.store, visit.part("override"))
    except RecordFormatError:
        raise not_found() from None


def _purpose(purpose: str) -> str:
    return PURPOSE_WORDS.get(purpose, purpose.replace("_", " "))
