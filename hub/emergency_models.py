"""The table of emergencies: what each was first used for, as a keyed digest."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base


class Emergency(Base):
    """An emergency an agency declared, and the keyed digest of the one question it is for."""

    __tablename__ = "emergencies"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    emergency: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[bytes]
    day: Mapped[str]  # UTC, on which it was last used.
