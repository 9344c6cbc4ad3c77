"""The look-up, in the order of docs/protocol.md, section 9.

    validate → agreement, role, purpose, basis → budget → find → match among all, and among those the asker
    may learn of → [ charge → disclose → log ] → answer

What stands in brackets is one transaction: without a durable log entry nothing is charged and nothing
answered. Matching reads a snapshot before it and holds no lock. What is decided rests on the facts inside the
transaction, so a consent withdrawn meanwhile already counts for the person who would be told of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from hub.access_log import Action, Appended, append_entry
from hub.approvals import require_approvals
from hub.authentication import CallingNode
from hub.budgets import Budget, cases_charged, charge, require_budget
from hub.candidates import find_candidates
from hub.clock import parse_time
from hub.database import Database
from hub.emergencies import bind_questions, require_one_case
from hub.epochs import CurrentEpoch, require_current
from hub.errors import BudgetExhaustedError, LogUnavailableError, MalformedError
from hub.estimation import read_weighing
from hub.live_agreements import LiveAgreement, require_covered, require_live
from hub.log_bounds import Bound, take_place
from hub.log_tree import lock_head
from hub.lookup_log import answered_parts, refused_parts, subjects_of
from hub.lookup_schemas import LookupBody, WireCase, WireConsentBasis, WirePublicTaskBasis
from hub.matching import Match, areas_of, match_cases, read_holders
from hub.membership import list_agencies
from hub.models import Agency
from hub.near_cases import count_near_cases, count_same_cases
from hub.outcomes import Asked, Outcome
from hub.pairs import Handle
from hub.purposes import (
    Basis,
    ConsentBasis,
    EmergencyBasis,
    PublicTaskBasis,
    kind_of,
    require_basis,
    require_role,
)
from hub.questions import prepare_cases
from hub.repeats import note_answered, read_earlier, was_answered
from hub.tags import Pepper
from hub.telling import decide_all, find_tellable, read_cards
from matcher.decisions import Thresholds

Cell = tuple[int, str]


@dataclass(frozen=True, slots=True)
class LookupRules:
    """What the partnership's settings say about look-ups; `policy` is the digest of it that the log keeps."""

    budget: Budget
    thresholds: Thresholds
    policy: str


@dataclass(frozen=True, slots=True, repr=False)
class Answered:
    """A look-up whose log entry is durable: what may now leave the hub.

    Attributes:
        entry: Its entry.
        agencies: All that are answered for, sorted.
        outcomes: By case and agency.
        cards: Of matched records, by agency and handle.
        alike: Pairs of cases that are one person or date variants of one, by the question alone.
    """

    entry: Appended
    agencies: tuple[str, ...]
    outcomes: Mapping[Cell, Outcome]
    cards: Mapping[Handle, bytes]
    alike: int


def look_up(
    database: Database,
    caller: CallingNode,
    body: LookupBody,
    *,
    body_digest: bytes,
    pepper: Pepper,
    rules: LookupRules,
    at: datetime,
) -> Answered:
    """Answer a look-up; its log entry is durable when this returns.

    Raises:
        HubError: One of the refusals of the protocol; nothing was charged or answered.
        LogUnavailableError: The log entry could not be written.
    """
    bases = [read_basis(case) for case in body.cases]
    with database.reading() as session:
        asked = _who_asks(caller, body, agreements=caller.agreements, at=at)
        agencies = list_agencies(session)
        epoch = _require_admissible(session, caller, body, bases, asked=asked, agencies=agencies)
        _require_affordable(session, caller, body, body_digest=body_digest, rules=rules, at=at)
        prepared = prepare_cases(body.cases, schema=epoch.schema, pepper=pepper)
        others = [row for row in agencies if row.agency != caller.agency]
        weighing = read_weighing(session, epoch.schema)
        holders = read_holders(session, others)
        candidates = find_candidates(
            session,
            prepared,
            schema=epoch.schema,
            weighing=weighing,
            asker=caller.agency,
            agencies=[row.agency for row in others],
            areas=areas_of(holders),
        )
        tellable = find_tellable(session, asked, candidates, holders=others, bases=bases)
        near_cases = count_near_cases(prepared, epoch.schema)
        alike = near_cases + count_same_cases(prepared, epoch.schema)
    match = partial(
        match_cases, prepared, candidates, schema=epoch.schema, weighing=weighing, holders=holders,
        thresholds=rules.thresholds,
    )  # fmt: skip
    # Of those who consented, near misses are too few to tell how common somebody's initials are.
    crowded = np.array([not isinstance(basis, ConsentBasis) for basis in bases])
    found, told = match(), match(told=tellable, crowded=crowded)
    try:
        return database.write_grouped(
            lambda session: _settle(
                session,
                caller,
                body,
                bases,
                found,
                told,
                pepper=pepper,
                near_cases=near_cases,
                alike=alike,
                model_digest=weighing.digest,
                body_digest=body_digest,
                rules=rules,
                at=at,
            )
        )
    except (DBAPIError, PoolTimeoutError) as error:
        raise LogUnavailableError("the access log cannot be written; nothing is answered") from error


