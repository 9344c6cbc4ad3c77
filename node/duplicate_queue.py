"""The queue of pairs of one caseload that may be one person, for whoever keeps it up to date."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from matcher.clustering import Decision, components
from node.caseload import shareable_records
from node.duplicate_decisions import PairDecision, Verdict, keep_listed, pair_id, standing_decisions
from node.pair_search import FoundPair, find_pairs
from node.store import Store


@dataclass(frozen=True, slots=True, repr=False)
class QueuedPair:
    """A pair as it is listed.

    Attributes:
        pair: Its id.
        group: Pairs that hang together by their records have one number, from 1 in the order of the list.
        references: The agency's own references of the two records.
        found: How alike they are.
        decision: The decision that stands, or None.
        at_odds: Other decisions say that the two are one person, this one that they are not.
    """

    pair: str
    group: int
    references: tuple[str, str]
    found: FoundPair
    decision: PairDecision | None
    at_odds: bool

    @property
    def open(self) -> bool:
        """Whether it is still, or again, to be decided."""
        decided = self.decision
        settled = decided is not None and decided.holds and decided.verdict is not Verdict.NOT_SURE
        return not settled or self.at_odds


def list_duplicates(store: Store, *, decided: bool = False) -> list[QueuedPair]:
    """Compare the caseload with itself.

    Groups come in the order of their likeliest pair, pairs of a group likewise; what somebody was not sure
    of comes last. Sealed records are left out: nothing is derived from them.

    Args:
        store: The node's.
        decided: List pairs whose decision stands as well.
    """
    records = list(shareable_records(store))
    number = {kept.handle: n for n, kept in enumerate(records)}
    standing = standing_decisions(store)
    found = find_pairs(
        [kept.record.identifiers for kept in records],
        areas=[kept.record.area for kept in records],
        decisions=_for_clustering(standing, number),
    )
    conflicts = {(one.left, one.right) for one in found.conflicts}
    queued = []
    for pair in found.pairs:
        one, other = records[pair.left], records[pair.right]
        name = pair_id(one.handle, other.handle)
        queued.append(
            QueuedPair(
                pair=name,
                group=0,
                references=(one.record.local_id, other.record.local_id),
                found=pair,
                decision=standing.get(name),
                at_odds=(pair.left, pair.right) in conflicts,
            )
        )
    keep_listed(store, ((records[p.left].handle, records[p.right].handle) for p in found.pairs))
    return _in_order([one for one in queued if decided or one.open], len(records))


def queue_state(store: Store) -> str:
    """A digest of everything the queue depends on: records, seals and decisions; no two queues have one."""
    rows = store.connection.execute(
        "SELECT handle, content_tag, sealed FROM caseload JOIN person USING (handle) ORDER BY handle"
    )
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row['handle']}{row['sealed']}".encode() + row["content_tag"])
    last = store.connection.execute("SELECT coalesce(max(number), 0) FROM duplicate_decision").fetchone()
    return f"{digest.hexdigest()} {last[0]}"


def _for_clustering(standing: dict[str, PairDecision], number: dict[str, int]) -> list[Decision]:
    """Decisions that still hold, on records that are there."""
    found = []
    for one in standing.values():
        if one.holds and one.verdict is not Verdict.NOT_SURE and {one.one, one.other} <= number.keys():
            left, right = sorted((number[one.one], number[one.other]))
            found.append(Decision(left, right, same=one.verdict is Verdict.SAME))
    return found


def _in_order(pairs: list[QueuedPair], record_count: int) -> list[QueuedPair]:
    ends = np.array([(one.found.left, one.found.right) for one in pairs], np.int64).reshape(-1, 2)
    component = components(ends[:, 0], ends[:, 1], record_count)
    label = [int(component[one.found.left]) for one in pairs]
    best: dict[int, float] = defaultdict(lambda: -1.0)
    for at, one in zip(label, pairs, strict=True):
        best[at] = max(best[at], _value(one))
    ordered = sorted(
        zip(label, pairs, strict=True),
        key=lambda pair: (-best[pair[0]], pair[0], -_value(pair[1]), pair[1].pair),
    )
    numbers = {at: n for n, at in enumerate(dict.fromkeys(at for at, _ in ordered), start=1)}
    return [replace(one, group=numbers[at]) for at, one in ordered]


def _value(pair: QueuedPair) -> float:
    """What deciding a pair is worth: a duplicate less, as likely as it is one; less where somebody tried."""
    tried = pair.decision is not None and pair.decision.holds
    return pair.found.posterior - 1.0 if tried else pair.found.posterior
