"""What somebody decided of two records of this caseload: the same person, different people, or not sure.

Nothing is merged: a decision says what a seal and a no reach (`node.deciding`) and what is asked again.
Every one is kept with reason, person and time, and the last one of a pair counts; `undone` takes back what
stood before it. It holds for the identifiers as they were: once either record says something else, it is to
be decided again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from node.caseload import identifiers_under
from node.errors import RecordFormatError
from node.home import Node
from node.store import Store
from node.times import format_time, parse_time

LONGEST_REASON = 2_000
PAIR_DIGITS = 16
TABLE = "duplicate decision"


class Verdict(StrEnum):
    """What was decided."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_SURE = "not_sure"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, repr=False)
class PairDecision:
    """One decision.

    Attributes:
        pair: The pair's id.
        one, other: Handles of the two records, in order.
        verdict: What was decided.
        reason: Why, in words; it never leaves the node.
        staff: Who decided.
        at: When.
        holds: Whether both records still say who they are as they did then.
    """

    pair: str
    one: str
    other: str
    verdict: Verdict
    reason: str
    staff: str
    at: datetime
    holds: bool


def pair_id(one: str, other: str) -> str:
    """What a pair is called on screens: a digest of two random handles."""
    return hashlib.sha256("\n".join(sorted((one, other))).encode()).hexdigest()[:PAIR_DIGITS]


def keep_listed(store: Store, pairs: Iterable[tuple[str, str]]) -> None:
    """Remember which pairs were listed, so that they can be decided."""
    rows = [(pair_id(one, other), *sorted((one, other))) for one, other in pairs]
    with store.transaction() as connection:
        connection.execute("DELETE FROM duplicate_pair")
        connection.executemany("INSERT INTO duplicate_pair (pair, one, other) VALUES (?, ?, ?)", rows)


def keep_decision(node: Node, pair: str, *, verdict: Verdict, reason: str) -> PairDecision:
    """Keep a decision of a pair that was listed or decided before, in a transaction of the caller's.

    `node.deciding` does, and has it reach what hangs on the two records.

    Raises:
        RecordFormatError: There is no such pair, no reason, or nothing to undo.
    """
    if not 0 < len(reason) <= LONGEST_REASON:
        raise RecordFormatError("decision", f"must be 1 to {LONGEST_REASON} characters", field="reason")
    before = decisions_of(node.store, pair)
    if verdict is Verdict.UNDONE and (not before or before[-1].verdict is Verdict.UNDONE):
        raise RecordFormatError("decision", "there is none to undo", field="pair")
    one, other = _handles(node.store, pair, before)
    content = {
        "verdict": verdict,
        "reason": reason,
        "staff": node.actor.staff,
        "at": format_time(node.clock()),
        "as_they_were": [_tag(node.store, one), _tag(node.store, other)],
    }
    node.store.connection.execute(
        "INSERT INTO duplicate_decision (pair, one, other, content) VALUES (?, ?, ?, ?)",
        (pair, one, other, node.store.vault.seal(content, table=TABLE, handle=pair)),
    )
    return decisions_of(node.store, pair)[-1]


def handles_of(store: Store, pair: str) -> tuple[str, str]:
    """The two records of a pair that was listed or decided.

    Raises:
        RecordFormatError: There is no such pair.
    """
    return _handles(store, pair, decisions_of(store, pair))


def decisions_of(store: Store, pair: str) -> list[PairDecision]:
    """Every decision of a pair, oldest first."""
    query = "SELECT * FROM duplicate_decision WHERE pair = ? ORDER BY number"
    return [_read(store, row) for row in store.connection.execute(query, (pair,)).fetchall()]


def standing_decisions(store: Store) -> dict[str, PairDecision]:
    """The last decision of every pair that was decided and not undone, by the pair's id."""
    rows = store.connection.execute("SELECT * FROM duplicate_decision ORDER BY number").fetchall()
    last = {row["pair"]: _read(store, row) for row in rows}
    return {pair: one for pair, one in last.items() if one.verdict is not Verdict.UNDONE}


def _handles(store: Store, pair: str, before: list[PairDecision]) -> tuple[str, str]:
    if before:
        return before[-1].one, before[-1].other
    query = "SELECT one, other FROM duplicate_pair WHERE pair = ?"
    row = store.connection.execute(query, (pair,)).fetchone()
    if row is None:
        raise RecordFormatError(
            "decision", "no such pair was listed; see 'knownto duplicates list'", field="pair"
        )
    return row["one"], row["other"]


def _read(store: Store, row: Any) -> PairDecision:
    content = store.vault.open(row["content"], table=TABLE, handle=row["pair"])
    return PairDecision(
        pair=row["pair"],
        one=row["one"],
        other=row["other"],
        verdict=Verdict(content["verdict"]),
        reason=content["reason"],
        staff=content["staff"],
        at=parse_time(content["at"]),
        holds=content["as_they_were"] == [_tag(store, row["one"]), _tag(store, row["other"])],
    )


def _tag(store: Store, handle: str) -> str:
    """A keyed hash of who stands under a handle."""
    ways = [asdict(way) for way in identifiers_under(store, handle) or ()]
    text = json.dumps(ways, sort_keys=True, ensure_ascii=False)
    return store.vault.tag("duplicate decision person", text).hex()
