"""The review queue of information governance: alarms, overrides, emergencies and what was drawn at random."""

from __future__ import annotations

from starlette.responses import Response

from node.access_log import describe_log, sync_log
from node.errors import HubRefusedError, HubUnreachableError, RecordFormatError
from node.log_lines import LogLine
from node.overrides import reason_of
from node.reviews import OUTCOMES, Review, decide, fetch_review, fetch_reviews, lines_under, notes_of
from node.web.log_words import describe_line
from node.web.visits import Visit
from pages.visits import NO_ERRORS, Errors, not_found

# A form's field holds no more (`pages.forms`).
LONGEST_NOTE = 2_000
OUTCOME_WORDS = {
    "justified": "Justified: it was right to ask",
    "queried": "Queried: more has to be found out, and it stays open",
    "breach": "A breach: it was not right to ask",
}
STATE_TAGS = {
    "open": ("waiting", "Open"),
    "queried": ("possibly", "Queried"),
    "justified": ("ready", "Justified"),
    "breach": ("stop", "Breach"),
}


def show_reviews(visit: Visit) -> Response:
    """What is to be looked at, the oldest first; on request what is decided too."""
    everything = "all" in visit.request.query_params
    found = list(fetch_reviews(visit.node.client(), everything=everything))
    return visit.show("reviews.html", found=found, everything=everything, states=STATE_TAGS)


def show_review(visit: Visit) -> Response:
    """One item: why it is there, the entries it rests on, what was decided."""
    return _show_review(visit, _found(visit))


def decision_sent(visit: Visit) -> Response:
    """Decide what was shown; where more has happened since, it is shown again."""
    found, outcome, note = _found(visit), visit.form.get("outcome"), visit.form.get("note")
    errors = {}
    if outcome not in OUTCOMES:
        errors["outcome"] = "Select what you found"
    if not note:
        errors["note"] = "Say in words why"
    if errors:
        return _show_review(visit, found, errors=errors)
    try:
        decide(visit.node, found.item, outcome, note, seen=_seen(visit))
    except HubUnreachableError as error:
        return _show_review(visit, found, errors={"note": f"It may not have counted: {error}. Send it again"})
    except HubRefusedError as error:
        return _show_review(
            visit, _found(visit), errors={"note": f"It did not count: {error.detail or error}"}
        )
    return visit.go(f"/reviews/{found.item}")


def _show_review(visit: Visit, found: Review, *, errors: Errors = NO_ERRORS) -> Response:
    every = _lines(visit, found)
    lines = lines_under(found.kind, every)
    return visit.show(
        "review.html",
        found=found,
        state=STATE_TAGS[found.state],
        lines=[(describe_line(line), _reason(visit, line)) for line in lines],
        besides=len(every) - len(lines),
        missing=len(set(found.indices) - {line.index for line in every}),
        notes=notes_of(visit.node.store, found),
        outcomes=OUTCOME_WORDS,
        longest=LONGEST_NOTE,
        errors=errors,
    )


def _lines(visit: Visit, found: Review) -> list[LogLine]:
    if not found.indices:
        return []
    sync_log(visit.node)
    return [
        one for one in describe_log(visit.node, after=min(found.indices) - 1) if one.index in found.indices
    ]


def _reason(visit: Visit, line: LogLine) -> str | None:
    """The words of the override or emergency an entry rests on, where this node keeps them."""
    return None if line.authority is None else reason_of(visit.node.store, line.authority)


def _found(visit: Visit) -> Review:
    try:
        return fetch_review(visit.node.client(), visit.part("item"))
    except RecordFormatError:
        raise not_found() from None
    except HubRefusedError as error:
        if error.code != "not_found":
            raise
        raise not_found() from None


def _seen(visit: Visit) -> int:
    typed = visit.form.get("seen")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= 18 else 0
