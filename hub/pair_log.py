"""What reading and deciding pairs leaves in the log: like a look-up's entry, cut by audience.

Every other agency of the network has a part in each entry, an empty one where nothing was told of its
records, so that what an entry has names for says nothing. Of a pair that is withheld nothing is logged:
nobody asked about that person, and nobody was told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from hub.access_log import Action, Subject, append_entry, who_called
from hub.authentication import CallingNode
from hub.disclosure import HolderConsent
from hub.leaves import OWN, WHO, holder_part
from hub.linking_index import Reference
from hub.log_tree import TreeHead
from hub.membership import list_agencies
from hub.outcomes import WITHOUT_CARD
from hub.pair_telling import PURPOSE


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """Another agency's record that was told of: in which pair, with which answer's code, by which consent."""

    pair: str
    record: Reference
    code: str
    consent: HolderConsent


def log_pairs(
    session: Session,
    caller: CallingNode,
    action: Action,
    *,
    own: Mapping[str, Any],
    shown: Sequence[Shown],
    policy: str,
    at: datetime,
    head: TreeHead,
) -> None:
    """Append the entry, with a line for each holder of which something was told.

    Args:
        session: The transaction that answers.
        caller: Who reads or decides.
        action: Which of the two.
        own: What it was about, for the caller's own eyes.
        shown: The other agencies' records it was about, one a pair.
        policy: Digest of the rules it was decided by (`hub.policy`).
        at: Now.
        head: The tree, locked.
    """
    cases: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number, one in enumerate(shown):
        holder, handle = one.record
        basis = {"kind": "consent", "consent": one.consent.consent, "version": one.consent.version}
        line = {"case": number, "basis": basis, "answer": one.code, "reason": WITHOUT_CARD, "handle": handle}
        cases[holder].append(line | {"pair": one.pair})
    others = [row.agency for row in list_agencies(session) if row.agency != caller.agency]
    parts = {WHO: who_called(caller), OWN: dict(own)}
    parts |= {holder_part(agency): {"cases": cases[agency]} for agency in others}
    append_entry(
        session,
        action,
        agency=caller.agency,
        at=at,
        facts={"purpose": str(PURPOSE), "policy": policy},
        parts=parts,
        subjects=[Subject(*one.record, number) for number, one in enumerate(shown)],
        head=head,
    )
