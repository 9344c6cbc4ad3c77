"""Questions asked and kept as the command keeps them."""

from __future__ import annotations

from node.results import keep_result
from tests.federation import Asking, Federation, case_of, consent_basis
from tests.people import person

ASKING = Asking("asker-staff", "coordinator", "case_conference", conference="mdt-1")


def ask_and_keep(sharing: Federation, number: int = 3) -> int:
    """Ask about a person, and keep what was asked as the command does; the entry's index."""
    asker, case = sharing.nodes["asker"], (case_of(person(number)), consent_basis())
    result = sharing.ask("asker", person(number), conference="mdt-1")
    keep_result(asker.store, result, [case], ASKING, at=sharing.clock(), days=28)
    return result.log_index
