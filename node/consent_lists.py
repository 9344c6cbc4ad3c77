"""A list of consents, checked against the caseload: references known, remarks by the list's own rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.caseload import find_handle, is_held, is_in_caseload, parked_row
from node.consent import record_consents, require_recipients
from node.consent_files import KIND, RowConsent
from node.consent_terms import ConsentTerms
from node.errors import RecordFormatError
from node.home import Node
from node.store import Store

MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class RecordedList:
    """What came of a list.

    Attributes:
        changed: How many new versions there are.
        outdated: Rows left out, because what is recorded is newer.
        said_no: Rows left out, because the person has withdrawn or objected.
        remarks: What is to be known of rows that were recorded, in words.
        also: This agency's other references of the same people, on which a no was kept too, sorted.
    """

    changed: int
    outdated: tuple[int, ...]
    said_no: tuple[int, ...]
    remarks: tuple[str, ...]
    also: tuple[str, ...] = ()


def check_list(node: Node, listed: Sequence[RowConsent]) -> tuple[str, ...]:
    """Refuse a list that cannot be recorded as a whole; what is to be known of its rows is returned in words.

    Raises:
        RecordFormatError: The caseload has no such reference, or holds its row; a recipient is no agency of
            the network.
    """
    _refuse(
        [one.row for one in listed if find_handle(node.store, one.local_id) is None],
        "the caseload has no such reference: check the spelling, or import the caseload first",
    )
    given = [one for one in listed if isinstance(one.entry, ConsentTerms)]
    _refuse(
        [one.row for one in given if is_held(node.store, find_handle(node.store, one.local_id) or "")],
        "the reference is held, because somebody else stands under it than before: see to it with "
        "'knownto node import' first",
    )
    require_recipients(node, {name for one in given for name in getattr(one.entry, "recipients", ())})
    return tuple(remark for one in listed for remark in _remark(node.store, one))


def record_list(node: Node, listed: Sequence[RowConsent]) -> RecordedList:
    """Record a list, all of it or nothing.

    Raises:
        RecordFormatError: As `check_list`.
    """
    remarks = check_list(node, listed)
    recorded = record_consents(node, [(one.local_id, one.entry) for one in listed])
    outdated, said_no = (
        tuple(listed[number].row for number in numbers) for numbers in (recorded.outdated, recorded.said_no)
    )
    return RecordedList(recorded.changed, outdated, said_no, remarks, recorded.also)


def _refuse(rows: Sequence[int], rule: str) -> None:
    if rows:
        others = ", ".join(map(str, rows[1:MOST_NAMED]))
        more = f" (as are rows {others}{' ...' if len(rows) > MOST_NAMED else ''})" if others else ""
        raise RecordFormatError(KIND, rule + more, row=rows[0], field="local_id")


def _remark(store: Store, one: RowConsent) -> list[str]:
    handle = find_handle(store, one.local_id) or ""
    parked = parked_row(store, handle)
    if parked is not None:
        return [
            f"Row {one.row}: recorded; the person is parked at row {parked} of the caseload and not shared."
        ]
    return (
        []
        if is_in_caseload(store, handle)
        else [f"Row {one.row}: recorded; the person has left the caseload."]
    )
