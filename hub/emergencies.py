"""An override or an emergency is for one person, one purpose and who asks: held to that here.

The hub keeps what was first asked under its id as a digest keyed with the pepper. Everything that decides who
is asked about goes into it, probes and area too, and so do the asker and the approval or declaration: neither
another person nor another quarter of an hour fits under an old id (docs/protocol.md, section 9). An override
is bound anew in each epoch, whose tokens are others. That somebody declares one emergency after another is
for the alarms and the review. A digest goes with the texts of the log that are as old as its last use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from hub.budgets import day_of
from hub.database import dialect_insert, table_of
from hub.emergency_models import Emergency
from hub.errors import BasisNotPermittedError
from hub.lookup_schemas import LookupBody, WireCase, WireEmergencyBasis, WirePublicTaskBasis
from hub.override_models import OverrideUse
from hub.purposes import APPROVAL_LIFE, Basis, EmergencyBasis
from hub.tags import Pepper
from keys.documents import canonical_bytes


def require_one_case(bases: Sequence[Basis]) -> None:
    """Refuse a request with an emergency among several cases.

    Raises:
        BasisNotPermittedError: There are several.
    """
    if len(bases) > 1 and any(isinstance(basis, EmergencyBasis) for basis in bases):
        raise BasisNotPermittedError("cases: an emergency is asked about alone, one case in the request")


def bind_questions(session: Session, agency: str, body: LookupBody, *, pepper: Pepper, at: datetime) -> None:
    """Bind overrides and emergencies to the questions they are first used for.

    Raises:
        BasisNotPermittedError: One was used for another person, purpose or asker, or was given otherwise.
    """
    asked = {case.case: _digest_question(body, case, pepper) for case in body.cases}
    emergencies = {c.case: c.basis.emergency for c in body.cases if isinstance(c.basis, WireEmergencyBasis)}
    overrides = {c.case: c.basis.override for c in body.cases if isinstance(c.basis, WirePublicTaskBasis)}
    day = day_of(at)
    held = _hold(session, Emergency, "emergency", emergencies, asked, day=day, agency=agency)
    held |= _hold(
        session, OverrideUse, "override", overrides, asked, day=day, agency=agency, epoch=body.epoch
    )
    for number in sorted(emergencies | overrides):
        if held[number] != asked[number]:
            raise refused_basis(number)


def forget_questions(session: Session, *, before: datetime, at: datetime) -> None:
    """Drop the digests last used before a time, but for those of approvals that may still hold."""
    day = day_of(min(before, at - APPROVAL_LIFE))
    for table in (Emergency, OverrideUse):
        session.execute(delete(table).where(table.day < day))


def refused_basis(number: int) -> BasisNotPermittedError:
    """What whoever asks is told of an override or emergency that does not hold, whichever way it does not."""
    rule = "its override or emergency is not one that was approved or declared for this"
    return BasisNotPermittedError(f"cases.{number}.basis: {rule}")


def _hold(
    session: Session,
    table: type[Emergency] | type[OverrideUse],
    column: str,
    ids: Mapping[int, str],
    asked: Mapping[int, bytes],
    *,
    day: str,
    **key: str,
) -> dict[int, bytes]:
    """The question first asked under each case's id, now or before; in one statement, however many cases."""
    if not ids:
        return {}
    # Of two cases under one id, the first in the list is bound.
    first = {id_: asked[number] for number, id_ in sorted(ids.items(), reverse=True)}
    used = {**key, "day": day}
    rows = [{**used, column: id_, "question": question} for id_, question in sorted(first.items())]
    statement, kept = dialect_insert(session, table), table_of(table).c
    held = statement.on_conflict_do_update(
        index_elements=[*key, column], set_={"question": kept.question, "day": day}
    ).returning(kept[column], kept.question)
    found = {id_: question for id_, question in session.execute(held, rows)}
    return {number: found[id_] for number, id_ in ids.items()}


def _digest_question(body: LookupBody, case: WireCase, pepper: Pepper) -> bytes:
    """What one case asks, wherever it stands in its list, for what and by whom."""
    who = canonical_bytes({"purpose": str(body.purpose), "staff": body.staff})
    # Every field in the order the schema declares them, as it came: there are hundreds of probes.
    asked = case.model_dump_json(exclude={"case"}).encode()
    return pepper.digest(b"question", who + b"\n" + asked)
