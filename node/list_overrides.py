"""Overrides and emergencies of the cases of a kept list: which belongs to which case, and the basis it gives.

A list remembers an override by the case's reference. The case is then asked under it once it is approved, and
waits until then, whatever the list says for its other cases. An emergency is asked about alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from node.case_lists import KeptList
from node.errors import PolicyError, RecordFormatError
from node.home import Node
from node.identifiers import Case
from node.overrides import Override, OverrideState, declare_emergency, find_override, request_override
from node.settling import settle_bases
from node.store import Store


def overrides_of(store: Store, kept: KeptList) -> dict[str, Override]:
    """The overrides and emergencies of a list, by case reference."""
    return {case_ref: find_override(store, override) for case_ref, override in kept.overrides.items()}


def with_overrides(node: Node, kept: KeptList, cases: Sequence[Case]) -> list[Case]:
    """The cases of a list, each with the basis its override gives where it has one.

    One that whoever acts may use is named by its id; any other is looked for by its kind of reason, so that
    its case waits and the others are asked.
    """
    found = overrides_of(node.store, kept)
    return [
        _under(case, found[case.case_ref], node.actor.staff) if case.case_ref in found else case
        for case in cases
    ]


def waiting_rows(node: Node, kept: KeptList, cases: Sequence[Case]) -> frozenset[int]:
    """Rows of cases that would wait for approval if they were asked now; not those that lack a basis."""
    return frozenset(case.row for case in with_overrides(node, kept, cases) if _waits(node, kept, case))


def _waits(node: Node, kept: KeptList, case: Case) -> bool:
    try:
        return bool(settle_bases(node, [case], kept.basis, purpose=kept.purpose).waiting)
    except (RecordFormatError, PolicyError):
        return False


def ask_for_override(node: Node, kept: KeptList, case: Case, *, category: str, reason: str) -> KeptList:
    """Ask for an override of one case of a list, as whoever acts; the list with it, which nothing keeps yet.

    Raises:
        RecordFormatError: The kind of reason or its words are missing or malformed.
        HubUnreachableError, HubRefusedError: It could not be logged; nothing was asked for.
    """
    made = request_override(
        node, case_ref=case.case_ref, purpose=kept.purpose, category=category, reason=reason,
        person=case.identifiers,
    )  # fmt: skip
    return _with(kept, made)


def declare_for(node: Node, kept: KeptList, case: Case, *, category: str, reason: str) -> KeptList:
    """Declare an emergency for the one case of a list, as whoever acts; the list with it.

    Raises:
        RecordFormatError: The kind of reason or its words are missing or malformed.
        HubUnreachableError, HubRefusedError: It could not be logged; nothing was declared.
    """
    made = declare_emergency(
        node, case_ref=case.case_ref, purpose=kept.purpose, category=category, reason=reason
    )
    return _with(kept, made)


def _with(kept: KeptList, made: Override) -> KeptList:
    overrides: Mapping[str, str] = {**kept.overrides, made.case_ref: made.override}
    return replace(kept, overrides=overrides)


def _under(case: Case, found: Override, staff: str) -> Case:
    if found.state is OverrideState.EMERGENCY:
        return replace(case, basis="emergency", basis_detail=found.override)
    usable = found.state is OverrideState.APPROVED and found.staff == staff
    return replace(case, basis="public_task", basis_detail=found.override if usable else f"{found.category};")
