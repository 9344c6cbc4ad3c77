"""The table of overrides: whom each was first used for, as a keyed digest."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base


class OverrideUse(Base):
    """An agency's override in one epoch, and the keyed digest of the one question it is for.

    Another epoch has other tokens for the same person, and an approval outlives the change.
    """

    __tablename__ = "override_uses"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    override: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[bytes]
    day: Mapped[str]  # UTC, on which it was last used.
