"""Cohort rules in words, for the people who agree to them."""

from __future__ import annotations

from starlette.responses import Response

from hub.cohort_members import warnings_for
from hub.cohort_rules import SHIPPED, shipped_rule
from hub.cohort_words import explain_rule
from hub.membership import kinds_present
from hub.web.visits import Visit
from pages.visits import not_found

BULLET = "- "


def show_cohorts(visit: Visit) -> Response:
    """The rules there are."""
    return visit.show("cohorts.html", rules=[shipped_rule(name) for name in SHIPPED])


def show_cohort(visit: Visit) -> Response:
    """One rule: whom it counts, what its words stand for, and what it would miss here."""
    if visit.part("rule") not in SHIPPED:
        raise not_found()
    rule = shipped_rule(visit.part("rule"))
    with visit.hub.database.reading() as session:
        warnings = warnings_for(rule, kinds_present(session))
    return visit.show("cohort.html", rule=rule, sections=sections_of(explain_rule(rule)), warnings=warnings)


def sections_of(words: str) -> list[tuple[str, list[str]]]:
    """A rule's words as headings, each with its lines; the title stands above the page."""
    found: list[tuple[str, list[str]]] = []
    for line in words.splitlines()[1:]:
        if line.startswith(BULLET):
            found[-1][1].append(line.removeprefix(BULLET))
        else:
            found.append((line.removesuffix(":"), []))
    return found
