"""What an asker may be told: of which records at all, and then in what words.

An answer is worked out from the records its asker may learn of, as if there were no others: neither a word
nor a number in it depends on somebody withheld, however the question is put. The match among all records is
for the log alone, and for the person who later asks who looked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy.orm import Session

from hub.candidates import Candidates
from hub.consent import consents_in_force
from hub.disclosure import HolderConsent
from hub.matching import Match
from hub.models import Agency
from hub.outcomes import Asked, Outcome, choose_outcome, decide_outcome, find_no_answer, may_tell
from hub.pairs import Handle, rows_of
from hub.purposes import Basis, LawfulBasis, kind_of
from matcher.tokens import BoolArray

Cell = tuple[int, str]
Consents = Mapping[Handle, HolderConsent]


def find_tellable(
    session: Session,
    asked: Asked,
    candidates: Candidates,
    *,
    holders: Sequence[Agency],
    bases: Sequence[Basis],
) -> BoolArray:
    """Which candidates each case may be told of, shape (cases, records).

    Args:
        session: A reading session.
        asked: Who asks, and why.
        candidates: All records the question found.
        holders: The agencies asked.
        bases: By what right each case is asked.
    """
    consents = consents_in_force(session, ((row.agency, row.handle) for row in candidates.records))
    no_answers = _no_answers(asked, holders, bases)
    alike: dict[tuple[str, HolderConsent | None], int] = {}  # Records of which the rules say the same.
    kind = [
        alike.setdefault(
            (row.agency, _decisive(consents, row.agency, (row.handle, *candidates.others(number)))),
            len(alike),
        )
        for number, row in enumerate(candidates.records)
    ]
    decided = [
        [
            no_answers[agency, kind_of(basis)] is None and may_tell(asked, basis=basis, consent=consent)
            for agency, consent in alike
        ]
        for basis in bases
    ]
    return np.array(decided, dtype=np.bool_).reshape(len(bases), len(alike))[:, kind]


def decide_all(
    session: Session,
    asked: Asked,
    *,
    holders: Sequence[Agency],
    bases: Sequence[Basis],
    found: Mapping[Cell, Match],
    told: Mapping[Cell, Match],
    cards: Mapping[Handle, bytes],
) -> dict[Cell, Outcome]:
    """Every agency's outcome for every case, on what is recorded now.

    Args:
        session: The session that logs the answer.
        asked: Who asks, and why.
        holders: The agencies answered for.
        bases: By what right each case is asked.
        found: Matches among all records.
        told: Matches among those the asker may learn of, as it stood when they were matched.
        cards: Of the records that are still there.
    """
    handles = (
        (agency, handle)
        for matches in (found, told)
        for (_, agency), match in matches.items()
        for handle in (match.handle, *match.others)
    )
    consents = consents_in_force(session, handles)
    no_answers = _no_answers(asked, holders, bases)

    def decided(case: int, holder: Agency, match: Match | None) -> Outcome:
        gone = match is not None and (holder.agency, match.handle) not in cards
        consent = None
        if match is not None:
            consent = _decisive(consents, holder.agency, (match.handle, *match.others))
        basis = bases[case]
        no_answer = no_answers[holder.agency, kind_of(basis)]
        return decide_outcome(
            asked, basis=basis, no_answer=no_answer, match=match, sealed=gone, consent=consent
        )

    cells = [(case, holder) for case in range(len(bases)) for holder in holders]
    return {
        (case, holder.agency): choose_outcome(
            decided(case, holder, found.get((case, holder.agency))),
            decided(case, holder, told.get((case, holder.agency))),
        )
        for case, holder in cells
    }


def _no_answers(
    asked: Asked, holders: Sequence[Agency], bases: Sequence[Basis]
) -> dict[tuple[str, LawfulBasis], Outcome | None]:
    return {
        (row.agency, kind): find_no_answer(asked, row.agency, as_of=row.as_of, basis=kind)
        for row in holders
        for kind in {kind_of(basis) for basis in bases}
    }


def read_cards(session: Session, *matches: Mapping[Cell, Match]) -> dict[Handle, bytes]:
    """The cards of matched records that are still there."""
    wanted = {(agency, match.handle) for found in matches for (_, agency), match in found.items()}
    rows = rows_of(session, "records", "t.agency, t.handle, t.card", wanted)
    return {(row.agency, row.handle): row.card for row in rows}


def _decisive(consents: Consents, agency: str, handles: Sequence[str]) -> HolderConsent | None:
    """A record's consent, unless the person withdrew or objected on another of their records there.

    Args:
        consents: By agency and handle.
        agency: Whose records.
        handles: The record's, then those of the other records.
    """
    recorded = [consents.get((agency, handle)) for handle in handles]
    refused = (one for one in recorded if one is not None and (one.withdrawn_at or one.objected_at))
    return next(refused, recorded[0])
