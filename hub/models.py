"""The hub's tables.

Only what a hub without a linkage key can hold: agencies and their public keys, signed documents as canonical
text, peppered tags, consents by random handle, and the log. No table has a column for anything a person
could read as an identifier. Rules live elsewhere; nothing here knows why a row is there.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, ForeignKey, Index, Integer, LargeBinary, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

# SQLite gives an automatic key only to a column it knows as INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite, which knows no zones, gets it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: aware times only."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database: always aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The registry of tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it from the class)
        str: Text,
        datetime: UtcTime,
        bytes: LargeBinary,
    }


class Agency(Base):
    """An agency, its node's public keys, and how current its caseload is."""

    __tablename__ = "agencies"

    agency: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    service: Mapped[str]
    area: Mapped[str | None]
    custodian: Mapped[bool]
    state: Mapped[str]
    public_key: Mapped[str | None]
    exchange_key: Mapped[str | None]
    fingerprint: Mapped[str | None] = mapped_column(unique=True)
    invitation_sha256: Mapped[str | None]
    invitation_expires: Mapped[datetime | None]
    invitation_used: Mapped[bool] = mapped_column(default=False)
    as_of: Mapped[datetime | None]
    shared_records: Mapped[int] = mapped_column(default=0)


class Nonce(Base):
    """A nonce that was used; kept for twice the window in which it could be used again."""

    __tablename__ = "nonces"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    expires: Mapped[datetime] = mapped_column(index=True)


class Epoch(Base):
    """A linkage key's epoch as its custodian signed it; the one with the highest number is current."""

    __tablename__ = "epochs"

    number: Mapped[int] = mapped_column(RowId, primary_key=True)
    epoch: Mapped[str] = mapped_column(unique=True)
    document: Mapped[str]
    schema_digest: Mapped[str]
    custodian: Mapped[str] = mapped_column(ForeignKey("agencies.agency"))


class Envelope(Base):
    """A linkage key wrapped to one agency; the hub cannot open it."""

    __tablename__ = "envelopes"

    epoch: Mapped[str] = mapped_column(ForeignKey("epochs.epoch"), primary_key=True)
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    recipient: Mapped[str]
    document: Mapped[str]


class Agreement(Base):
    """An agreement's document, in canonical text."""

    __tablename__ = "agreements"

    agreement: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    document: Mapped[str]
    not_before: Mapped[datetime]
    expires: Mapped[datetime]


class AgreementParty(Base):
    """A party of an agreement, and its signature once it has signed."""

    __tablename__ = "agreement_parties"

    agreement: Mapped[str] = mapped_column(ForeignKey("agreements.agreement"), primary_key=True)
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True, index=True)
    signature: Mapped[str | None]
    signed_at: Mapped[datetime | None]


class Record(Base):
    """One record of an agency's caseload under its random handle."""

    __tablename__ = "records"

    record: Mapped[int] = mapped_column(RowId, primary_key=True)
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"))
    handle: Mapped[str]
    area: Mapped[str | None]
    card: Mapped[bytes]
    sha256: Mapped[bytes]

    __table_args__ = (Index("uq_records_agency_handle", "agency", "handle", unique=True),)


class SharedArea(Base):
    """How many records of an area an agency's last completed push held: how much an equal area can tell."""

    __tablename__ = "shared_areas"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    area: Mapped[str] = mapped_column(primary_key=True)
    records: Mapped[int]


class Token(Base):
    """One token of a record: its tags in schema order (8 bytes each), its name filter in keyed bit order."""

    __tablename__ = "tokens"

    token: Mapped[int] = mapped_column(RowId, primary_key=True)
    record: Mapped[int] = mapped_column(ForeignKey("records.record", ondelete="CASCADE"), index=True)
    tags: Mapped[bytes]
    names: Mapped[bytes]


class Tag(Base):
    """The search index: a tag and a token that has it, clustered by tag (no second copy of the row)."""

    __tablename__ = "tags"

    tag: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    token: Mapped[int] = mapped_column(
        RowId,
        ForeignKey("tokens.token", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        index=True,
    )

    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012


class Consent(Base):
    """One version of a record's consent, as its holder sent it."""

    __tablename__ = "consents"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    handle: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[str]


class Push(Base):
    """A push of a caseload: when it began and, once count and digest agreed, when it was complete."""

    __tablename__ = "pushes"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    push: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[str] = mapped_column(ForeignKey("epochs.epoch"))
    began: Mapped[datetime]
    completed: Mapped[datetime | None]


class LookupRequest(Base):
    """A request id that was answered: a keyed digest of its body, and the log entry it left.

    Keyed with the pepper: a plain digest would let whoever has the database and a linkage key try out whom a
    request was about, and would still do so once the entry's texts are erased.
    """

    __tablename__ = "lookup_requests"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    request: Mapped[str] = mapped_column(primary_key=True)
    body_digest: Mapped[bytes] = mapped_column("body_sha256")
    log_index: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("log_entries.index"))


class IndexModel(Base):
    """A model fitted to the index under one schema (`model/1`), and whether look-ups are weighed by it."""

    __tablename__ = "index_models"

    schema_digest: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    document: Mapped[str]
    known: Mapped[str]
    fitted_at: Mapped[datetime]
    in_use: Mapped[bool]


class BudgetUse(Base):
    """Cases asked about in a UTC day, by one staff id (or, with an empty one, by the whole node)."""

    __tablename__ = "budget_use"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.agency"), primary_key=True)
    staff: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    cases: Mapped[int]
