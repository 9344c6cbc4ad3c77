"""The ledger: every table published of one kind of people, so that the next can be held against them.

Tables of several runs meet here. An atom whose count did not change from one run to the next is one unknown
of both: whoever subtracts runs is assumed to be told which groups did not change. One that did change is a
new unknown. When a later population has more dimensions (another cohort), atoms are split, old tables too.

A ledger holds true counts; it stays in the hub's database and is never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from hub.errors import ConflictError, MalformedError
from hub.suppression_audit import Bounded, Group
from hub.suppression_tables import Atom, Population

FORMAT = "suppression-ledger/1"


class Why(StrEnum):
    """Why a cell shows what it shows. Not published."""

    NUMBER = "number"
    SMALL = "small"
    PROTECTS = "protects"  # It is large enough, and hides another, or was hidden in the run before.


@dataclass(frozen=True, slots=True)
class LedgerCell:
    """One published cell.

    Attributes:
        selection: Whom it counts, as text: the levels by dimension.
        group: The same as atoms of the ledger.
        shown: The number published, or None for `*`.
        why: Why.
        low: The smallest count it leaves open to who knows `why`.
        high: The largest, or None.
    """

    selection: str
    group: Group
    shown: int | None
    why: Why
    low: int
    high: int | None

    @property
    def fact(self) -> Bounded:
        """What the cell says about its atoms."""
        return Bounded(self.group, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Release:
    """One published table: the question's digest, the date of its snapshot, its cells."""

    question: str
    snapshot: str
    cells: tuple[LedgerCell, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Ledger:
    """All releases about one kind of people.

    Attributes:
        snapshot: Date of the newest population, or empty.
        dimensions: Its dimensions.
        counts: True count of every atom there ever was, by number.
        current: The number of each atom of the newest population.
        releases: What was published, the oldest first.
    """

    snapshot: str = ""
    dimensions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    counts: tuple[int, ...] = ()
    current: Mapping[Atom, int] = field(default_factory=dict)
    releases: tuple[Release, ...] = ()

    def __repr__(self) -> str:
        """Shows sizes only."""
        return f"Ledger(snapshot={self.snapshot!r}, releases={len(self.releases)})"

    def cells(self) -> list[LedgerCell]:
        """Every published cell, the oldest first."""
        return [cell for release in self.releases for cell in release.cells]

    def true_count(self, group: Group) -> int:
        """People in a group of atoms."""
        return sum(self.counts[atom] for atom in group)

    def release_of(self, question: str, *, snapshot: str) -> Release | None:
        """The table that answered this question about this snapshot, if one did."""
        asked = (question, snapshot)
        return next((held for held in self.releases if (held.question, held.snapshot) == asked), None)


def absorb(ledger: Ledger, population: Population) -> Ledger:
    """The ledger with a population's atoms: unchanged ones shared or split, changed ones new.

    Raises:
        MalformedError: The population is older than the ledger's newest, or lacks a dimension of it.
        ConflictError: The snapshot was counted before, with other counts.
    """
    if population.snapshot < ledger.snapshot:
        raise MalformedError("snapshot: an older one than what was published last")
    missing = sorted(set(ledger.dimensions) - set(population.dimensions))
    if missing:
        raise MalformedError(f"dimensions: {', '.join(missing)} stood in tables published before")
    counts, current, split = list(ledger.counts), dict[Atom, int](), dict[int, Group]()
    for coarse, atoms in _finer(ledger, population).items():
        number = ledger.current.get(coarse)
        total = sum(population.count(atom) for atom in atoms)
        same = number is not None and counts[number] == total
        if number is not None and not same and population.snapshot == ledger.snapshot:
            raise ConflictError("snapshot: counted before with other counts")
        if number is not None and same and len(atoms) == 1:
            current[atoms[0]] = number
            continue
        fresh = range(len(counts), len(counts) + len(atoms))
        counts += [population.count(atom) for atom in atoms]
        current |= zip(atoms, fresh, strict=True)
        if number is not None and same:
            split[number] = frozenset(fresh)
    releases = tuple(_split(release, split) for release in ledger.releases) if split else ledger.releases
    return Ledger(population.snapshot, dict(population.dimensions), tuple(counts), current, releases)


def _finer(ledger: Ledger, population: Population) -> dict[Atom, list[Atom]]:
    names = list(population.dimensions)
    places = [names.index(name) for name in ledger.dimensions]
    finer: dict[Atom, list[Atom]] = {}
    for atom in population.atoms():
        finer.setdefault(tuple(atom[place] for place in places), []).append(atom)
    return finer


def _split(release: Release, split: Mapping[int, Group]) -> Release:
    def refined(group: Group) -> Group:
        return frozenset(part for atom in group for part in split.get(atom, (atom,)))

    return replace(release, cells=tuple(replace(cell, group=refined(cell.group)) for cell in release.cells))


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """A ledger as plain JSON types (`suppression-ledger/1`), for the hub's own database only."""
    return {
        "format": FORMAT,
        "snapshot": ledger.snapshot,
        "dimensions": [[name, list(levels)] for name, levels in ledger.dimensions.items()],
        "counts": list(ledger.counts),
        "current": [[list(atom), number] for atom, number in ledger.current.items()],
        "releases": [
            {
                "question": release.question,
                "snapshot": release.snapshot,
                "cells": [
                    [cell.selection, sorted(cell.group), cell.shown, cell.why.value, cell.low, cell.high]
                    for cell in release.cells
                ],
            }
            for release in ledger.releases
        ],
    }


def parse_ledger(document: Mapping[str, Any]) -> Ledger:
    """Read what `ledger_document` wrote.

    Raises:
        MalformedError: It is not of this format.
    """
    if document.get("format") != FORMAT:
        raise MalformedError(f"ledger, format: not {FORMAT}")
    return Ledger(
        snapshot=document["snapshot"],
        dimensions={name: tuple(levels) for name, levels in document["dimensions"]},
        counts=tuple(document["counts"]),
        current={tuple(atom): number for atom, number in document["current"]},
        releases=tuple(
            Release(release["question"], release["snapshot"], tuple(_cells(release["cells"])))
            for release in document["releases"]
        ),
    )


def _cells(entries: Iterable[list[Any]]) -> Iterable[LedgerCell]:
    for selection, group, shown, why, low, high in entries:
        yield LedgerCell(selection, frozenset(group), shown, Why(why), low, high)
