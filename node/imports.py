"""Replacing the caseload by a file: who comes, changes and leaves, and whose reference has moved.

An import replaces the caseload whole, all or nothing: rows missing from the file leave it, and are taken from
the hub by the next push. Consent, refusals and seals hang on the reference, so it must stay one person's.
Where a row under a reference that carries one cannot be the person who stood there before
(`node.same_person`), it is held: nobody is shared under that reference until somebody has looked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from node.caseload import (
    delete_row,
    find_handle,
    forget_parked,
    identifiers_under,
    keep_held,
    keep_identifiers,
    known_tags,
    make_handle,
    mark_parked,
    put_record,
    record_tag,
)
from node.consent import spread_noes
from node.consent_terms import Refusal
from node.consent_versions import find_document
from node.errors import RecordFormatError
from node.identifiers import Record
from node.records import ParkedRecord
from node.same_person import may_be_same_person
from node.sealing import spread_seals
from node.store import Store

# Fewer are slips, marriages with a corrected date, a reference used again; more of them have one cause.
FEWEST_MOVED = 3
MOST_MOVED_SHARE = 1 / 5
# In a caseload of less a few people are more than half.
FEWEST_LEAVING = 5
MOST_LEAVING_SHARE = 1 / 2


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What replacing the caseload by a file does, in numbers of people.

    Attributes:
        added: Not in the caseload before.
        changed: In it, with another row.
        removed: In it, and not in the file.
        unchanged: In it, as they are.
        held: Rows that are held, counted in none of the others.
        before: People in the caseload before.
        compared: Rows whose reference has stood for somebody before.
        moved: How many of these cannot be the same person, held or not.
        sealed: Rows sealed by the import, being exactly the same person as somebody sealed.
        refused: Rows given a no by the import, being exactly the same person as somebody who has said it.
    """

    added: int
    changed: int
    removed: int
    unchanged: int
    held: tuple[int, ...] = ()
    before: int = 0
    compared: int = 0
    moved: int = 0
    sealed: int = 0
    refused: int = 0


@dataclass(slots=True, repr=False)
class _Sorting:
    """The rows of a file, held against the caseload."""

    known: dict[str, bytes]
    carrying: frozenset[str]
    taken: list[Record] = field(default_factory=list)
    held: list[tuple[str, Record]] = field(default_factory=list)
    present: set[str] = field(default_factory=set)
    added: int = 0
    unchanged: int = 0
    compared: int = 0
    moved: int = 0

    def plan(self) -> ImportPlan:
        """The numbers."""
        return ImportPlan(
            added=self.added,
            changed=len(self.taken) - self.added - self.unchanged,
            removed=len(self.known) - len(self.present & self.known.keys()),
            unchanged=self.unchanged,
            held=tuple(record.row for _, record in self.held),
            before=len(self.known),
            compared=self.compared,
            moved=self.moved,
        )


def plan_import(store: Store, records: Sequence[Record], *, same_person: Collection[int] = ()) -> ImportPlan:
    """What an import of these records would do; nothing is written.

    Args:
        store: The node's store.
        records: One record a person; local ids are unique.
        same_person: Rows of whom somebody has made sure that they are the person who stood there before.
    """
    return _sort(store, records, frozenset(same_person)).plan()


def require_plausible(plan: ImportPlan) -> None:
    """Refuse an import that looks like the wrong file, or like references given to other people.

    Raises:
        RecordFormatError: References stand for other people than before, or most of the caseload would leave.
    """
    if plan.moved >= FEWEST_MOVED and plan.moved > MOST_MOVED_SHARE * plan.compared:
        raise RecordFormatError(
            "caseload",
            f"{plan.moved} of {plan.compared} references stood for somebody else before (birth date and "
            "names changed together): they seem to have moved, and consents would go to the wrong people. "
            "Nothing was changed. Every person needs a reference that stays theirs, not a row number; if "
            "this file is right and the caseload was wrong, say --replace",
            field="local_id",
        )
    if plan.removed >= FEWEST_LEAVING and plan.removed > MOST_LEAVING_SHARE * plan.before:
        raise RecordFormatError(
            "caseload",
            f"{plan.removed} of the {plan.before} people of the present caseload are not in this file, or "
            "not usable there, and would leave. Nothing was changed. Is it the right file, and whole? "
            "If so, say --replace",
        )


