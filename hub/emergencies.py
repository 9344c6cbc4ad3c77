"""An emergency is for one case, one person and one purpose, and nobody approved it: held to that here.

The hub keeps what was first asked under an emergency's id as a digest keyed with the pepper. Everything that
decides who is asked about goes into it, probes and area too, and so does the declaration: neither another
person nor another quarter of an hour fits under an old id (docs/protocol.md, section 9). That somebody
declares one emergency after another is for the alarms and the review.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from hub.database import insert_new
from hub.emergency_models import Emergency
from hub.errors import BasisNotPermittedError
from hub.lookup_schemas import LookupBody, WireEmergencyBasis
from hub.purposes import Basis, EmergencyBasis
from hub.tags import Pepper
from keys.documents import canonical_bytes


def require_one_case(bases: Sequence[Basis]) -> None:
    """Refuse a request with an emergency among several cases.

    Raises:
        BasisNotPermittedError: There are several.
    """
    if len(bases) > 1 and any(isinstance(basis, EmergencyBasis) for basis in bases):
        raise BasisNotPermittedError("cases: an emergency is asked about alone, one case in the request")


def bind_emergency(session: Session, agency: str, body: LookupBody, *, pepper: Pepper) -> None:
    """Bind an emergency to the question it is first used for.

    Raises:
        BasisNotPermittedError: It was used for another person or purpose, or was declared otherwise.
    """
    basis = body.cases[0].basis
    if not isinstance(basis, WireEmergencyBasis):
        return
    question = {"purpose": str(body.purpose), "case": body.cases[0].model_dump(mode="json")}
    digest = pepper.digest(b"emergency", canonical_bytes(question))
    row = {"agency": agency, "emergency": basis.emergency, "question": digest}
    if insert_new(session, Emergency, row):
        return
    if session.get_one(Emergency, (agency, basis.emergency)).question != digest:
        raise BasisNotPermittedError("cases.0.basis.emergency: it was used for another person or purpose")
