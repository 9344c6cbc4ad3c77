"""Links → clusters of records that are one person, under known structure.

Not connected components: there, one wrong link joins two crowds. Links are taken from the strongest
down, and the two clusters a link would join are joined only if all that is known of the pairs between
them speaks for it (greedy correlation clustering; the problem is Bansal, Blum & Chawla 2004). What
people decided, and that a de-duplicated agency keeps one record a person, is evidence nothing outweighs.

The clusters do not depend on the order of records: evidence is summed in integers, links of equal
strength are told apart by what surrounds their records, and those that nothing tells apart are taken
all or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np

from matcher.errors import ModelParameterError, TokenFormatError
from matcher.evaluation import Measure
from matcher.patterns import NUMBER_LEVELS, PATTERN_SHAPE
from matcher.scoring import RecordPairs
from matcher.tokens import BoolArray, FloatArray, IntArray, UInt64Array

# Sums of floats depend on their order, so evidence is counted in 1/1024 bit.
BIT = 1024
# A pair that shows nothing (no shared slot, no probe, or too little to matter) is evidence against of
# log2 P(shows nothing | same person) / P(shows nothing | strangers). The latter is 1, as nearly as can be;
# the former was 0.01-0.03 in the county, 0.44 in parties5, 0.61 in fake1000. One half is mild for clean
# files and about right for bad ones: errors do not pull people apart, and two crowds are held apart.
SILENCE_BITS = -1.0
# No single pair speaks for more than the odds of a link at precision 0.99, log2(99): beyond that a number
# copied to the wrong record is likelier than chance. Three and three silent records outweigh it.
LARGEST_BITS = 6.63
# A number that differs speaks for itself, and two such pairs outweigh what three links can say.
SMALLEST_BITS = -10.0
# An agency with fewer duplicates a record than this is de-duplicated: one record of it a person.
DEDUPLICATED_BELOW = 0.05
# Posteriors nearer to 1 than 2**-30 are rounding; the log odds before rivals order them.
LARGEST_STRENGTH = 30.0
_SILENCE = round(SILENCE_BITS * BIT)
_STRUCTURE = 1 << 44
_DIFFERENT = 1 << 80
_REFINEMENTS = 3
_DIFFER = NUMBER_LEVELS.index("differ")


@dataclass(frozen=True, slots=True, order=True)
class Decision:
    """What somebody decided of two records: the same person, or different people."""

    left: int
    right: int
    same: bool


@dataclass(frozen=True, slots=True)
class Clusters:
    """Records that are one person.

    Attributes:
        cluster_of: Cluster of each record, shape (records,); dense, in order of the smallest member.
        conflicts: Decisions `different` on records that decisions `same` join, directly or through
            others, sorted. The records are together; somebody has to decide again.
    """

    cluster_of: IntArray
    conflicts: tuple[Decision, ...]


def cluster(
    pairs: RecordPairs,
    *,
    record_count: int,
    agency: IntArray,
    threshold: float = 0.5,
    decisions: Sequence[Decision] = (),
) -> Clusters:
    """Join the records that are one person.

    A join is refused where a decision says different people, where a de-duplicated agency would have two
    records in one cluster that are no link themselves, and where the evidence between the two clusters
    sums to less than nothing.

    Args:
        pairs: Scored candidate pairs, each once.
        record_count: Number of records.
        agency: Agency of each record, shape (records,).
        threshold: Posterior from which a pair is a link.
        decisions: What people decided; `same` joins before all links.

    Raises:
        ModelParameterError: The threshold is no probability, or a decision is not on two of the records.
        TokenFormatError: Not one agency a record.
    """
    _require_valid(record_count, agency, threshold, decisions)
    same = np.asarray([(d.left, d.right) for d in decisions if d.same], np.int64).reshape(-1, 2)
    seed = components(same[:, 0], same[:, 1], record_count)
    different = [d for d in decisions if not d.same]
    link = pairs.posterior >= threshold
    reach = components(
        np.r_[same[:, 0], pairs.left[link]], np.r_[same[:, 1], pairs.right[link]], record_count
    )
    plain = _all_linked(pairs, link, reach, decisions)
    seed = np.where(plain[reach], reach, seed)
    # A cluster never leaves its component, so pairs across components cannot matter.
    inside = (reach[pairs.left] == reach[pairs.right]) & ~plain[reach[pairs.left]]
    near, link = _rows(pairs, inside), link[inside]
    strict = deduplicating_agency(pairs, agency)
    growing = _Growing(seed, strict)
    growing.hear(near, link, strict, different)
    order, tied = _ranked(near, link, agency)
    growing.take(near.left[order].tolist(), near.right[order].tolist(), tied.tolist())
    conflicts = {d for d in different if seed[d.left] == seed[d.right]}
    return Clusters(_dense(growing.labels()), tuple(sorted(conflicts)))


def connected_components(pairs: RecordPairs, *, record_count: int, threshold: float = 0.5) -> IntArray:
    """The plain alternative: every link joins. Cluster of each record, numbered as in `Clusters`."""
    link = pairs.posterior >= threshold
    return _dense(components(pairs.left[link], pairs.right[link], record_count))


def measure_clusters(cluster_of: IntArray, person: IntArray, matches: int) -> Measure:
    """Measure the pairs that clusters imply.

    Args:
        cluster_of: Cluster of each record, shape (records,).
        person: Person of each record by the truth, shape (records,).
        matches: All true pairs, of these records or not.
    """
    said, found = _pairs_together(cluster_of), _pairs_together(np.stack([cluster_of, person], axis=1))
    return Measure(
        precision=found / said if said else 1.0,
        recall=found / matches if matches else 1.0,
        f1=2 * found / (said + matches) if said + matches else 1.0,
    )


def components(left: IntArray, right: IntArray, record_count: int) -> IntArray:
    """The smallest record of each record's connected component, shape (records,)."""
    label = np.arange(record_count)
    while True:
        a, b = label[left], label[right]
        if (a == b).all():
            return label
        np.minimum.at(label, np.maximum(a, b), np.minimum(a, b))
        while (label[label] != label).any():
            label = label[label]


