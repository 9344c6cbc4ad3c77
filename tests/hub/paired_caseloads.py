"""Two agencies that know some of the same people, with consents for referral de-duplication."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any

from hub.linking import link_all, link_changes
from keys.actors import Actor
from tests.hub.client import Answer
from tests.hub.conftest import Network
from tests.hub.linked_caseloads import Shared, silent
from tests.hub.people import make_people

PEOPLE = make_people(60, seed=33)
# Numbers from here to there are people both agencies know; the first of them have consented at both.
BOTH = range(20, 40)
CONSENTED = (20, 21, 22, 23)
TWIN, TWIN_THERE = 24, 60
ALL = {"holder-1": range(0, 40), "holder-2": range(20, 60)}
COORDINATOR = Actor("coordinator-1", "coordinator")
DEDUPLICATION = {"purposes": ["referral_deduplication"], "data_classes": ["known_to"]}


@dataclass
class Paired:
    """A linked partnership, and how one asks it about pairs."""

    shared: Shared
    consents: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        return self.shared.network

    def handle(self, agency: str, number: int) -> str:
        handle: str = self.shared.records[agency][number]["handle"]
        return handle

    def consent(self, agency: str, number: int, **changes: Any) -> None:
        """The next version of somebody's consent."""
        version = self.consents.get((agency, number), 0) + 1
        handle = self.handle(agency, number)
        answer = self.network.nodes[agency].consent(handle, version=version, **(DEDUPLICATION | changes))
        assert answer.status == 200, answer.document
        self.consents[agency, number] = version

    def link(self) -> None:
        link_all(self.network.database, clock=self.network.clock, report=silent)

    def link_changes(self) -> None:
        done = link_changes(self.network.database, clock=self.network.clock, report=silent)
        assert isinstance(done, int), done

    def read(self, agency: str, query: str = "") -> Answer:
        return self.network.nodes[agency].call("GET", f"/v1/pairs{query}", actor=COORDINATOR)

    def page(self, agency: str, query: str = "") -> dict[str, Any]:
        answer = self.read(agency, query)
        assert answer.status == 200, answer.document
        page: dict[str, Any] = answer.document
        return page

    def queue(self, agency: str, query: str = "") -> list[dict[str, Any]]:
        pairs: list[dict[str, Any]] = self.page(agency, query)["pairs"]
        return pairs

    def numbers(self, agency: str, query: str = "") -> list[int]:
        """Whose pairs an agency is shown, by number, in order."""
        number = {record["handle"]: n for n, record in self.shared.records[agency].items()}
        return [number[pair["handle"]] for pair in self.queue(agency, query)]

    def pair_of(self, agency: str, number: int, query: str = "?state=all") -> dict[str, Any]:
        handle = self.handle(agency, number)
        return next(pair for pair in self.queue(agency, query) if pair["handle"] == handle)

    def decide(self, agency: str, pair: str, verdict: str, reason: str = "files_compared") -> Answer:
        body = {"format": "pair-decision/1", "verdict": verdict, "reason": reason}
        path = f"/v1/pairs/{pair}/decisions"
        return self.network.nodes[agency].call("POST", path, body, actor=COORDINATOR)

    def decided(self, agency: str, number: int, verdict: str) -> None:
        answer = self.decide(agency, self.pair_of(agency, number)["pair"], verdict)
        assert answer.status == 200, answer.document

    def history(self, agency: str, pair: str) -> Answer:
        return self.network.nodes[agency].call("GET", f"/v1/pairs/{pair}", actor=COORDINATOR)

    def together(self, *records: tuple[str, int]) -> bool:
        """Whether records are in one cluster."""
        members = self.shared.members()
        return len({members[agency, self.handle(agency, number)] for agency, number in records}) == 1


def share_pairs(partnership: Network) -> Paired:
    """Twenty people known to both, four of whom have consented at both; a twin of one more."""
    shared = Shared(partnership, {})
    # The plain encoder has the halves of a name filter the other way round: this is another forename.
    twin = replace(PEOPLE[TWIN], surname=PEOPLE[TWIN].surname + 20, chain=PEOPLE[TWIN].chain + 5)
    for agency, numbers in ALL.items():
        node = partnership.nodes[agency]
        shared.records[agency] = {n: node.record([PEOPLE[n]], partnership.schema) for n in numbers}
    shared.records["holder-2"].pop(TWIN)
    node = partnership.nodes["holder-2"]
    shared.records["holder-2"][TWIN_THERE] = node.record([twin], partnership.schema)
    for agency in ALL:
        shared.push(agency, push="push-1")
    paired = Paired(shared)
    for agency, _ in ALL.items():
        for number in CONSENTED:
            paired.consent(agency, number)
    paired.link()
    return paired


def evidence_of(pair: dict[str, Any]) -> dict[str, Any]:
    """The evidence of a pair that is shown."""
    text = base64.b64decode(pair["evidence"])
    assert len(text) == 1024
    document: dict[str, Any] = json.loads(text)
    return document


def other_of(agency: str) -> str:
    return "holder-2" if agency == "holder-1" else "holder-1"