def log_refusal(
    database: Database,
    caller: CallingNode,
    action: str,
    *,
    call: str,
    body: LookupBody | None,
    limit: int,
    at: datetime,
) -> None:
    """Log a refused call; without it not even the refusal is answered.

    Args:
        database: The hub's.
        caller: Who was refused.
        action: A prefix of refusals with the problem's code.
        call: Method and path as the route spells it, with nothing of this call's in it.
        body: Of a look-up that could be read.
        limit: How many refusals are logged of a node in a day.
        at: Now.

    Raises:
        BudgetExhaustedError: The day's bound of `limit` logged refusals is met: the reason is told no more.
        LogUnavailableError: The log entry could not be written.
    """
    facts = {"call": call} if body is None else {"call": call, "purpose": str(body.purpose)}
    parts = refused_parts(caller, body)

    def write(session: Session) -> bool:
        if not take_place(session, Bound.REFUSALS, agency=caller.agency, limit=limit, at=at):
            return False
        append_entry(session, action, agency=caller.agency, at=at, facts=facts, parts=parts)
        return True

    try:
        logged = database.write_grouped(write)
    except (DBAPIError, PoolTimeoutError) as error:
        raise LogUnavailableError("the access log cannot be written; nothing is answered") from error
    if not logged:
        raise BudgetExhaustedError("refused calls: as many as are logged of this node in a day")


def read_basis(case: WireCase) -> Basis:
    """The lawful basis of a case, from the wire."""
    basis = case.basis
    if isinstance(basis, WireConsentBasis):
        return ConsentBasis(parse_time(basis.captured_at), basis.method, frozenset(basis.scope))
    reason = basis.reason_category, basis.reason_commitment
    if isinstance(basis, WirePublicTaskBasis):
        return PublicTaskBasis(*reason, basis.approver, basis.override, parse_time(basis.approved_at))
    return EmergencyBasis(*reason, basis.emergency, parse_time(basis.declared_at))


def _require_admissible(
    session: Session,
    caller: CallingNode,
    body: LookupBody,
    bases: Sequence[Basis],
    *,
    asked: Asked,
    agencies: Sequence[Agency],
) -> CurrentEpoch:
    """Refuse what no answer can follow: epoch, schema, form, role, purpose, basis, what is agreed."""
    epoch = require_current(session, epoch=body.epoch, schema_digest=body.schema_digest)
    if [case.case for case in body.cases] != list(range(len(body.cases))):
        raise MalformedError("cases.case: must count 0, 1, 2 ...")
    known = {row.agency for row in agencies}
    if (body.staff, body.role) != (caller.staff, caller.role):
        raise MalformedError("staff, role: are not those of the knownto-actor header")
    if body.agencies is not None and not known.issuperset(body.agencies):
        raise MalformedError("agencies: names one that is not in this network")
    require_role(body.role, body.purpose)
    for number, basis in enumerate(bases):
        field = f"cases.{number}.basis"
        require_basis(basis, purpose=asked.purpose, staff=asked.staff, at=asked.at, field=field)
    require_approvals(session, caller.agency, bases, purpose=str(body.purpose), at=asked.at)
    require_one_case(bases)
    kinds = sorted({kind_of(basis) for basis in bases})
    require_covered(asked.agreements, purpose=body.purpose, bases=kinds)
    return epoch


def _require_affordable(
    session: Session,
    caller: CallingNode,
    body: LookupBody,
    *,
    body_digest: bytes,
    rules: LookupRules,
    at: datetime,
) -> None:
    """Refuse before the work what cannot be charged after it; a repeated request costs nothing."""
    try:
        require_budget(
            session, rules.budget, agency=caller.agency, staff=body.staff, cases=_charged(body), at=at
        )
    except BudgetExhaustedError:
        if not was_answered(session, caller.agency, body.request, body_digest=body_digest):
            raise


def _who_asks(
    caller: CallingNode, body: LookupBody, *, agreements: Sequence[LiveAgreement], at: datetime
) -> Asked:
    return Asked(
        agency=caller.agency,
        staff=body.staff,
        purpose=body.purpose,
        agencies=None if body.agencies is None else frozenset(body.agencies),
        agreements=agreements,
        at=at,
    )


def _charged(body: LookupBody) -> int:
    return cases_charged(len(case.tokens) for case in body.cases)


def _settle(
    session: Session,
    caller: CallingNode,
    body: LookupBody,
    bases: Sequence[Basis],
    found: Mapping[Cell, Match],
    told: Mapping[Cell, Match],
    *,
    pepper: Pepper,
    near_cases: int,
    alike: int,
    model_digest: str,
    body_digest: bytes,
    rules: LookupRules,
    at: datetime,
) -> Answered:
    """Charge, decide and log, in one transaction, which other look-ups may share."""
    head = lock_head(session)
    epoch = require_current(session, epoch=body.epoch, schema_digest=body.schema_digest)
    earlier = read_earlier(session, caller.agency, body.request, body_digest=body_digest, at=at)
    bind_questions(session, caller.agency, body, pepper=pepper, at=at)
    if earlier is None:
        charge(session, rules.budget, agency=caller.agency, staff=body.staff, cases=_charged(body), at=at)
    agreements = require_live(session, caller.agency, at=at)
    asked = _who_asks(caller, body, agreements=agreements, at=at)
    others = [row for row in list_agencies(session) if row.agency != caller.agency]
    cards = read_cards(session, found, told)
    outcomes = decide_all(session, asked, holders=others, bases=bases, found=found, told=told, cards=cards)
    if earlier is not None:
        outcomes = earlier.cap(outcomes)
    repeats = None if earlier is None else earlier.log_index
    appended = append_entry(
        session,
        Action.LOOKUP_ANSWERED,
        agency=caller.agency,
        at=at,
        facts={
            "purpose": str(body.purpose),
            "schema_digest": epoch.schema.digest,
            "model_digest": model_digest,
            "policy": rules.policy,
        },
        parts=answered_parts(
            caller,
            body,
            others=others,
            outcomes=outcomes,
            repeats=repeats,
            alarm_facts={"near_cases": near_cases, "further_charged": _charged(body) - len(body.cases)},
        ),
        subjects=subjects_of(outcomes),
        head=head,
    )
    if earlier is None:
        note_answered(session, caller.agency, body.request, body_digest=body_digest, index=appended.index)
    return Answered(appended, tuple(row.agency for row in others), outcomes, cards, alike)