def _all_linked(
    pairs: RecordPairs, link: BoolArray, reach: IntArray, decisions: Sequence[Decision]
) -> BoolArray:
    """Components, by their smallest record, in which any two records are a likely link and none is decided.

    Nothing there can speak against a join, in whatever order: most people, in one stroke.
    """
    sure = link & (pairs.posterior >= 0.5)
    links = np.bincount(reach[pairs.left[sure]], minlength=len(reach))
    size = np.bincount(reach, minlength=len(reach))
    plain = (links == size * (size - 1) // 2) & (size > 1)
    plain[reach[[record for d in decisions for record in (d.left, d.right)]]] = False
    return np.asarray(plain, dtype=np.bool_)


def deduplicating_agency(pairs: RecordPairs, agency: IntArray) -> IntArray:
    """Agency of each record, -1 where the agency is not de-duplicated: its own pairs say how often."""
    agencies = int(agency.max(initial=-1)) + 1
    within = agency[pairs.left] == agency[pairs.right]
    twice = np.bincount(agency[pairs.left[within]], weights=pairs.posterior[within], minlength=agencies)
    strict = twice < DEDUPLICATED_BELOW * np.bincount(agency, minlength=agencies)
    return np.where(strict[agency], agency, -1)


def _require_valid(
    record_count: int, agency: IntArray, threshold: float, decisions: Sequence[Decision]
) -> None:
    if not 0 < threshold <= 1:
        raise ModelParameterError("threshold: 0 < threshold <= 1 is needed")
    if agency.shape != (record_count,):
        raise TokenFormatError("agency: one a record is needed")
    for number, decision in enumerate(decisions):
        if decision.left == decision.right or not (
            0 <= decision.left < record_count and 0 <= decision.right < record_count
        ):
            raise ModelParameterError(f"decision {number}: not on two of the records")


def _rows(pairs: RecordPairs, chosen: BoolArray) -> RecordPairs:
    return RecordPairs(
        left=pairs.left[chosen],
        right=pairs.right[chosen],
        pattern=pairs.pattern[chosen],
        log_odds=pairs.log_odds[chosen],
        posterior=pairs.posterior[chosen],
    )


def _strength(posterior: FloatArray) -> IntArray:
    """Log odds of a posterior in 1/1024 bit."""
    # Not the log odds before rivals: a pair whose rivals are as good is no good link.
    odds = np.clip(posterior, 2**-LARGEST_STRENGTH, 1 - 2**-LARGEST_STRENGTH)
    return np.asarray(np.rint((np.log2(odds) - np.log2(1 - odds)) * BIT), dtype=np.int64)


def _evidence(pairs: RecordPairs) -> tuple[IntArray, BoolArray]:
    """What each pair speaks for or against in 1/1024 bit, and whether it speaks at all.

    Sharing something is no worse than sharing nothing: a pair below silence is silent. Not so where a
    number differs, which silence would not show.
    """
    _, chain, nhs_number, _ = np.unravel_index(pairs.pattern, PATTERN_SHAPE)
    differs = (chain == _DIFFER) | (nhs_number == _DIFFER)
    bits = np.clip(_strength(pairs.posterior), round(SMALLEST_BITS * BIT), round(LARGEST_BITS * BIT))
    return bits, (bits > _SILENCE) | differs


def _ranked(pairs: RecordPairs, link: BoolArray, agency: IntArray) -> tuple[IntArray, IntArray]:
    """Links from the strongest down, and for each the number of its tie: links nothing tells apart."""
    strength, before_rivals = _strength(pairs.posterior), np.rint(pairs.log_odds * BIT).astype(np.int64)
    key = _surroundings(pairs, strength, before_rivals, agency)
    a, b = key[pairs.left[link]], key[pairs.right[link]]
    # A wrong link can be the surest of all, but those it would make one do not know each other.
    held = np.minimum(strength[link], round(LARGEST_BITS * BIT))
    held += _SILENCE * _strangers(pairs.left[link], pairs.right[link], len(agency))
    columns = [-held, -strength[link], -before_rivals[link], pairs.pattern[link]]
    columns += [np.minimum(a, b), np.maximum(a, b)]
    order = np.lexsort(columns[::-1])
    changes = np.zeros(len(order), np.bool_)
    for column in columns:
        changes[1:] |= column[order][1:] != column[order][:-1]
    return np.flatnonzero(link)[order], np.cumsum(changes)


def _strangers(left: IntArray, right: IntArray, record_count: int) -> IntArray:
    """For each link, how many records are linked to one of its ends and not to the other."""
    linked: dict[int, set[int]] = {}
    degree = np.bincount(np.r_[left, right], minlength=record_count)
    crowded = (degree[left] > 1) | (degree[right] > 1)
    ends = list(zip(left[crowded].tolist(), right[crowded].tolist(), strict=True))
    for a, b in ends:
        linked.setdefault(a, set()).add(b)
        linked.setdefault(b, set()).add(a)
    strangers = np.zeros(len(left), np.int64)
    # Each end is linked to the other, which is no stranger.
    strangers[crowded] = [len(linked[a] ^ linked[b]) - 2 for a, b in ends]
    return strangers


def _surroundings(
    pairs: RecordPairs, strength: IntArray, before_rivals: IntArray, agency: IntArray
) -> UInt64Array:
    """A key of what surrounds each record, whatever its index: colour refinement (Weisfeiler & Leman 1968).

    Sums of 64-bit hashes wrap around, so they do not depend on the order of the pairs.
    """
    pattern = pairs.pattern.astype(np.uint64)
    edge = _mixed(strength.view(np.uint64) + _mixed(before_rivals.view(np.uint64) + _mixed(pattern)))
    key = _mixed(agency.astype(np.uint64) + np.uint64(1))
    for _ in range(_REFINEMENTS):
        refined = _mixed(key)
        np.add.at(refined, pairs.left, _mixed(edge ^ _mixed(key[pairs.right])))
        np.add.at(refined, pairs.right, _mixed(edge ^ _mixed(key[pairs.left])))
        key = refined
    return key


def _mixed(values: UInt64Array) -> UInt64Array:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): a hash for telling apart, not for secrecy."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _dense(label: IntArray) -> IntArray:
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse], dtype=np.int64)