def import_records(
    store: Store,
    records: Sequence[Record],
    *,
    weak_rows: Collection[int],
    parked: Sequence[ParkedRecord] = (),
    same_person: Collection[int] = (),
    advance: Callable[[int], None] = lambda count: None,
    with_it: Callable[[ImportPlan], None] = lambda plan: None,
) -> ImportPlan:
    """Replace the caseload by these records, all or nothing.

    Args:
        store: The node's store.
        records: One record a person; local ids are unique.
        weak_rows: Row numbers of records that `node check` calls weak.
        parked: The file's other people: an objection or a consent can be recorded for them already.
        same_person: As in `plan_import`.
        advance: Told the number of records done, for a progress bar.
        with_it: Called with the plan in the same transaction: what the file says beside the records.

    Returns:
        What it did.
    """
    weak = frozenset(weak_rows)
    with store.transaction():
        sorting = _sort(store, records, frozenset(same_person))
        forget_parked(store)
        for record in sorting.taken:
            handle = make_handle(store, record.local_id)
            put_record(store, handle, record, sorting.known.get(handle), weak=record.row in weak)
            advance(1)
        keep_held(store, [handle for handle, _ in sorting.held])
        for handle, record in sorting.held:
            mark_parked(store, handle, record.row)
            if not _shows_nothing(store, handle):
                _let_go(store, handle, sorting)
        for handle in sorting.known.keys() - sorting.present:
            _let_go(store, handle, sorting)
        for one in parked:
            _park(store, one)
        plan = replace(sorting.plan(), sealed=len(spread_seals(store)))
        with_it(plan)
        plan = replace(plan, refused=len(spread_noes(store)))
    return plan


def _sort(store: Store, records: Sequence[Record], same_person: frozenset[int]) -> _Sorting:
    sorting = _Sorting(known_tags(store), _carrying(store))
    for record in records:
        handle = find_handle(store, record.local_id)
        if handle is not None:
            sorting.present.add(handle)
            if sorting.known.get(handle) == record_tag(store, record):
                sorting.unchanged += 1
                sorting.compared += 1
            elif _has_moved(store, handle, record, sorting, same_person) and handle in sorting.carrying:
                sorting.held.append((handle, record))
                continue
        sorting.added += handle not in sorting.known
        sorting.taken.append(record)
    return sorting


def _has_moved(
    store: Store, handle: str, record: Record, sorting: _Sorting, same_person: frozenset[int]
) -> bool:
    before = identifiers_under(store, handle)
    if before is None:
        return False
    sorting.compared += 1
    if record.row in same_person or may_be_same_person(before, record.identifiers):
        return False
    sorting.moved += 1
    return True


def _carrying(store: Store) -> frozenset[str]:
    """Everybody with a seal, a consent or a refusal."""
    rows = store.connection.execute("SELECT handle FROM person WHERE sealed UNION SELECT handle FROM consent")
    return frozenset(row["handle"] for row in rows)


def _shows_nothing(store: Store, handle: str) -> bool:
    """Whether the row that is there may stay: it is sealed, or its owner said no, which must go on to hold.

    A withdrawal answers for the person's other records too (docs/protocol.md section 9): it must not leave.
    """
    sealed = store.connection.execute("SELECT sealed FROM person WHERE handle = ?", (handle,)).fetchone()
    document = find_document(store, handle)
    said_no = document is not None and any(document[kind.field] is not None for kind in Refusal)
    return bool(sealed["sealed"]) or said_no


def _let_go(store: Store, handle: str, sorting: _Sorting) -> None:
    """Out of the caseload; whoever has a consent or a seal is remembered until the reference returns."""
    if handle not in sorting.known:
        return
    before = identifiers_under(store, handle)
    delete_row(store, handle)
    keep_identifiers(store, handle, before if handle in sorting.carrying else None)


def _park(store: Store, one: ParkedRecord) -> None:
    """Remember who cannot be used, under a handle: a no said now holds once the row is mended."""
    handle = make_handle(store, one.local_id)
    if identifiers_under(store, handle) is None:
        keep_identifiers(store, handle, one.identifiers)
    mark_parked(store, handle, one.row)
