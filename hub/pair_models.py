"""The tables of pairs of records of two agencies: what was decided of them, and who was told of them.

Only pairs that somebody was told of stand here. Their ends are in the order of agency and handle.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base, RowId


class PairDecision(Base):
    """One decision of one agency. All are kept; the newest of an agency counts, until it is undone.

    `one_digest` and `other_digest` are of the records' tokens as they were decided on. They are null where
    the tokens were destroyed with their epoch while the decision held: what then comes first is taken to be
    the same data in another encoding.
    """

    __tablename__ = "pair_decisions"

    number: Mapped[int] = mapped_column(RowId, primary_key=True)
    pair: Mapped[str] = mapped_column(index=True)
    one_agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"))
    one_handle: Mapped[str]
    other_agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"))
    other_handle: Mapped[str]
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"))
    staff: Mapped[str]
    verdict: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]
    one_digest: Mapped[bytes | None]
    other_digest: Mapped[bytes | None]


class PairTold(Base):
    """A pair that an agency was told of, under the id that it may now decide it by."""

    __tablename__ = "pairs_told"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    pair: Mapped[str] = mapped_column(primary_key=True)
    one_agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"))
    one_handle: Mapped[str]
    other_agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"))
    other_handle: Mapped[str]
    at: Mapped[datetime]
