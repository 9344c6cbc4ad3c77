"""The table of approvals that stand in the log, for look-ups that rest on one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base


class OverrideApproval(Base):
    """That somebody at an agency approved an override, for what and why, and when that was logged."""

    __tablename__ = "override_approvals"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    override: Mapped[str] = mapped_column(primary_key=True)
    approver: Mapped[str] = mapped_column(primary_key=True)
    logged_at: Mapped[datetime]
    purpose: Mapped[str]
    reason_category: Mapped[str]
    reason_commitment: Mapped[str]
