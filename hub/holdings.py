"""What the hub holds of an agency, in two digests: so that a node sees whether both sides are in step.

A hub put back from a backup shows people again who withdrew or were sealed since, and says nothing of it. The
node cannot see that from answers it is given; from these digests it can, at every call that matters.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy.orm import Session

from hub.authentication import CallingNode
from hub.caseload import caseload_digest
from hub.consent import list_consents
from keys.documents import document_digest


def describe_holdings(session: Session, caller: CallingNode) -> dict[str, Any]:
    """Counts and digests of the caller's records and of the newest consent of each of its handles."""
    records, held = caseload_digest(session, caller.agency)
    consents = list_consents(session, caller)
    newest = b"".join(
        bytes.fromhex(handle + document_digest(document))
        for handle, document in ((view.pop("handle"), view) for view in consents)
    )
    return {
        "records": records,
        "caseload_digest": held,
        "consents": len(consents),
        "consents_digest": hashlib.sha256(newest).hexdigest(),
    }
