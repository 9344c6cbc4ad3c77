"""Who looked? The report for a person who asks: found, looked through, made, and shown this once.

A report is logged when it is made, so it is not made again by opening its page again: it is printed or saved.
Names of staff are not among what these pages show; they take a second person's approval (`knownto log`).
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from node.access_log import sync_log
from node.errors import RecordFormatError
from node.log_lines import LogLine
from node.subject_access import WITHHOLDING, Found, Reporting, find_looks, make_report
from node.web.log_words import BASES, ShownLine, describe_line, describe_purpose
from node.web.visits import Visit
from pages.templating import capitalise
from pages.visits import NO_ERRORS, Errors


def show_form(visit: Visit) -> Response:
    """Whom it is about, and which days."""
    return _show_form(visit)


def report_sent(visit: Visit) -> Response:
    """What is found, to be looked through; then the report."""
    reference = visit.form.get("reference")
    errors = _errors(visit)
    if errors:
        return _show_form(visit, errors=errors)
    sync_log(visit.node)
    try:
        found = find_looks(visit.node, reference, _reporting(visit, ()))
    except RecordFormatError as error:
        return _show_form(visit, errors={"reference": capitalise(error.rule)})
    if visit.form.get("then") != "make":
        return _show_found(visit, found)
    return _show_report(visit, reference, found)


def _show_form(visit: Visit, *, errors: Errors = NO_ERRORS) -> Response:
    return visit.show("subject.html", errors=errors)


def _show_found(visit: Visit, found: Found) -> Response:
    return visit.show(
        "subject_found.html",
        about=_shown(found.about),
        by_case=_shown(found.by_case),
        unreadable=found.unreadable,
        has_record=found.has_record,
        reasons=WITHHOLDING,
    )


def _show_report(visit: Visit, reference: str, found: Found) -> Response:
    report = make_report(visit.node, reference, _reporting(visit, (*found.about, *found.by_case)))
    return visit.show(
        "subject_report.html", report=report, reference=reference, purpose_of=describe_purpose, bases=BASES
    )


def _reporting(visit: Visit, lines: Sequence[LogLine]) -> Reporting:
    """Who makes it, which days it covers, and what was chosen of the lines that were shown."""
    indices = {line.index for line in lines}
    chosen = {index: visit.form.get(f"withhold-{index}") for index in indices}
    return Reporting(
        reporter=visit.staff,
        withhold={index: reason for index, reason in chosen.items() if reason},
        include=frozenset(index for index in indices if visit.form.get(f"include-{index}")),
        since=visit.form.day("since"),
        until=visit.form.day("until"),
    )


def _errors(visit: Visit) -> dict[str, str]:
    errors = {}
    if not visit.form.get("reference"):
        errors["reference"] = "Enter your reference of the person"
    for name in ("since", "until"):
        if visit.form.day_text(name) and visit.form.day(name) is None:
            errors[name] = "Enter a day, such as 1 10 2026, or leave it empty"
    since, until = visit.form.day("since"), visit.form.day("until")
    if since is not None and until is not None and since > until:
        errors["since"] = "The first day must not lie after the last day"
    return errors


def _shown(lines: Sequence[LogLine]) -> list[ShownLine]:
    """One line for each entry: an entry is withheld or taken in as a whole."""
    return list({line.index: describe_line(line) for line in lines}.values())
