"""The review queue of the hub's own officer: what waits, what it rests on, and the decision with its note."""

from __future__ import annotations

from datetime import date

from starlette.responses import Response

from hub.alarms import OLDER_ENTRIES
from hub.errors import ConflictError
from hub.log_lines import read_line
from hub.log_search import LogSearch, log_reading
from hub.log_views import read_readable
from hub.membership import list_agencies
from hub.review_notes import LONGEST_NOTE, decide_with_note, read_notes
from hub.review_schemas import ReviewView
from hub.review_summary import summarise
from hub.review_views import view_items
from hub.review_words import OUTCOME_WORDS
from hub.reviews import Outcome, find_item, list_items
from hub.secrets import load_pepper_key
from hub.web.visits import Visit
from keys.actors import Role
from pages.visits import NO_ERRORS, Errors

GROWN = "More has happened since you opened this page. Look at what is new below, then decide"


def show_queue(visit: Visit) -> Response:
    """What waits, oldest first, a page at a time; and the month in counts."""
    query = visit.request.query_params
    everything, settings = query.get("show") == "all", visit.hub.settings.review
    with visit.hub.database.reading() as session:
        items = list_items(session, None, open_only=not everything, after=query.get("after"))
        views = view_items(session, items, at=visit.at, settings=settings)
        month = summarise(session, None, month=visit.today, at=visit.at, settings=settings)
        names = {row.agency: row.name for row in list_agencies(session)}
    return visit.show("reviews.html", views=views, everything=everything, month=month, names=names, day=_day)


def show_item(visit: Visit) -> Response:
    """One item: why it is there, the entries it rests on, and what was decided. Its reading is logged."""
    return _show_item(visit)


def decide_sent(visit: Visit) -> Response:
    """Decide an item, with a note; what happened meanwhile has to be looked at first."""
    outcome, note, seen = (visit.form.get(name) for name in ("outcome", "note", "seen"))
    errors = {}
    if outcome not in OUTCOME_WORDS:
        errors["outcome"] = "Select what you found"
    if not note:
        errors["note"] = "Write why, in words that name nobody"
    elif len(note) > LONGEST_NOTE:
        errors["note"] = f"The note must have {LONGEST_NOTE:,} characters or fewer"
    if errors:
        return _show_item(visit, errors=errors)
    hub = visit.hub
    try:
        with hub.database.writing() as session:
            decide_with_note(
                session,
                load_pepper_key(hub.settings.home),
                visit.part("item"),
                visit.staff,
                Outcome(outcome),
                note,
                seen=int(seen) if seen.isascii() and seen.isdigit() else 0,
                at=visit.at,
                settings=hub.settings.review,
            )
    except ConflictError:
        return _show_item(visit, errors={"outcome": GROWN})
    return visit.go(f"/reviews/{visit.part('item')}")


def _show_item(visit: Visit, *, errors: Errors = NO_ERRORS) -> Response:
    hub = visit.hub
    with hub.database.reading() as session:
        found = find_item(session, None, visit.part("item"))
        [view] = view_items(session, [found], at=visit.at, settings=hub.settings.review)
        lines = [read_line(entry) for entry in read_readable(session, view.indices)]
        notes = read_notes(session, load_pepper_key(hub.settings.home), [found.item])
        names = {row.agency: row.name for row in list_agencies(session)}
    with hub.database.writing() as session:
        log_reading(session, LogSearch(), lines, staff=visit.staff, role=Role.IG, at=visit.at)
    return visit.show(
        "review.html", errors=errors, view=view, lines=lines, notes=notes, names=names, day=_day,
        seen=_seen(view), older=view.numbers.get(OLDER_ENTRIES, 0), outcomes=OUTCOME_WORDS,
        longest=LONGEST_NOTE, gone=len(view.indices) - len(lines),
    )  # fmt: skip


def _seen(view: ReviewView) -> int:
    """The highest log index that the page shows of the item, its decisions included."""
    return max([*view.indices, *(decision.log_index for decision in view.decisions)])


def _day(text: str) -> date:
    """The day of a time or day of the wire."""
    return date.fromisoformat(text[:10])
