"""The tables of counting: what was published, what was asked, and cohorts as snapshots kept them.

Ledgers hold true counts, snapshots hold cluster ids: neither leaves the hub.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base, RowId


class CountLedger(Base):
    """Everything published of one kind of people (`suppression-ledger/1`); `version` counts its changes."""

    __tablename__ = "count_ledgers"

    ledger: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[str]


class CountQuestion(Base):
    """A table that somebody asked for, answered or withheld (`hub.query_budget.Asked`)."""

    __tablename__ = "count_questions"

    number: Mapped[int] = mapped_column(RowId, primary_key=True)
    analyst: Mapped[str]
    question: Mapped[str]
    snapshot: Mapped[str]
    cohorts: Mapped[str]
    at: Mapped[datetime]

    __table_args__ = (Index("ix_count_questions_analyst", "analyst", "at"),)


class CohortRuleText(Base):
    """A cohort rule by which something was counted, as JSON."""

    __tablename__ = "cohort_rules"

    digest: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[str]


class CohortSnapshot(Base):
    """A cohort as it was on a day; `released_at` is since when agencies may open their part of it."""

    __tablename__ = "cohort_snapshots"

    snapshot: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("cohort_rules.digest"))
    day: Mapped[str]
    agreement: Mapped[str]
    basis: Mapped[str]
    run: Mapped[int] = mapped_column(ForeignKey("link_runs.run"))
    taken_by: Mapped[str]
    taken_at: Mapped[datetime]
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]


class CohortMember(Base):
    """A cluster that was in a cohort on the day of a snapshot."""

    __tablename__ = "cohort_members"

    snapshot: Mapped[str] = mapped_column(
        ForeignKey("cohort_snapshots.snapshot", ondelete="CASCADE"), primary_key=True
    )
    cluster: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
