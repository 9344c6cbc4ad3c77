"""Statistical disclosure control: what of a table of counts may be published, after all that was before.

Primary rule (DOMAIN.md): counts 0-7 are `*`, others rounded to the nearest 5; totals are sums of the cells
shown and so say nothing new. Within one table that is enough, because its cells share nobody. It is not
enough where two tables count the same people: a total asked for as a table of its own, 45 (43 to 47), beside
40 (38 to 42) and `*`, says that the `*` is at least 1. Three secondary rules cure this.

1. *Hide another.* Whatever small count could be narrowed by subtracting any published tables
   (`hub.suppression_audit`) costs the new table another cell, the nearest and smallest first, until nothing
   can be narrowed. Small counts are every `*` of a small count ever published, and every small difference
   of two nested numbers (nested cohorts).
2. *Withhold.* Where hiding all numbers of the new table is still not enough, it is not published at all.
3. *Reveal late.* A cell that was `*` shows a number again only well above the threshold, so that one person
   more in the next run does not tell that it had been 7.

Guarantee: for every such small count, the whole numbers that solve all published tables of the ledger, cut
to 0-7, span at least `protection` (7: neither 0 nor 7 is excluded), even for a reader who knows which `*`
are small, which combinations are possible, and which groups did not change between runs.

Not protected: against a reader who knows *by how much* a group changed between two runs, no deterministic
rounding helps (a fall from a shown 10 to `*`, known to be one person, is a 7), nor against one who weighs how
likely the choice of hidden cells was (Wong et al. 2007, minimality attack). For those there is
`hub.noisy_counts`; the query budget limits both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hub.suppression_audit import Audit, Group
from hub.suppression_ledger import Ledger, LedgerCell, Release, Why, absorb
from hub.suppression_profiles import HIDDEN, Profile, format_count
from hub.suppression_tables import Key, Population, Question, cells_of, restricted_truly

__all__ = ["HIDDEN", "Margin", "Published", "Withheld", "format_count", "margin", "publish"]


@dataclass(frozen=True, slots=True)
class Published:
    """A table as it may be shown: a number or None (`*`) by key, keys in the order of `by`."""

    snapshot: str
    by: tuple[str, ...]
    cells: Mapping[Key, int | None]


@dataclass(frozen=True, slots=True)
class Withheld:
    """The table cannot be published beside what was; ask for fewer dimensions, or for the next snapshot."""

    snapshot: str


@dataclass(frozen=True, slots=True)
class Margin:
    """A total of the numbers shown, or None where none is; not `complete` where some cell is hidden."""

    shown: int | None
    complete: bool


def publish(
    ledger: Ledger, population: Population, question: Question, *, profile: Profile
) -> tuple[Ledger, Published | Withheld]:
    """Answer a question about a population as far as everything published before allows.

    The same question about the same snapshot gets the same answer, and nothing new is learnt.

    Args:
        ledger: What was published about these people; keep the one returned instead.
        population: The true counts. Whatever counts the same people belongs into one population and ledger.
        question: Which table.
        profile: By which rules.

    Raises:
        MalformedError: Population, question and ledger do not go together.
        ConflictError: The snapshot was counted before with other counts.
        UnavailableError: A bound was not found in time; nothing is published.
    """
    ledger, question = absorb(ledger, population), restricted_truly(population, question)
    keys = cells_of(population, question)
    groups = {
        selection_of(question, key): frozenset(ledger.current[atom] for atom in atoms)
        for key, atoms in keys.items()
    }
    release = ledger.release_of(question.digest, snapshot=population.snapshot)
    if release is None:
        cells = _protected(ledger, _primary(ledger, groups, profile), profile)
        if cells is None:
            return ledger, Withheld(population.snapshot)
        release = Release(question.digest, population.snapshot, tuple(cells))
        ledger = replace(ledger, releases=(*ledger.releases, release))
    shown = {cell.selection: cell.shown for cell in release.cells}
    table = {key: shown[selection_of(question, key)] for key in keys}
    return ledger, Published(population.snapshot, question.by, table)


def margin(table: Published, keep: tuple[str, ...] = ()) -> dict[Key, Margin]:
    """Totals by some of a table's dimensions, from the cells shown; no dimension for the grand total."""
    places = [table.by.index(name) for name in keep]
    cells: dict[Key, list[int | None]] = {}
    for key, shown in table.cells.items():
        cells.setdefault(tuple(key[place] for place in places), []).append(shown)
    totals = {}
    for key, row in cells.items():
        numbers = [shown for shown in row if shown is not None]
        totals[key] = Margin(sum(numbers) if numbers else None, len(numbers) == len(row))
    return totals


