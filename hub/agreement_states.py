"""The agreements of the network as the hub's own people see them: dates, who has signed, which are live."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.errors import NotFoundError
from hub.models import Agency, Agreement, AgreementParty

# It is live between those who have signed, so one alone has agreed with nobody.
FEWEST_SIGNATURES = 2


@dataclass(frozen=True, slots=True)
class Party:
    """One agency of an agreement, and when it signed; None while it has not."""

    agency: str
    name: str
    signed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Paper:
    """One of the signed papers behind an agreement, as its document names it."""

    title: str
    version: str


@dataclass(frozen=True, slots=True)
class AgreementState:
    """An agreement, and how it stands.

    Attributes:
        agreement: Its id.
        title: What it is called.
        state: In words: live (perhaps not between all yet), not yet, expired, or waiting for signatures.
        parties: The agencies it is between, by id.
        purposes: What it permits look-ups for.
        lawful_bases: By what right.
        maximum_age_days: How old a shared caseload may be before it no longer answers.
        not_before: When it begins.
        expires: When it ends.
        isa: The information sharing agreement.
        terms: The terms of reference.
        digest: Of the document that was signed.
    """

    agreement: str
    title: str
    state: str
    parties: Sequence[Party]
    purposes: Sequence[str]
    lawful_bases: Sequence[str]
    maximum_age_days: int
    not_before: datetime
    expires: datetime
    isa: Paper
    terms: Paper
    digest: str

    @property
    def missing(self) -> list[Party]:
        """Who has not signed."""
        return [party for party in self.parties if party.signed_at is None]


def describe_agreements(session: Session, *, at: datetime) -> list[AgreementState]:
    """Every agreement of the network, sorted by id."""
    rows = session.scalars(select(Agreement))
    return [_describe(session, row, at) for row in sorted(rows, key=lambda row: row.agreement)]


def describe_agreement(session: Session, agreement: str, *, at: datetime) -> AgreementState:
    """One agreement.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = session.get(Agreement, agreement)
    if row is None:
        raise NotFoundError("agreement: there is none of this id")
    return _describe(session, row, at)


def state_of(parties: Sequence[Party], *, not_before: datetime, expires: datetime, at: datetime) -> str:
    """How an agreement stands, in the words a node has for it too."""
    signed = sum(party.signed_at is not None for party in parties)
    if at >= expires:
        return "expired"
    if signed < FEWEST_SIGNATURES:
        return "waiting for signatures"
    if at < not_before:
        return "not yet"
    return "live" if signed == len(parties) else "live between those who signed"


def _describe(session: Session, row: Agreement, at: datetime) -> AgreementState:
    found = session.execute(
        select(AgreementParty.agency, Agency.name, AgreementParty.signature, AgreementParty.signed_at)
        .join(Agency, Agency.agency == AgreementParty.agency)
        .where(AgreementParty.agreement == row.agreement)
    )
    parties = [
        Party(agency, name, signed_at if signature else None) for agency, name, signature, signed_at in found
    ]
    document = json.loads(row.document)
    return AgreementState(
        agreement=row.agreement,
        title=document["title"],
        state=state_of(parties, not_before=row.not_before, expires=row.expires, at=at),
        parties=sorted(parties, key=lambda party: party.agency),
        purposes=document["purposes"],
        lawful_bases=document["lawful_bases"],
        maximum_age_days=document["maximum_age_days"],
        not_before=row.not_before,
        expires=row.expires,
        isa=_paper(document["isa"]),
        terms=_paper(document["terms_of_reference"]),
        digest=row.digest,
    )


def _paper(named: Mapping[str, str]) -> Paper:
    return Paper(named["title"], named["version"])
