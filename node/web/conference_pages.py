"""Home and conferences: what is due, how current the agencies are, and the way to add cases."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from node.asking import ASKING
from node.carried_over import count_cases
from node.case_lists import (
    KeptList,
    begin_list,
    find_open_list,
    lists_of,
    new_list,
    read_list,
    read_rows,
    require_small,
)
from node.conferences import (
    CONFERENCE_PURPOSE,
    Conference,
    conference_before,
    find_conference,
    list_conferences,
    plan_conference,
)
from node.errors import (
    HeaderNotFoundError,
    HubRefusedError,
    HubUnreachableError,
    NotInitialisedError,
    RecordFormatError,
)
from node.status import describe_node, describe_partners
from node.web.column_pages import require_headings
from node.web.override_pages import count_waiting
from node.web.visits import Visit
from pages.templating import capitalise
from pages.visits import NO_ERRORS, Errors, not_found

# Letters of pasted rows: a form's field holds 10,000, and each end of a line is sent as two.
MOST_PASTED = 9_000


def show_home(visit: Visit) -> Response:
    """For those who ask, the next conference with its upload; for everybody, what they may open."""
    waiting = count_waiting(visit)
    if visit.roles.isdisjoint(ASKING):
        return visit.show("home.html", conferences=[], own=[], following=None, waiting=waiting)
    conferences = list_conferences(visit.node.store, today=visit.today)
    following = next((one for one in conferences if one.held_on >= visit.today), None)
    own = _own_lookups(visit)
    return visit.show("home.html", conferences=conferences, following=following, own=own, waiting=waiting)


def show_new_conference(visit: Visit) -> Response:
    """The form that plans one."""
    return visit.show("conference_new.html")


def new_conference_sent(visit: Visit) -> Response:
    """Plan a conference."""
    reference, held_on = visit.form.get("conference").lower(), visit.form.day("held_on")
    if held_on is None:
        return visit.show("conference_new.html", errors={
            "held_on": "Enter the day of the conference, such as 15 12 2026"
        })  # fmt: skip
    try:
        made = plan_conference(visit.node.store, reference, held_on, by=visit.staff, today=visit.today)
    except RecordFormatError as error:
        named = {"conference": "The reference", "held_on": "The day of the conference"}
        field = error.field or "conference"
        return visit.show("conference_new.html", errors={field: f"{named[field]} {error.rule}"})
    return visit.go(f"/conferences/{made.conference}")


def show_conference(visit: Visit) -> Response:
    """One conference: when its list is due, coverage, its lists, and how to add cases."""
    return _show_conference(visit, _conference(visit))


def upload_sent(visit: Visit) -> Response:
    """Take a case list as a file; what its rows lack is shown on the page that follows."""
    conference, file = _conference(visit), visit.form.file or b""
    try:
        if not file:
            raise RecordFormatError("case list", "choose a file first")
        require_small(file)
        kept = _begin(visit, conference, file=file)
    except RecordFormatError as error:
        return _show_conference(visit, conference, errors={"file": str(error)})
    return visit.go(f"/lists/{kept.list_id}")


def show_paste(visit: Visit) -> Response:
    """The form for rows copied from a spreadsheet."""
    return _show_paste(visit, _conference(visit))


def paste_sent(visit: Visit) -> Response:
    """Take pasted rows as a file of them would be taken."""
    conference, rows = _conference(visit), visit.form.get("rows")
    try:
        if not rows:
            raise RecordFormatError("case list", "paste the rows first")
        kept = _begin(visit, conference, file=rows.encode())
    except RecordFormatError as error:
        return _show_paste(visit, conference, errors={"rows": capitalise(str(error))})
    return visit.go(f"/lists/{kept.list_id}")


def typing_sent(visit: Visit) -> Response:
    """Go on with the typed list that has not been sent, or begin one."""
    conference = _conference(visit)
    open_one = find_open_list(visit.node.store, conference.conference, at=visit.at)
    kept = open_one or _begin(visit, conference)
    return visit.go(f"/lists/{kept.list_id}/add")


def _begin(visit: Visit, conference: Conference, *, file: bytes = b"") -> KeptList:
    """Begin a list; a file that cannot be read leaves nothing behind."""
    store = visit.node.store
    made = new_list(
        CONFERENCE_PURPOSE, by=visit.staff, at=visit.at, conference=conference.conference, file=file
    )
    if file:
        try:
            read_list(visit.node.home, made, today=visit.today)
        except HeaderNotFoundError:
            # It is a list all the same, and its check asks which column is which.
            require_headings(read_rows(visit.node.home, made))
    return begin_list(store, made, days=visit.node.settings.result_days)


def _show_conference(visit: Visit, conference: Conference, *, errors: Errors = NO_ERRORS) -> Response:
    lists = lists_of(visit.node.store, conference.conference, at=visit.at)
    return visit.show(
        "conference.html", conference=conference, due=conference.due(visit.today), lists=lists,
        asked=any(one.request for one in lists), coverage=_coverage(visit), errors=errors,
        counts=count_cases(visit.node.home, visit.node.store, conference, at=visit.at),
        before=conference_before(visit.node.store, conference),
    )  # fmt: skip


def _show_paste(visit: Visit, conference: Conference, *, errors: Errors = NO_ERRORS) -> Response:
    return visit.show("paste.html", conference=conference, longest=MOST_PASTED, errors=errors)


def _coverage(visit: Visit) -> dict[str, Any]:
    """How current the agencies are, or why that is not known now."""
    try:
        facts, partners = describe_partners(visit.node, describe_node(visit.node))
    except (HubUnreachableError, HubRefusedError, NotInitialisedError):
        return {"words": None, "late": []}
    late = [one["name"] for one in partners if one["agreement_until"] and not one["up_to_date"]]
    return {"words": facts["coverage"], "late": late}


def _own_lookups(visit: Visit) -> list[KeptList]:
    own = [one for one in lists_of(visit.node.store, None, at=visit.at) if one.made_by == visit.staff]
    return own[::-1]


def _conference(visit: Visit) -> Conference:
    found = find_conference(visit.node.store, visit.part("conference"))
    if found is None:
        raise not_found()
    return found
