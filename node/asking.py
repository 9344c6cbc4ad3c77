"""One look-up from a case list to kept answers: settle the bases, ask, keep. Commands and pages use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keys.actors import Role
from node.bases import BasisDefaults, EmergencyBasis
from node.expiry import drop_what_is_over
from node.home import Node
from node.identifiers import Case
from node.lookups import Asking, LookupResult, askable_cases, look_up
from node.results import keep_result
from node.settling import settle_bases

# Who may ask, and so look at what was answered.
ASKING = (Role.OFFICER, Role.COORDINATOR)
UNASKABLE_RULE, WAITING_RULE = "row_without_anything", "waits_for_approval"
PARKED_WHEN_ASKED = (UNASKABLE_RULE, WAITING_RULE)


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """What became of a case list.

    Attributes:
        result: The verified answer; None where no case could be asked about.
        parked: Cases that were not asked about, each with the rule: of too little, or waiting for approval.
        emergency: Whether it was asked in an emergency.
    """

    result: LookupResult | None
    parked: tuple[tuple[Case, str], ...]
    emergency: bool = False


def ask_cases(
    node: Node,
    cases: Sequence[Case],
    defaults: BasisDefaults,
    asking: Asking,
    *,
    parked: Mapping[str, str],
) -> Asked:
    """Ask about the cases that can be asked about, and keep the answers with what was parked.

    Args:
        node: The asking node.
        cases: The usable rows of a case list; with none, nothing is asked.
        defaults: The basis of rows that do not say their own.
        asking: Who asks, and what for.
        parked: The rules that parked other rows, by case reference.

    Raises:
        RecordFormatError: A basis is missing or malformed, or there are too many cases.
        PolicyError: An override or emergency cannot be used.
        HubUnreachableError, HubRefusedError, IntegrityError: As in `look_up`; nothing is kept.
    """
    askable = askable_cases(node, cases)
    settled = settle_bases(node, askable, defaults, purpose=asking.purpose)
    left = [(case, UNASKABLE_RULE) for case in cases if case not in askable]
    left += [(case, WAITING_RULE) for case in settled.waiting]
    if not settled.asked:
        return Asked(None, tuple(left))
    emergency = any(isinstance(basis, EmergencyBasis) for _, basis in settled.asked)
    result = look_up(node, settled.asked, asking)
    now, days = node.clock(), node.settings.result_days
    drop_what_is_over(node.store, at=now)
    rules = {**parked, **{case.case_ref: rule for case, rule in left}}
    keep_result(node.store, result, settled.asked, asking, at=now, days=days, parked=rules)
    return Asked(result, tuple(left), emergency)
