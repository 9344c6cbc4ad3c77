"""By what right each case of a look-up is asked: what the list says, held against what is recorded here.

A public task needs an approval that somebody else recorded with `knownto override approve`; the name of an
approver in a list or a command is what is looked for, and never proof. A case whose approval is not there yet
waits and is named, and the others are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from node.bases import (
    ApprovalSought,
    Basis,
    BasisDefaults,
    ConsentBasis,
    EmergencyBasis,
    PublicTaskBasis,
    read_basis,
    with_own_consent,
)
from node.errors import PolicyError
from node.home import Node
from node.identifiers import Case
from node.overrides import Override, OverrideState, find_override, is_same_person, list_overrides, tag_person

# docs/protocol.md, section 9: the hub holds nodes to both.
APPROVAL_LIFE = timedelta(days=28)
EMERGENCY_LIFE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, repr=False)
class SettledBases:
    """The cases of a look-up by what can be done with them now.

    Attributes:
        asked: Those that can be asked about, each with its lawful basis.
        waiting: Those for which no approval is recorded that whoever acts may use.
    """

    asked: tuple[tuple[Case, Basis], ...]
    waiting: tuple[Case, ...]


def settle_bases(node: Node, cases: Sequence[Case], defaults: BasisDefaults, *, purpose: str) -> SettledBases:
    """Find the lawful basis of every case of a look-up.

    Raises:
        RecordFormatError: A row's basis is missing or malformed.
        PolicyError: An override named by its id is not approved, is for something else, or is past its time;
            or an emergency is asked about together with other cases.
    """
    at = node.clock()
    settled = [(case, _settle(node, case, defaults, purpose, at)) for case in cases]
    if len(settled) > 1 and any(isinstance(basis, EmergencyBasis) for _, basis in settled):
        raise PolicyError("an emergency is asked about alone: one case in the look-up")
    return SettledBases(
        tuple((case, basis) for case, basis in settled if basis is not None),
        tuple(case for case, basis in settled if basis is None),
    )


def _settle(node: Node, case: Case, defaults: BasisDefaults, purpose: str, at: datetime) -> Basis | None:
    known = with_own_consent(node.store, case.case_ref, defaults, at=at)
    basis = read_basis(case.basis, case.basis_detail, defaults=known, row=case.row, at=at)
    if isinstance(basis, ConsentBasis):
        return basis
    if isinstance(basis, ApprovalSought):
        return _seek(node, case, basis, purpose=purpose, at=at)
    found = find_override(node.store, basis.override)
    broken = _broken_rule(node, found, case, purpose=purpose, at=at)
    if broken is not None:
        raise PolicyError(f"row {case.row}, override: {broken}")
    return _basis_of(found)


def _seek(node: Node, case: Case, sought: ApprovalSought, *, purpose: str, at: datetime) -> Basis | None:
    """The newest approval of this case that whoever acts may use; None where there is none."""
    for found in reversed(list_overrides(node.store)):
        fits = found.state is OverrideState.APPROVED and found.category == sought.category
        named = sought.approver is None or is_same_person(found.decided_by, sought.approver)
        if fits and named and _broken_rule(node, found, case, purpose=purpose, at=at) is None:
            return _basis_of(found)
    return None


def _basis_of(found: Override) -> Basis:
    if found.state is OverrideState.EMERGENCY:
        return EmergencyBasis(found.category, found.reason, found.override, found.at)
    assert found.decided_by is not None and found.decided_at is not None
    return PublicTaskBasis(found.category, found.decided_by, found.reason, found.override, found.decided_at)


def _broken_rule(node: Node, found: Override, case: Case, *, purpose: str, at: datetime) -> str | None:
    """The first rule that stands against it: what the hub refuses too, and what only this node can know."""
    emergency = found.state is OverrideState.EMERGENCY
    life = EMERGENCY_LIFE if emergency else APPROVAL_LIFE
    staff = node.actor.staff
    rules = {
        "it is for another case: type the case reference it was asked for": found.case_ref == case.case_ref,
        "it is for another person: the identifiers are not those it was asked for with": (
            emergency or found.person == tag_person(node.store, case.identifiers)
        ),
        f"it is for {found.purpose}": found.purpose == purpose,
        "it is not approved yet: somebody else does that with 'knownto override approve'": (
            found.state is not OverrideState.REQUESTED
        ),
        "it was refused": found.state is not OverrideState.REFUSED,
        "whoever approved it cannot use it": not is_same_person(found.decided_by, staff),
        "only who declared the emergency asks under it": not emergency or is_same_person(found.staff, staff),
        "only who asked for it uses it": is_same_person(found.staff, staff),
        "its time is over; ask for a new one": at - (found.decided_at or found.at) < life,
    }
    return next((rule for rule, holds in rules.items() if not holds), None)
