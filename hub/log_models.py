"""The tables of the access log: leaves and what stands beside them, the tree over them, and its witnesses.

Leaves, tree and head are only ever added to. Texts beside the leaves are erased under retention
(`hub.erasure`), which no leaf and no proof notices.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base


class LogHead(Base):
    """One row: how many leaves the log has, and the hashes of the complete subtrees that make it up.

    Locked while an entry is added, so that indices have no gap. `frontier` holds 32 bytes a subtree, the
    largest first.
    """

    __tablename__ = "log_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)
    frontier: Mapped[bytes]


class LogEntry(Base):
    """A leaf: the canonical bytes that were logged. The other columns repeat what it says, for searching."""

    __tablename__ = "log_entries"

    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    action: Mapped[str]
    agency: Mapped[str | None]
    leaf: Mapped[bytes]

    __table_args__ = (Index("ix_log_entries_agency", "agency", "index"),)


class LogPart(Base):
    """A text that a leaf has promised, with its salt; gone once it is erased."""

    __tablename__ = "log_parts"

    index: Mapped[int] = mapped_column(BigInteger, ForeignKey("log_entries.index"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    salt: Mapped[bytes]
    text: Mapped[bytes]


class LogNode(Base):
    """The hash of a complete subtree; level 0 are the leaves, positions count from 0."""

    __tablename__ = "log_nodes"

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes]


class LogSubject(Base):
    """Whose record an entry is about: beside the entry, never in the asker's view. Erased: no handle."""

    __tablename__ = "log_subjects"

    index: Mapped[int] = mapped_column(BigInteger, ForeignKey("log_entries.index"), primary_key=True)
    holder: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    case: Mapped[int | None]
    handle: Mapped[str | None]

    __table_args__ = (Index("ix_log_subjects_holder", "holder", "index"),)


class LogCosignature(Base):
    """What a witness signed: that the log's first `size` leaves have this root, under the key it then had."""

    __tablename__ = "log_cosignatures"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes]
    public_key: Mapped[str]
    at: Mapped[datetime]
    line: Mapped[str]

    __table_args__ = (Index("ix_log_cosignatures_size", "size"),)


class LogEvent(Base):
    """An event that a node has reported, by the id it gave it, and the entry that it left.

    The digest is keyed with the pepper, or it would tell what the entry's erased texts were.
    """

    __tablename__ = "log_events"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    event: Mapped[str] = mapped_column(primary_key=True)
    body_digest: Mapped[bytes] = mapped_column("body_sha256")
    log_index: Mapped[int] = mapped_column(BigInteger, ForeignKey("log_entries.index"))
