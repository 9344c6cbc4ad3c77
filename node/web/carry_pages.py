"""Carrying cases over from the conference before to the list of the next one."""

from __future__ import annotations

from starlette.responses import Response

from node.carried_over import EarlierCase, earlier_cases
from node.case_lists import KeptList, add_row, begin_list, find_open_list, keep_list, new_list
from node.conferences import CONFERENCE_PURPOSE, Conference, conference_before, find_conference
from node.web.list_pages import kept_until
from node.web.visits import Visit
from pages.visits import NO_ERRORS, Errors, not_found

TICKED = "yes"


def show_carry(visit: Visit) -> Response:
    """The cases of the conference before, to be ticked."""
    return _show(visit, _conference(visit))


def carry_sent(visit: Visit) -> Response:
    """Put what was ticked on the open list of the conference, or begin one; what cannot be is said."""
    conference = _conference(visit)
    found = _earlier(visit, conference)
    chosen = [one for one in found if visit.form.get(f"carry-{one.place}") == TICKED]
    if not chosen:
        return _show(visit, conference, errors={"carry": "Tick the cases to carry over"})
    kept = find_open_list(visit.node.store, conference.conference, at=visit.at)
    if kept is None:
        made = new_list(CONFERENCE_PURPOSE, by=visit.staff, at=visit.at, conference=conference.conference)
        kept = begin_list(visit.node.store, made, days=visit.node.settings.result_days)
    with visit.site.alone(kept.list_id):
        longer, left = _with(visit, kept, chosen)
        if longer.typed != kept.typed:
            keep_list(visit.node.store, longer, until=kept_until(visit))
    if left:
        says = f"{', '.join(left)} cannot be carried over: there is no date of birth to believe, type it anew"
        return _show(visit, conference, errors={"carry": says})
    return visit.go(f"/lists/{kept.list_id}")


def _with(visit: Visit, kept: KeptList, chosen: list[EarlierCase]) -> tuple[KeptList, list[str]]:
    """The list with the cases that can be asked about, and the references of the others."""
    left = []
    for one in chosen:
        added = add_row(visit.node.home, kept, one.row, today=visit.today)
        if isinstance(added, KeptList):
            kept = added
        else:
            left.append(one.reference)
    return kept, left


def _show(visit: Visit, conference: Conference, *, errors: Errors = NO_ERRORS) -> Response:
    return visit.show(
        "carry.html", conference=conference, before=conference_before(visit.node.store, conference),
        cases={one.place: one.reference for one in _earlier(visit, conference)}, errors=errors,
    )  # fmt: skip


def _earlier(visit: Visit, conference: Conference) -> list[EarlierCase]:
    return earlier_cases(visit.node.home, visit.node.store, conference, at=visit.at)


def _conference(visit: Visit) -> Conference:
    found = find_conference(visit.node.store, visit.part("conference"))
    if found is None:
        raise not_found()
    return found
