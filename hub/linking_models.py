"""The tables of linking runs: what was run, what the next increment begins from, and who is with whom."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base, RowId

BEGUN, SCORED, COMPLETE, ABANDONED = "begun", "scored", "complete", "abandoned"
UNFINISHED = (BEGUN, SCORED)


class LinkRun(Base):
    """A linking run, full or of changes: what it was over, by which model, how far it is, what it found.

    `model_digest` is the model it began with, `fitted_digest` the one it scored by. `parameters` is what
    later records are scored by (JSON), but for what is an array (`LinkArray`). `owner` is the process that is
    making it (`hub.linking_lease`).
    """

    __tablename__ = "link_runs"

    run: Mapped[int] = mapped_column(RowId, primary_key=True)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    epoch: Mapped[str]
    schema_digest: Mapped[str]
    model_digest: Mapped[str]
    fitted_digest: Mapped[str | None]
    index_digest: Mapped[str]
    parameters: Mapped[str | None]
    started: Mapped[datetime]
    completed: Mapped[datetime | None]
    records: Mapped[int] = mapped_column(BigInteger)
    tokens: Mapped[int] = mapped_column(BigInteger)
    pairs: Mapped[int | None] = mapped_column(BigInteger)
    links: Mapped[int | None] = mapped_column(BigInteger)
    clusters: Mapped[int | None] = mapped_column(BigInteger)
    conflicts: Mapped[int | None] = mapped_column(BigInteger)
    owner: Mapped[str | None]


class LinkArray(Base):
    """One array of a full run, in NumPy's own format; increments replace it. Gone with its epoch."""

    __tablename__ = "link_arrays"

    run: Mapped[int] = mapped_column(ForeignKey("link_runs.run"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    data: Mapped[bytes]


class LinkState(Base):
    """One row: which full run readers go by, and what counts every change of it.

    `version` counts every change of what readers see, by a run or by a record that leaves; `published` counts
    the runs alone. `next_cluster` is the smallest cluster id never given; `seen` says what of the index the
    clusters know.
    """

    __tablename__ = "link_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    run: Mapped[int | None] = mapped_column(ForeignKey("link_runs.run"))
    version: Mapped[int] = mapped_column(BigInteger)
    published: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    next_cluster: Mapped[int] = mapped_column(BigInteger)
    seen: Mapped[str]


class ClusterMember(Base):
    """A record and its cluster, as a full run and the increments since say, and the one it was in before.

    Kept through a change of epoch for as long as an agency has not shared again, so that ids survive it.
    """

    __tablename__ = "cluster_members"

    run: Mapped[int] = mapped_column(ForeignKey("link_runs.run"), primary_key=True)
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    handle: Mapped[str] = mapped_column(primary_key=True)
    cluster: Mapped[int] = mapped_column(BigInteger)
    former: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_cluster_members_cluster", "run", "cluster"),)
