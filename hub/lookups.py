"""The look-up, in the order of docs/protocol.md, section 9.

    validate → agreement, role, purpose, basis → budget → match and weigh → [ charge → disclose → log ] →
    answer

What stands in brackets is one transaction: without a durable log entry nothing is charged and nothing
answered. Matching reads a snapshot before it and holds no lock. What is decided rests on the facts inside the
transaction, so a consent withdrawn meanwhile already counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from hub.access_log import REFUSED_PREFIX, Action, Appended, append_entry
from hub.agreements import require_covered, require_live
from hub.authentication import CallingNode
from hub.budgets import Budget, charge, require_budget
from hub.clock import parse_time
from hub.consent import consents_in_force
from hub.database import Database, insert_new
from hub.disclosure import HolderConsent
from hub.emergencies import bind_questions, require_one_case
from hub.epochs import CurrentEpoch, require_current
from hub.errors import ConflictError, LogUnavailableError, MalformedError
from hub.estimation import read_weighing
from hub.leaves import QUESTION, REASONS
from hub.log_tree import lock_head
from hub.log_views import whole_entry
from hub.lookup_log import answered_parts, refused_parts, subjects_of
from hub.lookup_schemas import LookupBody, WireCase, WireConsentBasis, WirePublicTaskBasis
from hub.matching import Match, match_cases, prepare_cases, read_holders
from hub.membership import list_agencies
from hub.models import Agency, LookupRequest, Record
from hub.near_cases import count_near_cases, count_same_cases
from hub.outcomes import NOT_ASKED, Asked, Asset, Outcome, cap_outcome, decide_outcome
from hub.purposes import (
    Basis,
    ConsentBasis,
    EmergencyBasis,
    PublicTaskBasis,
    kind_of,
    require_basis,
    require_role,
)
from hub.tags import Pepper
from matcher.decisions import Thresholds

Cell = tuple[int, str]
# A request is sent again because its answer was lost. For longer, it would be a question that costs no budget
# and that no alarm about repeated questions counts.
REPEAT_LIFE = timedelta(days=1)


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
        cards: Of matched records.
        alike: Pairs of cases that are one person or date variants of one, by the question alone.
    """

    entry: Appended
    agencies: tuple[str, ...]
    outcomes: Mapping[Cell, Outcome]
    cards: Mapping[int, bytes]
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
        agencies = list_agencies(session)
        epoch = _require_admissible(session, caller, body, bases, agencies=agencies, at=at)
        _require_affordable(session, caller, body, body_digest=body_digest, rules=rules, at=at)
        prepared = prepare_cases(body.cases, schema=epoch.schema, pepper=pepper)
        others = [row for row in agencies if row.agency != caller.agency]
        weighing = read_weighing(session, epoch.schema)
        matches = match_cases(
            session,
            prepared,
            schema=epoch.schema,
            weighing=weighing,
            asker=caller.agency,
            holders=read_holders(session, others),
            thresholds=rules.thresholds,
        )
        near_cases = count_near_cases(prepared, epoch.schema)
        alike = near_cases + count_same_cases(prepared, epoch.schema)
    try:
        return database.write_grouped(
            lambda session: _settle(
                session,
                caller,
                body,
                bases,
                matches,
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
    database: Database, caller: CallingNode, code: str, *, body: LookupBody | None, at: datetime
) -> None:
    """Log a refused look-up; without it not even the refusal is answered.

    Raises:
        LogUnavailableError: The log entry could not be written.
    """
    facts = {} if body is None else {"purpose": str(body.purpose)}
    parts = refused_parts(caller, body)
    try:
        database.write_grouped(
            lambda session: append_entry(
                session, f"{REFUSED_PREFIX}{code}", agency=caller.agency, at=at, facts=facts, parts=parts
            )
        )
    except (DBAPIError, PoolTimeoutError) as error:
        raise LogUnavailableError("the access log cannot be written; nothing is answered") from error


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
    agencies: Sequence[Agency],
    at: datetime,
) -> CurrentEpoch:
    """Refuse what no answer can follow: epoch, schema, form, agreement, role, purpose, basis."""
    epoch = require_current(session, epoch=body.epoch, schema_digest=body.schema_digest)
    if [case.case for case in body.cases] != list(range(len(body.cases))):
        raise MalformedError("cases.case: must count 0, 1, 2 ...")
    known = {row.agency for row in agencies}
    if (body.staff, body.role) != (caller.staff, caller.role):
        raise MalformedError("staff, role: are not those of the knownto-actor header")
    if body.agencies is not None and not known.issuperset(body.agencies):
        raise MalformedError("agencies: names one that is not in this network")
    agreements = require_live(session, caller.agency, at=at)
    require_role(body.role, body.purpose)
    for number, basis in enumerate(bases):
        require_basis(basis, purpose=body.purpose, staff=body.staff, at=at, field=f"cases.{number}.basis")
    require_one_case(bases)
    require_covered(agreements, purpose=body.purpose, bases=sorted({kind_of(basis) for basis in bases}))
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
    known = session.get(LookupRequest, (caller.agency, body.request))
    if known is not None:
        _require_same(known, body_digest)
        return
    require_budget(
        session, rules.budget, agency=caller.agency, staff=body.staff, cases=len(body.cases), at=at
    )


