"""An override or an emergency is for one person, one purpose and who asks: held to that here.

The hub keeps what was first asked under its id as a digest keyed with the pepper. Everything that decides who
is asked about goes into it, probes and area too, and so do the asker and the approval or declaration: neither
another person nor another quarter of an hour fits under an old id (docs/protocol.md, section 9). An override
is bound anew in each epoch, whose tokens are others. That somebody declares one emergency after another is
for the alarms and the review.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy.orm import Session

from hub.database import insert_new
from hub.emergency_models import Emergency
from hub.errors import BasisNotPermittedError
from hub.lookup_schemas import LookupBody, WireCase, WireEmergencyBasis, WirePublicTaskBasis
from hub.override_models import OverrideUse
from hub.purposes import Basis, EmergencyBasis
from hub.tags import Pepper
from keys.documents import canonical_bytes

_Bound = TypeVar("_Bound", Emergency, OverrideUse)


def require_one_case(bases: Sequence[Basis]) -> None:
    """Refuse a request with an emergency among several cases.

    Raises:
        BasisNotPermittedError: There are several.
    """
    if len(bases) > 1 and any(isinstance(basis, EmergencyBasis) for basis in bases):
        raise BasisNotPermittedError("cases: an emergency is asked about alone, one case in the request")


def bind_questions(session: Session, agency: str, body: LookupBody, *, pepper: Pepper) -> None:
    """Bind overrides and emergencies to the questions they are first used for.

    Raises:
        BasisNotPermittedError: One was used for another person, purpose or asker, or was given otherwise.
    """
    for case in body.cases:
        basis, digest = case.basis, _digest_question(body, case, pepper)
        if isinstance(basis, WireEmergencyBasis):
            held = _is_held(session, Emergency, digest, agency=agency, emergency=basis.emergency)
        elif isinstance(basis, WirePublicTaskBasis):
            key = {"override": basis.override, "epoch": body.epoch}
            held = _is_held(session, OverrideUse, digest, agency=agency, **key)
        else:
            continue
        if not held:
            rule = "its override or emergency was used for another person, purpose or asker"
            raise BasisNotPermittedError(f"cases.{case.case}.basis: {rule}")


def _is_held(session: Session, table: type[_Bound], digest: bytes, **key: str) -> bool:
    """Whether the question is the one first asked under this key, now or before."""
    if insert_new(session, table, {**key, "question": digest}):
        return True
    return session.get_one(table, key).question == digest


def _digest_question(body: LookupBody, case: WireCase, pepper: Pepper) -> bytes:
    """What one case asks, wherever it stands in its list, for what and by whom."""
    asked = case.model_dump(mode="json", exclude={"case"})
    question = {"purpose": str(body.purpose), "staff": body.staff, "case": asked}
    return pepper.digest(b"emergency", canonical_bytes(question))
