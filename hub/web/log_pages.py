"""The access log: searched, read entry by entry, taken away as a file. Every reading is logged first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlencode

from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from hub.errors import LogUnavailableError
from hub.log_files import format_csv
from hub.log_lines import HubLine, read_line
from hub.log_search import OUTCOMES, REFUSED, WITHHELD, LogSearch, log_reading, search_log
from hub.log_views import read_readable
from hub.log_words import SUBJECTS
from hub.membership import list_agencies
from hub.purposes import Purpose
from hub.web.visits import Visit
from hub.web.words import say_plainly
from keys.actors import Role
from pages.forms import Form
from pages.visits import not_found

PAGE_ENTRIES = 50
MOST_IN_FILE = 10_000
LOOKUPS, EVERYTHING = "lookup", "everything"
OUTCOME_WORDS = {
    **{outcome: say_plainly(outcome) for outcome in OUTCOMES},
    REFUSED: "Refused",
    WITHHELD: "Withheld, though a record matched",
}
TEXTS = ("subject", "agency", "staff", "purpose", "conference", "outcome")


def show_log(visit: Visit) -> Response:
    """The search, and a page of what it finds; look-ups unless something else is asked for."""
    asked = Form(dict(visit.request.query_params) or {"subject": LOOKUPS})
    search, errors = _read_search(asked)
    lines, before = ([], None) if errors else _find(visit, search, before=_number(asked.get("before")))
    with visit.hub.database.reading() as session:
        agencies = {row.agency: row.name for row in list_agencies(session)}
    return visit.show(
        "log.html", errors=errors, asked=asked, lines=lines, agencies=agencies,
        further=None if before is None else _address("/log", asked, before=str(before)),
        file=_address("/log.csv", asked), is_narrowed=bool(search.format()),
        subjects={EVERYTHING: "Everything", **SUBJECTS}, outcomes=OUTCOME_WORDS,
        purposes={str(purpose): say_plainly(purpose) for purpose in Purpose},
    )  # fmt: skip


def download_log(visit: Visit) -> Response:
    """All that a search finds, as a file."""
    asked = Form(dict(visit.request.query_params))
    search, errors = _read_search(asked)
    if errors:
        raise not_found()
    lines, before = _find(visit, search, limit=MOST_IN_FILE)
    if before is not None:
        return visit.show("log_too_long.html", status=422, most=MOST_IN_FILE, back=_address("/log", asked))
    headers = {"Content-Disposition": f'attachment; filename="access-log-{visit.today.isoformat()}.csv"'}
    # The mark tells spreadsheets that it is UTF-8.
    return Response("\ufeff" + format_csv(lines), media_type="text/csv; charset=utf-8", headers=headers)


def show_entry(visit: Visit) -> Response:
    """One entry: who, what for, and each answer with its reason."""
    index = int(visit.part("index"))
    with visit.hub.database.reading() as session:
        found = read_readable(session, [index])
        agencies = {row.agency: row.name for row in list_agencies(session)}
    if not found:
        raise not_found()
    line = read_line(found[0])
    _log_reading(visit, LogSearch(), [line])
    return visit.show("log_entry.html", line=line, agencies=agencies)


def _find(
    visit: Visit, search: LogSearch, *, before: int | None = None, limit: int = PAGE_ENTRIES
) -> tuple[Sequence[HubLine], int | None]:
    """What a search finds, its reading logged; a page of it, or a file's worth."""
    most_read = {} if limit == PAGE_ENTRIES else {"most_read": MOST_IN_FILE}
    with visit.hub.database.reading() as session:
        found = search_log(session, search, before=before, limit=limit, **most_read)
    _log_reading(visit, search, found.lines)
    return found.lines, found.before


def _log_reading(visit: Visit, search: LogSearch, lines: Sequence[HubLine]) -> None:
    try:
        with visit.hub.database.writing() as session:
            log_reading(session, search, lines, staff=visit.staff, role=Role.IG, at=visit.at)
    except SQLAlchemyError as error:
        raise LogUnavailableError("the access log cannot be written, so nothing of it is shown") from error


def _read_search(asked: Form) -> tuple[LogSearch, dict[str, str]]:
    """What a form asks for, and what is wrong with it by field."""
    errors: dict[str, str] = {}
    days: dict[str, date | None] = {}
    for name, words in (("since", "first"), ("until", "last")):
        days[name] = asked.day(name)
        if days[name] is None and asked.day_text(name):
            errors[name] = f"Enter the {words} day, such as 23 11 2026, or leave it empty"
    since, until = days["since"], days["until"]
    if since is not None and until is not None and since > until:
        errors["since"] = "The first day must not lie after the last"
    if asked.get("outcome") and asked.get("outcome") not in OUTCOME_WORDS:
        errors["outcome"] = "Choose an outcome, or none"
    texts = {name: asked.get(name) for name in TEXTS}
    if texts["subject"] == EVERYTHING:
        texts["subject"] = ""
    return LogSearch(**texts, since=since, until=until), errors


def _address(path: str, asked: Form, **more: str) -> str:
    """An address with what was asked for."""
    fields = {name: text for name, text in asked.fields.items() if text and name != "before"}
    return f"{path}?{urlencode(fields | more)}"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
