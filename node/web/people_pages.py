"""People of the own caseload: their consent, its withdrawal and objections, and seals.

A person is found by the agency's own reference, sent as a form; addresses hold the random handle.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from keys.actors import Role
from node.caseload import find_handle, is_held, is_in_caseload, reference_of, sealed_handles
from node.consent import expiring_consents, list_consents, record_objection, withdraw_consent
from node.consent_terms import Refusal, noes, state_of
from node.consent_versions import find_document
from node.duplicates import same_people
from node.errors import HubRefusedError, HubUnreachableError, RecordFormatError
from node.in_step import send_or_say_so
from node.seal_events import CATEGORIES
from node.sealing import seal_person, unseal_person
from node.status import describe_node
from node.times import parse_time
from node.web.log_words import describe_purpose
from node.web.visits import Visit
from pages.visits import NO_ERRORS, Errors, not_found

KEEPING = (Role.RESPONDER,)
READING = (Role.RESPONDER, Role.IG)
ENDS_WITHIN_DAYS = 30
STATE_TAGS = {
    "given": ("ready", "Given"),
    "not yet": ("waiting", "Not yet"),
    "ended": ("stop", "Ended"),
    "refused": ("stop", "Refused"),
    "withdrawn": ("stop", "Withdrawn"),
    "objected": ("stop", "Objected"),
}
NOES = {
    Refusal.WITHDRAWN: "They withdrew their consent, or refused it",
    Refusal.OBJECTED: "They object to being looked up, whatever the reason",
}
SEAL_REASONS = {
    "protected_identity": "Their identity is protected",
    "risk_of_harm": "They would be at risk if they were found",
    "court_order": "A court order",
    "own_request": "They asked for it",
    "correction": "To correct a mistake",
    "not_stated": "Not said",
}


def show_people(visit: Visit) -> Response:
    """The form that finds one person, and whom to ask again soon."""
    return _show_people(visit)


def find_sent(visit: Visit) -> Response:
    """Go to the person of a reference."""
    handle = find_handle(visit.node.store, visit.form.get("reference"))
    if handle is None:
        says = "No record has this reference: check the spelling, or import the caseload first"
        return _show_people(visit, errors={"reference": says})
    return visit.go(f"/people/{handle}")


def show_person(visit: Visit) -> Response:
    """One person: what they agreed to, whether they are sealed, and their other references."""
    return _show_person(visit)


def no_sent(visit: Visit) -> Response:
    """Record a withdrawal or an objection, checked on the page before."""
    handle, kind = person_of(visit), visit.form.get("kind")
    if kind not in NOES:
        return _show_person(visit, errors={"kind": "Select what the person said"})
    if visit.form.get("then") != "send":
        return _show_check(visit, "person_no.html", kind=kind, words=NOES[Refusal(kind)])
    end = withdraw_consent if kind == Refusal.WITHDRAWN else record_objection
    end(visit.node, reference_under(visit, handle))
    return tell_hub(visit, handle)


def seal_sent(visit: Visit) -> Response:
    """Seal a person, or lift the seal, checked on the page before."""
    handle, category = person_of(visit), visit.form.get("category")
    sealed = handle in sealed_handles(visit.node.store)
    if category not in CATEGORIES:
        return _show_person(visit, errors={"category": "Select why"})
    if visit.form.get("then") != "send":
        return _show_check(
            visit, "person_seal.html", category=category, words=SEAL_REASONS[category], sealed=sealed
        )
    if visit.form.get("sealed") != str(sealed):  # A second click, or an old page: it would do the opposite.
        return visit.go(f"/people/{handle}")
    try:
        (unseal_person if sealed else seal_person)(
            visit.node, reference_under(visit, handle), category=category
        )
    except HubUnreachableError:
        return visit.go(f"/people/{handle}?waits=1")
    return visit.go(f"/people/{handle}")


def tell_hub(visit: Visit, handle: str) -> Response:
    """Have the hub told; where it cannot be, the person's page says that it waits."""
    try:
        send_or_say_so(visit.node)
    except (HubUnreachableError, HubRefusedError):
        return visit.go(f"/people/{handle}?waits=1")
    return visit.go(f"/people/{handle}")


def _show_people(visit: Visit, *, errors: Errors = NO_ERRORS) -> Response:
    store = visit.node.store
    ending = [
        (find_handle(store, one.local_id), one.local_id, parse_time(one.document["valid_until"]))
        for one in expiring_consents(store, at=visit.at, days=ENDS_WITHIN_DAYS)
    ]
    counts: dict[str, int] = {}
    for one in list_consents(store):
        state = one.state(visit.at)
        counts[state] = counts.get(state, 0) + 1
    return visit.show(
        "people.html", ending=ending, counts=counts, states=STATE_TAGS, within=ENDS_WITHIN_DAYS,
        facts=describe_node(visit.node), errors=errors,
    )  # fmt: skip


def _show_person(visit: Visit, *, errors: Errors = NO_ERRORS) -> Response:
    store, handle = visit.node.store, person_of(visit)
    document = find_document(store, handle)
    others = sorted((reference_of(store, one) or "", one) for one in same_people(store, [handle]) - {handle})
    return visit.show(
        "person.html",
        handle=handle,
        reference=reference_under(visit, handle),
        consent=None if document is None else _describe_consent(document, visit),
        said_no=bool(noes(document)),
        sealed=handle in sealed_handles(store),
        there=is_in_caseload(store, handle),
        held=is_held(store, handle),
        others=others,
        keeps=Role.RESPONDER in visit.roles,
        noes={str(kind): words for kind, words in NOES.items()},
        reasons=SEAL_REASONS,
        waits="waits" in visit.request.query_params,
        errors=errors,
    )


def _show_check(visit: Visit, template: str, **facts: Any) -> Response:
    store, handle = visit.node.store, person_of(visit)
    others = sorted(reference_of(store, one) or "" for one in same_people(store, [handle]) - {handle})
    return visit.show(
        template, handle=handle, reference=reference_under(visit, handle), others=others, **facts
    )


def _describe_consent(document: dict[str, Any], visit: Visit) -> dict[str, Any]:
    """A consent's newest version as the page shows it."""
    state = state_of(document, visit.at)
    ends = [parse_time(document[kind.field]) for kind in Refusal if document[kind.field]]
    return {
        "tag": STATE_TAGS[state],
        "agreed": bool(document["recipients"]),
        "purposes": [describe_purpose(purpose) for purpose in document["purposes"]],
        "recipients": document["recipients"],
        "everyone": "*" in document["recipients"],
        "contact": "contact" in document["data_classes"],
        "given": parse_time(document["captured_at"]),
        "until": parse_time(document["valid_until"]) if document["valid_until"] else None,
        "method": document["method"],
        "notice": document["notice_version"],
        "ended": min(ends, default=None),
        "version": document["version"],
    }


def person_of(visit: Visit) -> str:
    """The person of the address.

    Raises:
        HTTPException: This node has none of this handle.
    """
    handle = visit.part("person")
    if reference_of(visit.node.store, handle) is None:
        raise not_found()
    return handle


def reference_under(visit: Visit, handle: str) -> str:
    """The agency's own reference of a person."""
    reference = reference_of(visit.node.store, handle)
    if reference is None:
        raise RecordFormatError("caseload", "has no such reference", field="local_id")
    return reference
