"""Recording one person's consent: the form, the check, and what came of it."""

from __future__ import annotations

from starlette.responses import Response

from node.consent import record_consent
from node.consent_terms import METHODS, PURPOSES, ConsentTerms, noes
from node.consent_versions import find_document
from node.errors import (
    HubRefusedError,
    HubUnreachableError,
    NotInitialisedError,
    PolicyError,
    RecordFormatError,
)
from node.membership import agency_ids, fetch_agencies
from node.web.basis_form import METHOD_WORDS
from node.web.consent_form import (
    ACTOR_WORDS,
    CAPACITY_WORDS,
    FIELDS,
    RECIPIENTS,
    TICKED,
    TOLD,
    describe_terms,
    read_consent_form,
)
from node.web.log_words import describe_purpose
from node.web.people_pages import person_of, reference_under, tell_hub
from node.web.visits import Visit
from pages.templating import capitalise
from pages.visits import NO_ERRORS, Errors

PURPOSE_CHOICES = {purpose: describe_purpose(purpose) for purpose in PURPOSES}


def show_consent(visit: Visit) -> Response:
    """The form."""
    return _show_form(visit)


def consent_sent(visit: Visit) -> Response:
    """Check it, then record it."""
    terms, errors = read_consent_form(visit.form, at=visit.at)
    lifts = visit.form.get("lifts") == TICKED
    if not errors and _said_no(visit) and not lifts:
        errors = {
            "lifts": "They said no before. Tick this if they have changed their mind, or leave it as it was"
        }
    if terms is None or errors or visit.form.get("then") not in ("check", "send"):
        return _show_form(visit, errors=errors)
    if visit.form.get("then") == "check":
        return _show_check(visit)
    return _record(visit, terms, lifts=lifts and _said_no(visit))


def _record(visit: Visit, terms: ConsentTerms, *, lifts: bool) -> Response:
    handle = person_of(visit)
    try:
        record_consent(visit.node, reference_under(visit, handle), terms, lifts_objection=lifts)
    except RecordFormatError as error:
        field = FIELDS.get(error.field or "", error.field or "captured")
        return _show_form(visit, errors={field: capitalise(error.rule)})
    except PolicyError:
        says = "They have said no, or given a later consent, since that day: only a later one counts"
        return _show_form(visit, errors={"captured": says})
    return tell_hub(visit, handle)


def _show_form(visit: Visit, *, errors: Errors = NO_ERRORS) -> Response:
    handle = person_of(visit)
    return visit.show(
        "consent.html", handle=handle, reference=reference_under(visit, handle), said_no=_said_no(visit),
        recipients=RECIPIENTS, agencies=_agencies(visit), purposes=PURPOSE_CHOICES, told=TOLD,
        methods={method: METHOD_WORDS[method].capitalize() for method in METHODS},
        capacities=CAPACITY_WORDS, actors=ACTOR_WORDS, errors=errors,
    )  # fmt: skip


def _show_check(visit: Visit) -> Response:
    handle = person_of(visit)
    return visit.show(
        "consent_check.html", handle=handle, reference=reference_under(visit, handle),
        said_no=_said_no(visit), answers=describe_terms(visit.form, _agencies(visit), PURPOSE_CHOICES),
    )  # fmt: skip


def _said_no(visit: Visit) -> bool:
    """On this record: a no on another one of the same person was kept on this one too."""
    return bool(noes(find_document(visit.node.store, person_of(visit))))


def _agencies(visit: Visit) -> dict[str, str]:
    """Names of the other agencies by id; without the hub their ids, as they were last seen."""
    own = visit.node.settings.agency
    try:
        found = fetch_agencies(visit.node.client(), visit.node.store)
    except (HubUnreachableError, HubRefusedError, NotInitialisedError):
        return {agency: agency for agency in sorted(agency_ids(visit.node, ()) or ()) if agency != own}
    return {one.agency: one.name for one in found.values() if one.agency != own}
