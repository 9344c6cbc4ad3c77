"""What agencies have decided of pairs of their records: what stands, and what of it still holds.

An agency's newest decision of a pair counts, and an undone one leaves none. It holds for as long as the
tokens of both records are those it was made on. Where the two agencies contradict each other nothing is
guessed: linking goes by the evidence, and both are told.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hub.linking_index import DIGEST_BYTES, Reference
from hub.models import Token
from hub.pair_models import PairDecision
from hub.pairs import rows_of

# The data had changed already when their epoch ended: no digest is this.
CHANGED = b""
RECORDS_AT_ONCE = 500

Ends = tuple[Reference, Reference]
Digests = Mapping[Reference, bytes]


class Verdict(StrEnum):
    """What was decided."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_SURE = "not_sure"
    UNDONE = "undone"


class ReasonCode(StrEnum):
    """Why, in a word that carries no name."""

    FILES_COMPARED = "files_compared"
    AGENCY_ASKED = "agency_asked"
    PERSON_ASKED = "person_asked"
    DOCUMENT_SEEN = "document_seen"
    RELATIVES = "relatives"
    TOO_LITTLE_KNOWN = "too_little_known"
    ENTERED_BY_MISTAKE = "entered_by_mistake"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands of a pair: each agency's newest decision that is not undone, and whether it still holds."""

    by_agency: Mapping[str, PairDecision]
    holding: frozenset[str]

    @property
    def verdicts(self) -> frozenset[str]:
        """Same, different, both, or neither: what holds and says something."""
        said = {one.verdict for agency, one in self.by_agency.items() if agency in self.holding}
        return frozenset(said - {Verdict.NOT_SURE})

    @property
    def contradicts(self) -> bool:
        """Whether the two agencies say opposite things."""
        return len(self.verdicts) > 1

    @property
    def same(self) -> bool | None:
        """What linking goes by; None where nothing is decided, or opposite things are."""
        return None if len(self.verdicts) != 1 else Verdict.SAME in self.verdicts


def order_ends(one: Reference, other: Reference) -> Ends:
    """The two records of a pair in their order."""
    return (one, other) if one <= other else (other, one)


def ends_of(row: PairDecision) -> Ends:
    """The two records a decision is about."""
    return (row.one_agency, row.one_handle), (row.other_agency, row.other_handle)


def standing_decisions(session: Session, agency: str | None = None) -> dict[Ends, Standing]:
    """What stands of every pair that was decided, or of those of one agency's records."""
    newest = select(func.max(PairDecision.number)).group_by(PairDecision.pair, PairDecision.agency)
    chosen = select(PairDecision).where(
        PairDecision.number.in_(newest), PairDecision.verdict != Verdict.UNDONE
    )
    if agency is not None:
        chosen = chosen.where(or_(PairDecision.one_agency == agency, PairDecision.other_agency == agency))
    rows = session.scalars(chosen.order_by(PairDecision.number)).all()
    now = token_digests(session, (end for row in rows for end in ends_of(row)))
    of_pair: dict[Ends, dict[str, PairDecision]] = defaultdict(dict)
    for row in rows:
        of_pair[ends_of(row)][row.agency] = row
    return {
        ends: Standing(by_agency, frozenset(name for name, row in by_agency.items() if holds(row, now)))
        for ends, by_agency in of_pair.items()
    }


def holds(row: PairDecision, now: Digests) -> bool:
    """Whether both records are there, with the tokens they were decided on."""
    decided = zip(ends_of(row), (row.one_digest, row.other_digest), strict=True)
    return all(end in now and digest in (None, now[end]) for end, digest in decided)


def how_many_decisions(session: Session) -> int:
    """What changes whenever something is decided."""
    return session.scalar(select(func.count()).select_from(PairDecision)) or 0


def token_digests(session: Session, records: Iterable[Reference]) -> dict[Reference, bytes]:
    """Digest of the tokens of each record that is there.

    Of what its holder says of the person and nothing else: neither area nor card. The order of tokens behind
    the first says nothing.
    """
    found = rows_of(session, "records", "t.record, t.agency, t.handle", records)
    reference = {row.record: (row.agency, row.handle) for row in found}
    numbers, digests = sorted(reference), dict[Reference, bytes]()
    for start in range(0, len(numbers), RECORDS_AT_ONCE):
        some = numbers[start : start + RECORDS_AT_ONCE]
        chosen = select(Token).where(Token.record.in_(some)).order_by(Token.record, Token.token)
        for record, tokens in groupby(session.scalars(chosen), key=lambda token: token.record):
            first, *others = [token.tags + token.names for token in tokens]
            content = b"\n".join([first, *sorted(others)])
            digests[reference[record]] = hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()
    return digests


def carry_into_new_epoch(session: Session) -> None:
    """Before tokens are destroyed: what holds now will hold for what comes first in the new epoch."""
    rows, now = _with_digests(session)
    for row in rows:
        for side, end in zip(("one_digest", "other_digest"), ends_of(row), strict=True):
            if end in now:
                setattr(row, side, None if getattr(row, side) in (None, now[end]) else CHANGED)
    session.flush()


def settle_in_epoch(session: Session) -> None:
    """From a run on, what was carried over holds for the tokens that the run has found."""
    rows, now = _with_digests(session, carried=True)
    for row in rows:
        for side, end in zip(("one_digest", "other_digest"), ends_of(row), strict=True):
            if getattr(row, side) is None and end in now:
                setattr(row, side, now[end])
    session.flush()


def _with_digests(session: Session, *, carried: bool = False) -> tuple[Sequence[PairDecision], Digests]:
    chosen = select(PairDecision).order_by(PairDecision.number)
    if carried:
        chosen = chosen.where(or_(PairDecision.one_digest.is_(None), PairDecision.other_digest.is_(None)))
    rows = session.scalars(chosen).all()
    return rows, token_digests(session, (end for row in rows for end in ends_of(row)))
