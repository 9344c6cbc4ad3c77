"""The table of what an agency's node has added to the log today that no other budget bounds."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base


class LogBoundUse(Base):
    """Entries of one kind that an agency's node caused in a UTC day; one more once the bound is met."""

    __tablename__ = "log_bound_use"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    entries: Mapped[int]
