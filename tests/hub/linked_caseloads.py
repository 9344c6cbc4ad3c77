"""A partnership whose caseloads are pushed, ready to be linked; and what kills a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from hub.linking import FullRunNeeded, link_all, link_changes
from hub.linking_models import ClusterMember, LinkState
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import Person, make_people

PEOPLE = make_people(160, seed=21)
ALL = {"holder-1": range(0, 100), "holder-2": range(60, 160)}
Members = dict[tuple[str, str], int]
Record = dict[str, Any]


def silent(_: str) -> None:
    """Whoever does not wait."""


@dataclass
class Shared:
    """A partnership whose caseloads are pushed, and who is who."""

    network: Network
    records: dict[str, dict[int, Record]]

    def push(self, agency: str, *, push: str, epoch: str = EPOCH) -> None:
        node, records = self.network.nodes[agency], list(self.records[agency].values())
        assert node.push(records, self.network.schema, epoch=epoch, push=push).status == 200

    def change(self, agency: str, number: int, person: Person) -> None:
        """Somebody's record says somebody else from now on, under its handle."""
        new = self.network.nodes[agency].record([person], self.network.schema)
        self.records[agency][number] = new | {"handle": self.records[agency][number]["handle"]}

    def remove(self, agency: str, number: int, *, push: str, epoch: str = EPOCH) -> None:
        """Take one record off the hub."""
        gone = self.records[agency].pop(number)
        node, schema = self.network.nodes[agency], self.network.schema
        body = {"format": "batch/1", "epoch": epoch, "schema_digest": schema.digest}
        body |= {"records": [], "removed": [gone["handle"]]}
        assert node.call("POST", f"/v1/pushes/{push}/batches/0", body).status == 200

    def link(self) -> int:
        return link_all(self.network.database, clock=self.network.clock, report=silent)

    def link_changes(self) -> int | FullRunNeeded | None:
        return link_changes(self.network.database, clock=self.network.clock, report=silent)

    def members(self) -> Members:
        """The clusters readers go by."""
        with self.network.database.reading() as session:
            run = session.get_one(LinkState, 1).run
            rows = session.scalars(select(ClusterMember).where(ClusterMember.run == run))
            return {(row.agency, row.handle): row.cluster for row in rows}

    def people_of_clusters(self) -> set[frozenset[tuple[str, int]]]:
        """The clusters, each record by its number."""
        number = {
            (agency, record["handle"]): (agency, n)
            for agency, records in self.records.items()
            for n, record in records.items()
        }
        clusters = defaultdict(set)
        for reference, cluster in self.members().items():
            clusters[cluster].add(number[reference])
        return {frozenset(members) for members in clusters.values()}


def share_caseloads(partnership: Network) -> Shared:
    """Two agencies share 100 people each, 40 of them the same."""
    shared = Shared(partnership, {})
    for agency, numbers in ALL.items():
        node = partnership.nodes[agency]
        shared.records[agency] = {n: node.record([PEOPLE[n]], partnership.schema) for n in numbers}
        shared.push(agency, push="push-1")
    return shared


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it is done."""


def killed_at(step: int) -> Callable[[str], None]:
    steps = iter(range(step))

    def report(_: str) -> None:
        if next(steps, None) is None:
            raise Killed

    return report
