"""Who asked about our people, and what we asked: the agency's own copy of the log, searched.

A search is sent as a form and not as an address: it may hold a person's reference.
"""

from __future__ import annotations

from starlette.responses import Response

from keys.actors import Role
from node.access_log import describe_log, sync_log
from node.consent_terms import PURPOSES
from node.errors import HubUnreachableError, RecordFormatError
from node.log_lines import ABOUT_US, LOOKUP, REFUSED_CALL, LogLine
from node.log_search import Search, parse_search, require_agency
from node.web.log_words import describe_line, describe_purpose
from node.web.visits import Visit
from pages.templating import capitalise
from pages.visits import NO_ERRORS, Errors

READERS = (Role.IG, Role.RESPONDER)
MOST_SHOWN = 200
ABOUT, ASKED, EVERYTHING = "about", "asked", "everything"
SCOPES = {
    ABOUT: "Who asked about our people",
    ASKED: "What we asked",
    EVERYTHING: "Everything: consents, agreements and keys too",
}
OUTCOMES = {
    "known": "Known",
    "possibly_known": "Possibly known",
    "no_shared_match": "No shared match",
    "withheld": "Withheld, though a record matched",
    "refused": "Refused",
}
TEXTS = ("reference", "staff", "agency", "purpose", "outcome")


def show_log(visit: Visit) -> Response:
    """Who asked about our people, the newest first, and the form that searches."""
    return _show(visit, Search(), ABOUT)


def search_sent(visit: Visit) -> Response:
    """What a search finds."""
    scope = visit.form.get("scope") if visit.form.get("scope") in SCOPES else ABOUT
    typed: dict[str, object] = {name: visit.form.get(name) or None for name in TEXTS}
    errors = {}
    for name in ("since", "until"):
        typed[name] = visit.form.day(name)
        if visit.form.day_text(name) and typed[name] is None:
            errors[name] = "Enter a day, such as 1 10 2026, or leave it empty"
    try:
        wanted = parse_search(typed)
    except RecordFormatError as error:
        return _show(visit, Search(), scope, errors={error.field or "scope": capitalise(error.rule)})
    return _show(visit, Search() if errors else wanted, scope, errors=errors)


def _show(visit: Visit, wanted: Search, scope: str, *, errors: Errors = NO_ERRORS) -> Response:
    reached = _sync(visit)
    every = list(describe_log(visit.node))
    try:
        require_agency(wanted, every)
    except RecordFormatError as error:
        errors = {"agency": capitalise(error.rule)}
    found = [] if errors else [one for one in every if _is_in(one, scope) and wanted.finds(one)][::-1]
    return visit.show(
        "log.html",
        lines=[describe_line(one) for one in found[:MOST_SHOWN]],
        more=max(0, len(found) - MOST_SHOWN),
        searched=wanted != Search(),
        reached=reached,
        scope=scope,
        scopes=SCOPES,
        purposes={purpose: describe_purpose(purpose) for purpose in PURPOSES},
        outcomes=OUTCOMES,
        errors=errors,
    )


def _sync(visit: Visit) -> bool:
    """Bring the copy up to date; whether the hub was there to ask."""
    try:
        sync_log(visit.node)
    except HubUnreachableError:
        return False
    return True


def _is_in(line: LogLine, scope: str) -> bool:
    if scope == EVERYTHING:
        return True
    is_question = line.action.startswith((LOOKUP, REFUSED_CALL))
    return is_question and (line.direction == ABOUT_US) == (scope == ABOUT)