def selection_of(question: Question, key: Key) -> str:
    """Whom a cell counts, as text: the same for the same people, whichever (truly restricted) table asks."""
    levels = {name: sorted(levels) for name, levels in question.where.items()}
    return json.dumps(
        levels | {name: [level] for name, level in zip(question.by, key, strict=True)}, sort_keys=True
    )


def _primary(ledger: Ledger, groups: Mapping[str, Group], profile: Profile) -> list[LedgerCell]:
    before = {cell.selection: cell for cell in ledger.cells()}
    reveal = profile.largest_hidden + 1 + profile.reveal_margin
    cells = []
    for selection, group in groups.items():
        count = ledger.true_count(group)
        if profile.hides(count):
            cells.append(LedgerCell(selection, group, None, Why.SMALL, 0, profile.largest_hidden))
            continue
        shown = profile.rounded(count)
        cell = LedgerCell(selection, group, shown, Why.NUMBER, *profile.behind(shown))
        last = before.get(selection)
        was_hidden = last is not None and last.shown is None
        cells.append(_hidden(cell) if was_hidden and count < reveal else cell)
    return cells


def _hidden(cell: LedgerCell) -> LedgerCell:
    return replace(cell, shown=None, why=Why.PROTECTS, low=0, high=None)


def _protected(ledger: Ledger, cells: list[LedgerCell], profile: Profile) -> list[LedgerCell] | None:
    """The cells with as many hidden as the small counts need; None where that is not enough.

    One pass is enough: hiding a cell takes a fact away, and so never narrows what was found wide enough.
    """
    everything = [*ledger.cells(), *cells]
    groups = _small_groups(ledger, everything, profile)
    facts = [cell.fact for cell in everything]
    audit = Audit(
        facts,
        groups,
        truth=ledger.counts,
        at_most=profile.largest_hidden,
        protection=profile.protection,
    )
    first, held = len(everything) - len(cells), list(cells)
    reached = _reached(audit, cells)
    for number, group in enumerate(groups):
        while not group.isdisjoint(reached) and audit.is_exposed(number):
            nearest = _nearest_number(audit, group, dict(enumerate(held, start=first)))
            if nearest is None:
                return None
            held[nearest - first] = _hidden(held[nearest - first])
            audit.take_back(nearest)
    return held


def _reached(audit: Audit, cells: Iterable[LedgerCell]) -> Group:
    """All atoms that the new cells say something about, directly or through earlier tables."""
    asked = frozenset(atom for cell in cells for atom in cell.group)
    return asked.union(*(audit.facts[row].group for near in audit.by_distance(asked) for row in near))


def _small_groups(ledger: Ledger, cells: list[LedgerCell], profile: Profile) -> list[Group]:
    """Every group whose count must not be narrowed: hidden small cells and small differences, each once."""
    small = [cell.group for cell in cells if cell.why is Why.SMALL]
    numbers = {cell.group for cell in cells if cell.why is Why.NUMBER}
    differences = [group for group in _nested_differences(numbers) if profile.hides(ledger.true_count(group))]
    return list(dict.fromkeys([*small, *sorted(differences, key=sorted)]))


def _nested_differences(groups: set[Group]) -> Iterator[Group]:
    holding: dict[int, list[Group]] = {}
    for group in groups:
        for atom in group:
            holding.setdefault(atom, []).append(group)
    for inner in groups:
        # Whatever holds all of the inner group holds any one atom of it.
        for outer in holding[min(inner)]:
            if inner < outer:
                yield outer - inner


def _nearest_number(audit: Audit, group: Group, cells: Mapping[int, LedgerCell]) -> int | None:
    """The number of the new table that bears on a group most directly, by row; of several the smallest."""
    for rows in audit.by_distance(group):
        near = [row for row in rows if row in cells and cells[row].why is Why.NUMBER]
        if near:
            return min(near, key=lambda row: (cells[row].shown or 0, cells[row].selection))
    return None
