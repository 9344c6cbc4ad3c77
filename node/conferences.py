"""Conferences as they are planned here: a reference, a day, and when the list has to go round."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from datetime import date, timedelta

from node.errors import RecordFormatError
from node.settings import ID_PATTERN
from node.store import Store

CONFERENCE_PURPOSE = "case_conference"
# "The list circulates at least 3 days before" (DOMAIN.md).
CIRCULATES_BEFORE = timedelta(days=3)
# Past conferences stay in the list for about one cycle, as their answers do.
SHOWN_AFTER = timedelta(days=28)
# A year that is mistyped would otherwise plan a conference nobody will see.
FURTHEST_AHEAD = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Conference:
    """One planned conference.

    Attributes:
        conference: Its reference, such as mdt-2026-11: it travels in every look-up made for it.
        held_on: The day it meets.
    """

    conference: str
    held_on: date

    @property
    def circulates_on(self) -> date:
        """The last day to send its list round."""
        return self.held_on - CIRCULATES_BEFORE

    def due(self, today: date) -> str:
        """When the list is due, in words."""
        days = (self.circulates_on - today).days
        if self.held_on < today:
            return "this conference is over"
        if days < 0:
            return "the list was due to circulate " + ("yesterday" if days == -1 else f"{-days} days ago")
        if days == 0:
            return "due to circulate today"
        return "due to circulate " + ("tomorrow" if days == 1 else f"in {days} days")


def plan_conference(store: Store, conference: str, held_on: date, *, by: str, today: date) -> Conference:
    """Plan a conference.

    Raises:
        RecordFormatError: The reference is malformed or taken, or the day is past or over a year ahead.
    """
    if not re.fullmatch(ID_PATTERN, conference):
        rule = "must be lower-case letters, digits and hyphens, such as mdt-2026-11"
        raise RecordFormatError("conference", rule, field="conference")
    if not today <= held_on <= today + FURTHEST_AHEAD:
        raise RecordFormatError("conference", "must be today or within the next year", field="held_on")
    try:
        store.connection.execute(
            "INSERT INTO planned_conference (conference, held_on, made_by) VALUES (?, ?, ?)",
            (conference, held_on.isoformat(), by),
        )
    except sqlite3.IntegrityError:
        rule = "is taken by another conference"
        raise RecordFormatError("conference", rule, field="conference") from None
    return Conference(conference, held_on)


def find_conference(store: Store, conference: str) -> Conference | None:
    """One conference, or None."""
    row = store.connection.execute(
        "SELECT conference, held_on FROM planned_conference WHERE conference = ?", (conference,)
    ).fetchone()
    return None if row is None else Conference(row["conference"], date.fromisoformat(row["held_on"]))


def conference_before(store: Store, conference: Conference) -> Conference | None:
    """The conference that was held last before this one, or None."""
    row = store.connection.execute(
        "SELECT conference, held_on FROM planned_conference WHERE held_on < ? "
        "ORDER BY held_on DESC, conference DESC LIMIT 1",
        (conference.held_on.isoformat(),),
    ).fetchone()
    return None if row is None else Conference(row["conference"], date.fromisoformat(row["held_on"]))


def list_conferences(store: Store, *, today: date) -> list[Conference]:
    """Those to come, the next first, and then those lately held."""
    rows = store.connection.execute(
        "SELECT conference, held_on FROM planned_conference WHERE held_on >= ? ORDER BY held_on, conference",
        ((today - SHOWN_AFTER).isoformat(),),
    )
    found = [Conference(row["conference"], date.fromisoformat(row["held_on"])) for row in rows]
    return sorted(found, key=lambda one: (one.held_on < today, one.held_on))
