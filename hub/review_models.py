"""The tables of alarms and review: what the scanner has read, what it remembers, and the queue.

All of it can be made again from the log, but for the random samples and the decisions. A record stands here
as a digest, for as many days as repeats are counted; staff ids and agencies are those of the log.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base


class ReviewCursor(Base):
    """One row: up to which log entry the scanners have read, by compare and set."""

    __tablename__ = "review_cursor"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(BigInteger)


class ReviewFact(Base):
    """A log entry as far as alarms go (`hub.alarm_facts.Fact`)."""

    __tablename__ = "review_facts"

    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    agency: Mapped[str]
    day: Mapped[date] = mapped_column(Date)
    at: Mapped[datetime]
    event: Mapped[str]
    staff: Mapped[str]
    code: Mapped[str]
    cases: Mapped[int]
    untold: Mapped[int]
    conference: Mapped[bool]
    further: Mapped[int]
    near: Mapped[int]
    overrides: Mapped[int]
    emergencies: Mapped[int]
    repeats: Mapped[bool]
    approvers: Mapped[str]

    __table_args__ = (Index("ix_review_facts_agency", "agency", "day"),)


class ReviewTouch(Base):
    """A record that a look-up matched, as a digest."""

    __tablename__ = "review_touches"

    index: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("review_facts.index", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    holder: Mapped[str] = mapped_column(primary_key=True)
    record: Mapped[bytes] = mapped_column(primary_key=True)
    told: Mapped[bool]

    __table_args__ = (Index("ix_review_touches_record", "record"),)


class SampleBlock(Base):
    """The look-ups of an agency that the next random draw is from."""

    __tablename__ = "review_blocks"

    agency: Mapped[str] = mapped_column(primary_key=True)
    began: Mapped[datetime]
    indices: Mapped[str]


class ReviewItem(Base):
    """Something that one agency's information governance officer has to look at."""

    __tablename__ = "review_items"

    item: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    audience: Mapped[str]
    agency: Mapped[str]
    staff: Mapped[str]
    occasion: Mapped[str]
    number: Mapped[int]
    raised: Mapped[datetime]
    due: Mapped[date] = mapped_column(Date)
    indices: Mapped[str]
    numbers: Mapped[str]
    involved: Mapped[str]
    outcome: Mapped[str | None]
    decided: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint(
            "kind", "audience", "agency", "staff", "occasion", "number", name="uq_review_items_occasion"
        ),
        Index("ix_review_items_audience", "audience", "raised"),
    )


class ReviewDecision(Base):
    """A decision on an item, in order; the words of its note are not here, only a promise of them."""

    __tablename__ = "review_decisions"

    item: Mapped[str] = mapped_column(ForeignKey("review_items.item"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outcome: Mapped[str]
    agency: Mapped[str | None]
    reviewer: Mapped[str]
    at: Mapped[datetime]
    commitment: Mapped[str]
    log_index: Mapped[int] = mapped_column(BigInteger)


class ReviewNote(Base):
    """The note of a decision by the hub's own officer, sealed under a key that is not in the database."""

    __tablename__ = "review_notes"

    item: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes]
