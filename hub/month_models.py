"""The table of months: when a record's case was opened and closed, for agencies that share that.

Beside the records, not in them: look-ups have no use for it, and an agency that shares none has no row.
"""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base, RowId


class RecordMonths(Base):
    """Months as numbers (`hub.months`); `opened` is None where it is not known, `closed` where it is open."""

    __tablename__ = "record_months"

    record: Mapped[int] = mapped_column(
        RowId, ForeignKey("records.record", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    opened: Mapped[int | None]
    closed: Mapped[int | None]
