"""Settings of alarms and review: the `[review]` table of hub.toml. Thresholds are where an alarm begins.

The defaults come from a simulated partnership (docs/review.md says what they find and what they cost). Pure
rules read this model as it is; nothing else of the settings reaches them.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

# England and Wales, as announced or, where not yet, by the rules of the Banking and Financial Dealings Act
# 1971 and the customary substitute days (https://www.gov.uk/bank-holidays). A day proclaimed later is added
# by the setting; after the last year given, only weekends count, so reviews fall due earlier, never later.
BANK_HOLIDAYS = """
2026-01-01 2026-04-03 2026-04-06 2026-05-04 2026-05-25 2026-08-31 2026-12-25 2026-12-28
2027-01-01 2027-03-26 2027-03-29 2027-05-03 2027-05-31 2027-08-30 2027-12-27 2027-12-28
2028-01-03 2028-04-14 2028-04-17 2028-05-01 2028-05-29 2028-08-28 2028-12-25 2028-12-26
2029-01-01 2029-03-30 2029-04-02 2029-05-07 2029-05-28 2029-08-27 2029-12-25 2029-12-26
2030-01-01 2030-04-19 2030-04-22 2030-05-06 2030-05-27 2030-08-26 2030-12-25 2030-12-26
"""

Count = Annotated[int, Field(ge=1)]


def bank_holidays() -> frozenset[date]:
    """The bank holidays of England and Wales in the years that are shipped."""
    return frozenset(date.fromisoformat(day) for day in BANK_HOLIDAYS.split())


class ReviewSettings(BaseModel):
    """When the log is scanned, what raises an alarm, and by when somebody must have looked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scan_seconds: float = Field(
        default=60.0, gt=0, description="How often a serving hub looks for new log entries to scan."
    )
    due_working_days: Count = Field(default=2, description="Working days in which an item must be reviewed.")
    sample_block: int = Field(
        default=20, ge=1, le=20, description="One look-up at random of every so many is reviewed; 20 is 5 %."
    )
    sample_days: int = Field(
        default=28, ge=1, le=28, description="After so many days an incomplete block is drawn from as it is."
    )
    zone: str = Field(default="Europe/London", description="The zone of office hours and due days.")
    opens: time = Field(default=time(7), description="Office hours begin, local time.")
    closes: time = Field(default=time(20), description="Office hours end, local time.")
    round_the_clock: tuple[str, ...] = Field(
        default=(), description="Agencies that work at any hour: no out-of-hours alarm for them."
    )
    bank_holidays: frozenset[date] = Field(
        default_factory=bank_holidays, description="Days besides weekends that are no working days."
    )
    repeat_days: int = Field(default=7, ge=1, le=28, description="Days over which repeats are counted.")
    repeats_by_staff: Count = Field(
        default=4, description="Look-ups of one person by one staff id in those days that raise an alarm."
    )
    repeats_by_agency: Count = Field(
        default=8, description="Look-ups of one person by one agency in those days that raise an alarm."
    )
    long_repeat_days: int = Field(
        default=28, ge=1, le=90, description="Days over which seldom but lasting repeats are counted."
    )
    long_repeats_by_staff: Count = Field(
        default=6, description="Look-ups of one person by one staff id in those days that raise an alarm."
    )
    person_requests_per_day: Count = Field(
        default=5, description="Look-ups of one person by one agency in a UTC day; the next raises an alarm."
    )
    near_pairs: Count = Field(
        default=3, description="Pairs of cases in one request that are date variants of each other."
    )
    no_match_cases: Count = Field(
        default=30, description="Cases of one staff id in the days of repeats before their share counts."
    )
    no_match_share: float = Field(
        default=0.85, gt=0, le=1, description="Share of those cases nobody was told to know."
    )
    off_list_cases: Count = Field(
        default=20, description="Cases outside conferences nobody was told to know, in the days of repeats."
    )
    volume_days: int = Field(default=28, ge=7, le=90, description="Days an unusual day is compared with.")
    volume_factor: float = Field(
        default=3.0, ge=1, description="So many times the busiest of those days is unusual."
    )
    volume_staff_cases: Count = Field(
        default=60, description="Cases a day of one staff id that are never called unusual."
    )
    volume_agency_cases: Count = Field(
        default=150, description="Cases a day of one agency that are never called unusual."
    )
    budget_share: float = Field(
        default=0.8, gt=0, lt=1, description="Share of a day's budget that raises an alarm before it is used."
    )
    refusals_per_day: Count = Field(
        default=10, description="Refused calls of one staff id in a UTC day that raise an alarm."
    )
    replays_per_day: Count = Field(
        default=5, description="Repeated or replayed requests of one agency in a UTC day that raise an alarm."
    )

    @field_validator("zone")
    @classmethod
    def _require_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("not a time zone of this machine") from None
        return name

    @model_validator(mode="after")
    def _require_order(self) -> ReviewSettings:
        if self.opens >= self.closes:
            raise ValueError("opens: not before closes")
        return self
