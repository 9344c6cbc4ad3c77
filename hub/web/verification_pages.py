"""Verification: how far the log is witnessed, and the log worked out again from its stored bytes."""

from __future__ import annotations

import threading

from starlette.responses import Response

from hub.log_verify import Verification, verify_log
from hub.verification import describe_verification
from hub.web.visits import Visit

# What each rule of a finding means (`hub.log_verify.Finding`).
RULE_WORDS = {
    "unreadable": "the database cannot make sense of what is stored",
    "leaf_missing": "the entry is gone",
    "leaf_malformed": "the entry is not one",
    "leaf_index": "the entry bears another number",
    "leaf_columns": "what stands beside the entry says something else",
    "leaf_hash": "the entry is not the one that was logged",
    "subtree": "the tree over the entries does not add up",
    "subtree_extra": "the tree has more than it should",
    "part_commitment": "a text is not the one that was promised",
    "part_extra": "a text was never promised",
    "part_missing": "a promised text is gone, and no retention says why",
    "part_not_erased": "a text is there that should be erased",
    "subjects": "whom the entry is about is not what its texts say",
    "head_size": "the log says it has another size",
    "head_frontier": "the log's head is not that of its entries",
    "cosignature": "a cosignature is not over this log",
}
# One after the other: each reads the whole log.
_verifying = threading.Lock()


def show_verification(visit: Visit) -> Response:
    """Checkpoint, witnesses, refusals, and the button that verifies everything."""
    return _show(visit)


def verify_sent(visit: Visit) -> Response:
    """Work the whole log out again; shown at once, because nothing of the result is kept."""
    if not _verifying.acquire(blocking=False):
        return _show(visit, is_busy=True)
    try:
        with visit.hub.database.reading() as session:
            found = verify_log(session, network=visit.hub.settings.network)
    finally:
        _verifying.release()
    return _show(visit, found=found)


def _show(visit: Visit, *, found: Verification | None = None, is_busy: bool = False) -> Response:
    with visit.hub.database.reading() as session:
        state = describe_verification(session, visit.hub.log_signer, quorum=visit.hub.settings.witness_quorum)
    return visit.show("verification.html", state=state, found=found, is_busy=is_busy, rule_words=RULE_WORDS)
