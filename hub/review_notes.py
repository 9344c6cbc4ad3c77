"""The words of decisions by the hub's own officer: sealed under a key derived from the pepper.

The hub is no place for names, and an officer is told so; should one be written all the same, a stolen
database does not show it, because the pepper is a file outside it. Whoever runs as the hub's own user can
read them, as with everything there.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.errors import MalformedError, UnsafeSecretError
from hub.review_models import ReviewDecision, ReviewNote
from hub.review_settings import ReviewSettings
from hub.reviews import Outcome, Reviewer, Verdict, decide
from hub.sealing import Sealer

SUBJECT = "review-note/1"
SALT_BYTES = 16
LONGEST_NOTE = 4_000


def decide_with_note(
    session: Session,
    pepper_key: bytes,
    item: str,
    staff: str,
    outcome: Outcome,
    note: str,
    *,
    seen: int,
    at: datetime,
    settings: ReviewSettings,
) -> ReviewDecision:
    """Decide an item as the hub's own officer, and keep the words.

    Args:
        session: A writing session.
        pepper_key: The hub's pepper.
        item: The item's id.
        staff: The officer's staff id.
        outcome: What is decided.
        note: Why, in words that name nobody.
        seen: The highest log index the officer has seen of the item, its decisions included.
        at: Now.
        settings: When what a breach puts into a queue is due.

    Raises:
        MalformedError: The note is empty or too long.
        HubError: As `hub.reviews.decide`.
    """
    words = note.strip()
    if not 0 < len(words) <= LONGEST_NOTE:
        raise MalformedError(f"note: needs 1 to {LONGEST_NOTE} characters")
    salt = secrets.token_bytes(SALT_BYTES)
    verdict = Verdict(outcome, hashlib.sha256(salt + words.encode()).hexdigest(), seen)
    decision = decide(session, item, Reviewer(None, staff), verdict, at=at, settings=settings)
    content = {"text": words, "salt": salt.hex()}
    sealed = Sealer(pepper_key, SUBJECT).seal(content, item, decision.number)
    session.add(ReviewNote(item=item, number=decision.number, sealed=sealed))
    return decision


def read_notes(session: Session, pepper_key: bytes, items: Iterable[str]) -> dict[str, str]:
    """The words of the hub's own decisions on some items, by their promise.

    Raises:
        UnsafeSecretError: They were sealed under another pepper, or moved or altered.
    """
    rows = session.execute(
        select(ReviewNote.item, ReviewNote.number, ReviewNote.sealed, ReviewDecision.commitment)
        .join(
            ReviewDecision,
            (ReviewDecision.item == ReviewNote.item) & (ReviewDecision.number == ReviewNote.number),
        )
        .where(ReviewNote.item.in_(list(items)))
    )
    sealer, notes = Sealer(pepper_key, SUBJECT), {}
    for item, number, sealed, commitment in rows:
        content = sealer.open(sealed, item, number)
        if (
            hashlib.sha256(bytes.fromhex(content["salt"]) + content["text"].encode()).hexdigest()
            != commitment
        ):
            raise UnsafeSecretError("a review's note is not what was promised in the log")
        notes[commitment] = content["text"]
    return notes
