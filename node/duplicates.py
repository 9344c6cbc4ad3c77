"""Rows of one caseload that are exactly the same person: what a seal or a no has to reach.

Exactly means an equal CHAIN or NHS number, or an equal whole birth date with equal names, in any way a row
writes the person; or that somebody decided so (`node.duplicate_decisions`); and what is the same as the same
is the same. Nothing is guessed: the matcher's *possibly* would seal strangers, and `node.same_person` is for
one reference over time. A duplicate that is written otherwise, and that nobody has decided, has to be sealed
by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from node.caseload import all_identifiers
from node.duplicate_decisions import Verdict, standing_decisions
from node.identifiers import Identifiers
from node.store import Store

Key: TypeAlias = tuple[str | int | None, ...]


class People:
    """Everybody a node can compare, read once.

    Whoever stands in the caseload is compared, and whoever is remembered because of a seal or a consent.
    """

    def __init__(self, store: Store) -> None:
        self._keys: dict[str, set[Key]] = {
            handle: set(_keys(identifiers)) for handle, identifiers in all_identifiers(store)
        }
        self._having: dict[Key, set[str]] = defaultdict(set)
        for handle, of_handle in self._keys.items():
            for key in of_handle:
                self._having[key].add(handle)
        for decision in standing_decisions(store).values():
            if decision.verdict is Verdict.SAME and decision.holds:
                decided = ("decided", decision.pair)
                for handle in (decision.one, decision.other):
                    self._keys.setdefault(handle, set()).add(decided)
                    self._having[decided].add(handle)

    def same_as(self, handles: Iterable[str]) -> set[str]:
        """The handles of everybody who is exactly the same person as one of these, themselves included."""
        found: set[str] = set()
        waiting = list(handles)
        while waiting:
            handle = waiting.pop()
            if handle not in found:
                found.add(handle)
                waiting.extend(other for key in self._keys.get(handle, ()) for other in self._having[key])
        return found


def same_people(store: Store, handles: Iterable[str]) -> set[str]:
    """The handles of everybody who is exactly the same person as one of these, themselves included."""
    return People(store).same_as(handles)


def _keys(identifiers: Iterable[Identifiers]) -> Iterator[Key]:
    for way in identifiers:
        if way.chain is not None:
            yield "chain", way.chain
        if way.nhs_number is not None:
            yield "nhs_number", way.nhs_number
        birth = way.birth
        if way.has_names and birth is not None and birth.complete and not birth.weak:
            yield "born", birth.year, birth.month, birth.day, way.forename, way.surname