def _pairs_together(labels: IntArray) -> int:
    _, sizes = np.unique(labels, axis=0, return_counts=True)
    return int((sizes * (sizes - 1) // 2).sum())


class _Growing:
    """Clusters while they grow, each under the name of one of its records: its root."""

    def __init__(self, seed: IntArray, strict: IntArray) -> None:
        self._parent: list[int] = seed.tolist()
        self._size: list[int] = np.bincount(seed, minlength=len(seed)).tolist()
        # Records of each de-duplicated agency, by root and agency.
        self._held: dict[int, dict[int, int]] = {}
        for root, agency in zip(self._parent, strict.tolist(), strict=True):
            if agency >= 0:
                held = self._held.setdefault(root, {})
                held[agency] = held.get(agency, 0) + 1
        # Of two roots: what the pairs between them say, and how many of them speak.
        self._said: dict[int, dict[int, tuple[int, int]]] = {}

    def hear(
        self, pairs: RecordPairs, link: BoolArray, strict: IntArray, different: Iterable[Decision]
    ) -> None:
        """Take in what is known between records."""
        bits, speaks = _evidence(pairs)
        # `between` takes as much away for every two records of one such agency: only links make up for it.
        allowed = link & (strict[pairs.left] == strict[pairs.right]) & (strict[pairs.left] >= 0)
        bits = bits + np.where(allowed, _STRUCTURE, 0)
        speaks = speaks | allowed
        columns = (c[speaks].tolist() for c in (pairs.left, pairs.right, bits))
        for left, right, said in zip(*columns, strict=True):
            self._add(self.root(left), self.root(right), (said, 1))
        for decision in different:
            self._add(self.root(decision.left), self.root(decision.right), (-_DIFFERENT, 0))

    def take(self, left: list[int], right: list[int], tied: list[int]) -> None:
        """Go through the links in order, those that nothing tells apart at once."""
        for _, tie in groupby(zip(tied, left, right, strict=True), key=itemgetter(0)):
            roots = {(self.root(a), self.root(b)) for _, a, b in tie}
            joins = {(min(a, b), max(a, b)) for a, b in roots if a != b}
            if len(joins) == 1:
                ((a, b),) = joins
                if self.between(a, b) >= 0:
                    self._join(a, b)
            elif joins:
                self._join_all_or_none(joins)

    def between(self, a: int, b: int) -> int:
        """What is known between two roots' members, in 1/1024 bit; hugely negative if forbidden."""
        said, speaking = self._said.get(a, {}).get(b, (0, 0))
        silent = self._size[a] * self._size[b] - speaking
        if min(self._size[a], self._size[b]) == 1:
            # One odd record is silent towards everybody for one reason: that counts once.
            silence = _SILENCE * silent // (self._size[a] * self._size[b])
        else:
            silence = _SILENCE * silent
        held, other = self._held.get(a, {}), self._held.get(b, {})
        doubles = sum(count * other.get(agency, 0) for agency, count in held.items())
        return said + silence - doubles * _STRUCTURE

    def root(self, record: int) -> int:
        """The root of a record's cluster."""
        parent = self._parent
        while parent[record] != record:
            parent[record] = record = parent[parent[record]]
        return record

    def labels(self) -> IntArray:
        """The root of every record, shape (records,)."""
        return np.asarray([self.root(record) for record in range(len(self._parent))], np.int64)

    def _add(self, a: int, b: int, more: tuple[int, int]) -> None:
        if a == b:
            return
        for mine, theirs in ((a, b), (b, a)):
            said = self._said.setdefault(mine, {})
            bits, speaking = said.get(theirs, (0, 0))
            said[theirs] = (bits + more[0], speaking + more[1])

    def _join_all_or_none(self, joins: set[tuple[int, int]]) -> None:
        names = sorted({root for join in joins for root in join})
        at = {root: index for index, root in enumerate(names)}
        ends = np.asarray([(at[a], at[b]) for a, b in joins], np.int64)
        label = components(ends[:, 0], ends[:, 1], len(names)).tolist()
        parts: dict[int, list[int]] = {}
        for root, part in zip(names, label, strict=True):
            parts.setdefault(part, []).append(root)
        for part_roots in parts.values():
            if self._may_all_join(part_roots):
                for root in part_roots[1:]:
                    self._join(self.root(part_roots[0]), root)

    def _may_all_join(self, roots: list[int]) -> bool:
        """Whether every one of the roots is welcome to the others taken together."""
        for root in roots:
            evidence = [self.between(root, other) for other in roots if other != root]
            if sum(evidence) < 0 or min(evidence) < -_STRUCTURE // 2:
                return False
        return True

    def _join(self, a: int, b: int) -> None:
        """Make two roots one; the one with fewer neighbours is told over to the other."""
        if len(self._said.get(a, ())) < len(self._said.get(b, ())):
            a, b = b, a
        told = self._said.pop(b, {})
        for neighbour, more in told.items():
            del self._said[neighbour][b]
            if neighbour != a:
                self._add(a, neighbour, more)
        self._parent[b] = a
        self._size[a] += self._size[b]
        held = self._held.setdefault(a, {})
        for agency, count in self._held.pop(b, {}).items():
            held[agency] = held.get(agency, 0) + count