def _settle(
    session: Session,
    caller: CallingNode,
    body: LookupBody,
    bases: Sequence[Basis],
    matches: Mapping[Cell, Match],
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
    lock_head(session)
    epoch = require_current(session, epoch=body.epoch, schema_digest=body.schema_digest)
    earlier = _register(session, caller, body, body_digest=body_digest, at=at)
    bind_questions(session, caller.agency, body, pepper=pepper)
    if earlier is None:
        charge(session, rules.budget, agency=caller.agency, staff=body.staff, cases=len(body.cases), at=at)
    asked = Asked(
        agency=caller.agency,
        staff=body.staff,
        purpose=body.purpose,
        agencies=None if body.agencies is None else frozenset(body.agencies),
        agreements=require_live(session, caller.agency, at=at),
        at=at,
    )
    others = [row for row in list_agencies(session) if row.agency != caller.agency]
    cards = _cards(session, matches)
    outcomes = _decide_all(session, asked, others, bases, matches, cards=cards, earlier=earlier)
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
            alarm_facts={"near_cases": near_cases},
        ),
        subjects=subjects_of(outcomes),
    )
    if earlier is None:
        _note_index(session, caller, body, appended.index)
    return Answered(appended, tuple(row.agency for row in others), outcomes, cards, alike)


@dataclass(frozen=True, slots=True)
class _Earlier:
    """The first answer to a request that is repeated: its entry, and the codes given with their reasons."""

    log_index: int
    answers: Mapping[Cell, tuple[str, str]]


def _register(
    session: Session, caller: CallingNode, body: LookupBody, *, body_digest: bytes, at: datetime
) -> _Earlier | None:
    """Claim a request id; what was answered when it was claimed before.

    A second worker with the same id waits here until the first has committed.
    """
    row = {"agency": caller.agency, "request": body.request, "body_digest": body_digest, "log_index": None}
    if insert_new(session, LookupRequest, row):
        return None
    known = session.get_one(LookupRequest, (caller.agency, body.request))
    _require_same(known, body_digest)
    assert known.log_index is not None
    first = whole_entry(session, known.log_index)
    if at - parse_time(first.facts["at"]) > REPEAT_LIFE:
        raise ConflictError("request: it was answered more than a day ago; ask anew, under another id")
    reasons = {case["case"]: case["reasons"] for case in first.part(REASONS).get("cases", ())}
    answers = {
        (case["case"], agency): (code, reasons[case["case"]][agency])
        for case in first.part(QUESTION).get("cases", ())
        for agency, code in case["answers"].items()
    }
    # Where the first entry's texts are erased nothing is known to have been told, and nothing is told again.
    return _Earlier(known.log_index, answers if reasons else {})


def _note_index(session: Session, caller: CallingNode, body: LookupBody, index: int) -> None:
    claimed = (LookupRequest.agency == caller.agency) & (LookupRequest.request == body.request)
    session.execute(update(LookupRequest).where(claimed).values(log_index=index))


def _require_same(known: LookupRequest, body_digest: bytes) -> None:
    if known.body_digest != body_digest:
        raise ConflictError("request: this id was used with another body")


def _cards(session: Session, matches: Mapping[Cell, Match]) -> dict[int, bytes]:
    """The cards of the matched records that are still there.

    A record is known by its handle: SQLite gives the number of one that has left to the next that comes.
    """
    wanted = {match.record: match.handle for match in matches.values()}
    rows = session.execute(
        select(Record.record, Record.handle, Record.card).where(Record.record.in_(sorted(wanted)))
    )
    return {record: card for record, handle, card in rows if wanted[record] == handle}


def _decide_all(
    session: Session,
    asked: Asked,
    others: Sequence[Agency],
    bases: Sequence[Basis],
    matches: Mapping[Cell, Match],
    *,
    cards: Mapping[int, bytes],
    earlier: _Earlier | None,
) -> dict[Cell, Outcome]:
    consents = consents_in_force(
        session,
        (
            (agency, handle)
            for (_, agency), match in matches.items()
            for handle in (match.handle, *match.others)
        ),
    )
    outcomes: dict[Cell, Outcome] = {}
    for case, basis in enumerate(bases):
        for row in others:
            match = matches.get((case, row.agency))
            outcome = decide_outcome(
                asked,
                Asset(row.agency, row.as_of),
                basis=basis,
                match=match,
                sealed=match is not None and match.record not in cards,
                consent=_decisive_consent(consents, row.agency, match),
            )
            if earlier is not None:
                code, reason = earlier.answers.get((case, row.agency), (NOT_ASKED, ""))
                outcome = cap_outcome(outcome, code=code, reason=reason)
            outcomes[case, row.agency] = outcome
    return outcomes


def _decisive_consent(
    consents: Mapping[tuple[str, str], HolderConsent], agency: str, match: Match | None
) -> HolderConsent | None:
    """The matched record's consent, unless the person withdrew or objected on another of their records."""
    if match is None:
        return None
    mine = consents.get((agency, match.handle))
    found = (mine, *(consents.get((agency, handle)) for handle in match.others))
    return next((one for one in found if one is not None and (one.withdrawn_at or one.objected_at)), mine)
