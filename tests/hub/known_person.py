"""A person one agency shares and a stranger nobody has: what tests of look-ups ask about."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from hub.models import BudgetUse
from tests.hub.client import Answer
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people

PEOPLE = make_people(30, seed=5)
KNOWN, STRANGER = PEOPLE[0], PEOPLE[29]
TASK = {
    "kind": "public_task",
    "reason_category": "risk_to_life",
    "reason_commitment": "cd" * 32,
    "approver": "manager-1",
    "override": "ef" * 16,
    "approved_at": "2026-02-03T09:00:00Z",
}


def share(network: Network, agency: str, *, consent: bool = True, **changes: Any) -> str:
    """Have an agency share the known person among others; returns the person's handle."""
    node = network.nodes[agency]
    record = node.record([KNOWN], network.schema)
    others = [node.record([person], network.schema) for person in PEOPLE[2:20]]
    assert node.push([record, *others], network.schema, epoch=EPOCH).status == 200
    if consent:
        assert node.consent(record["handle"], **changes).status == 200
    return str(record["handle"])


def ask(network: Network, *, basis: dict[str, Any] | None = None, **changes: Any) -> Answer:
    """The asker asks about the known person and a stranger."""
    asker = network.nodes["asker"]
    document = asker.question([KNOWN, STRANGER], network.schema, epoch=EPOCH, **changes)
    if basis is not None:
        for case in document["cases"]:
            # An override is for one person, asked for once.
            case["basis"] = basis | ({"override": asker.new_id()} if "override" in basis else {})
        asker.approve(*(case["basis"]["override"] for case in document["cases"] if "override" in basis))
    return asker.look_up(document)


def lines(answer: Answer, case: int = 0) -> dict[str, dict[str, str]]:
    return {line["agency"]: line for line in answer.document["cases"][case]["answers"]}


def used_cases(network: Network) -> dict[str, int]:
    with network.database.reading() as session:
        return {row.staff: row.cases for row in session.scalars(select(BudgetUse))}
