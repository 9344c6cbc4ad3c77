"""The wire of cohorts (docs/protocol.md, section 14)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.schemas import Hex32, Id, Time, Wire

MOST_REFERENCES = 1000


class CohortView(Wire):
    """A released snapshot of a cohort; nothing in it is about a person."""

    cohort: Id
    title: str
    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="YYYY-MM-DD.")]
    released_at: Time


class Cohorts(Wire):
    """The snapshots of which the caller may read its own part, the newest first."""

    cohorts: list[CohortView]


class CohortReferences(Wire):
    """The caller's own records in a cohort, sorted by handle."""

    cohort: Id
    handles: Annotated[list[Hex32], Field(max_length=MOST_REFERENCES)]
    more: bool
