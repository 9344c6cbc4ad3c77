"""One cell of an answer: what an agency is said to know about a case, and why, for the log.

Pure. The order is the protocol's (section 9): not asked, no reply yet, no shared match, and only then what
the disclosure rules leave. A withheld match and no match at all are the same code, so that nothing tells them
apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hub.disclosure import HolderConsent, Question, Refused, decide
from hub.live_agreements import LiveAgreement
from hub.matching import Match
from hub.purposes import Basis, LawfulBasis, Purpose
from matcher.decisions import Designation

KNOWN, POSSIBLY_KNOWN, NO_SHARED_MATCH, NO_REPLY_YET, NOT_ASKED = "K", "P", "N", "R", "A"
PERMITTED, WITHOUT_CARD = "permitted", "permitted_without_card"
NOT_ALONE = "not_alone"
DISCLOSED = {KNOWN: 2, POSSIBLY_KNOWN: 1}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, why, and on which agreements that can rest."""

    agency: str
    staff: str
    purpose: Purpose
    agencies: frozenset[str] | None
    agreements: Sequence[LiveAgreement]
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """The code an agency gets for a case, the reason for the log, and what was decided on.

    `match` and `consent` stand also where the answer is withheld: the log notes whose record it was about,
    and which version of its consent. `card` says whether the holder's card may be shown. `beside` is the
    outcome, withheld, of another record of the agency that fits the question better: for the log alone.
    """

    code: str
    reason: str
    match: Match | None = None
    consent: HolderConsent | None = None
    card: bool = False
    beside: Outcome | None = None

    @property
    def is_disclosed(self) -> bool:
        """Whether the asker learns that the agency knows, or may know, the person."""
        return self.code in DISCLOSED


def find_no_answer(
    asked: Asked, agency: str, *, as_of: datetime | None, basis: LawfulBasis
) -> Outcome | None:
    """Why an agency has no answer to give, whoever matched; None where it has.

    Args:
        asked: Who asks, and why.
        agency: The agency that would be shown to know a person.
        as_of: When its caseload was last complete.
        basis: The lawful basis of the case.
    """
    if asked.agencies is not None and agency not in asked.agencies:
        return Outcome(NOT_ASKED, "not_in_request")
    covering = [
        agreement
        for agreement in asked.agreements
        if agreement.covers(asked.agency, agency, purpose=asked.purpose, basis=basis)
    ]
    if not covering:
        return Outcome(NOT_ASKED, "no_agreement")
    if as_of is None:
        return Outcome(NO_REPLY_YET, "never_shared")
    oldest = asked.at - timedelta(days=max(agreement.maximum_age_days for agreement in covering))
    return Outcome(NO_REPLY_YET, "too_old") if as_of < oldest else None


def decide_outcome(
    asked: Asked,
    *,
    basis: Basis,
    no_answer: Outcome | None,
    match: Match | None,
    sealed: bool,
    consent: HolderConsent | None,
) -> Outcome:
    """Decide one agency's answer for one case.

    Args:
        asked: Who asks, and why.
        basis: By what right this case is asked.
        no_answer: Of the agency on this basis, whoever matched.
        match: The record that matched best, if any.
        sealed: Whether that record has left the hub since.
        consent: What its holder recorded for it.
    """
    if no_answer is not None:
        # Where an agency is not asked, not even the log notes whom it has.
        return no_answer if no_answer.code == NOT_ASKED else replace(no_answer, match=match, consent=consent)
    if match is None:
        return Outcome(NO_SHARED_MATCH, "no_match")
    decision = decide(_question(asked, basis, sealed=sealed, consent=consent))
    if isinstance(decision, Refused):
        return Outcome(NO_SHARED_MATCH, str(decision.reason), match, consent)
    code = KNOWN if match.designation is Designation.LINK else POSSIBLY_KNOWN
    return Outcome(code, PERMITTED if decision.card else WITHOUT_CARD, match, consent, card=decision.card)


def may_tell(asked: Asked, *, basis: Basis, consent: HolderConsent | None) -> bool:
    """Whether the asker may learn of a record with this consent, if it matches."""
    return not isinstance(decide(_question(asked, basis, sealed=False, consent=consent)), Refused)


def choose_outcome(found: Outcome, told: Outcome) -> Outcome:
    """What is answered: by the records the asker may learn of alone, whatever others there are.

    Args:
        found: Decided on the record that matches best of all.
        told: Decided on the one that matches best of those the asker may learn of.
    """
    if told.match is None:
        # Together with records that are withheld it would be a match, which must not show.
        return (
            replace(found, code=NO_SHARED_MATCH, reason=NOT_ALONE, card=False)
            if found.is_disclosed
            else found
        )
    same = found.match is not None and found.match.handle == told.match.handle
    return told if same or found.is_disclosed else replace(told, beside=found)


def _question(asked: Asked, basis: Basis, *, sealed: bool, consent: HolderConsent | None) -> Question:
    return Question(
        asker=asked.agency,
        staff=asked.staff,
        purpose=asked.purpose,
        basis=basis,
        at=asked.at,
        agreement=True,
        sealed=sealed,
        consent=consent,
    )


def cap_outcome(outcome: Outcome, *, code: str, reason: str) -> Outcome:
    """The outcome of a repeated request: never more than was answered the first time.

    A repeat costs no budget, and so must not be a way to watch for a person, or their card, to appear. What
    would tell more is answered like somebody unknown now, whatever stood there first: an agency that has
    joined, shared or signed since gives everybody else the same word.
    """
    if not outcome.is_disclosed:
        return outcome
    if DISCLOSED.get(code, 0) < DISCLOSED[outcome.code]:
        return replace(outcome, code=NO_SHARED_MATCH, reason="repeated", card=False)
    return replace(outcome, card=outcome.card and reason == PERMITTED)
