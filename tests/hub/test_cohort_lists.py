"""Lists of a cohort: released first, own references only, and never of somebody who has said no since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from hub.cohort_counts import Counting
from hub.cohort_rules import shipped_rule
from hub.cohort_snapshots import keep_snapshot, list_snapshots, release_snapshot
from hub.database import Database
from hub.errors import NotFoundError
from hub.linking_models import ClusterMember, LinkRun, LinkState
from hub.models import Agency, Record
from keys.actors import Actor
from matcher.schema import LinkageSchema
from tests.hub.client import Answer, Clock
from tests.hub.conftest import EPOCH, Network, form_partnership, open_network
from tests.hub.people import make_people

MCN = shipped_rule("mcn")
PEOPLE = make_people(12, seed=4)
BOTH, ALONE = range(0, 6), range(6, 9)


class Shared:
    """Two agencies of different kinds share people, of whom six are known to both."""

    def __init__(self, network: Network, *, bases: tuple[str, ...] = ("public_task",)) -> None:
        self.network = network
        for agency, service in (("holder-1", "housing"), ("holder-2", "probation")):
            self._execute(update(Agency).where(Agency.agency == agency).values(service=service))
        network.agree(
            "asker", "holder-1", "holder-2", name="cohorts",
            purposes=["cohort_identification"], lawful_bases=list(bases),
        )  # fmt: skip
        self.handles: dict[str, dict[int, str]] = {}
        for agency, numbers in (("holder-1", [*BOTH, *ALONE]), ("holder-2", [*BOTH])):
            node = network.nodes[agency]
            records = {n: node.record([PEOPLE[n]], network.schema) for n in numbers}
            assert node.push(list(records.values()), network.schema, epoch=EPOCH).status == 200
            self.handles[agency] = {n: record["handle"] for n, record in records.items()}
        self._cluster()

    def _execute(self, *statements: Any) -> None:
        with self.network.database.writing() as session:
            for statement in statements:
                session.execute(statement)

    def _cluster(self) -> None:
        """One cluster a person, as a linking run would find them."""
        at = self.network.clock()
        with self.network.database.writing() as session:
            session.add(
                LinkRun(
                    run=1, kind="full", state="complete", epoch=EPOCH, schema_digest="", model_digest="",
                    index_digest="", started=at, completed=at, records=0, tokens=0,
                )
            )  # fmt: skip
            session.flush()
            rows = [
                {"run": 1, "agency": agency, "handle": handle, "cluster": n + 1}
                for agency, handles in self.handles.items()
                for n, handle in handles.items()
            ]
            session.execute(insert(ClusterMember), rows)
            session.execute(update(LinkState).values(run=1))

    def keep(self, *, release: bool = True) -> str:
        counting = Counting("n-ali", self.network.clock())
        name = keep_snapshot(self.network.database, MCN, counting)
        if release:
            with self.network.database.writing() as session:
                release_snapshot(session, name, staff="n-bell", at=self.network.clock())
        return name

    def read(self, agency: str, name: str, *, query: str = "", role: str = "coordinator") -> Answer:
        node = self.network.nodes[agency]
        path = f"/v1/cohorts/{name}/references{query}"
        return node.call("GET", path, actor=Actor("worker-1", role))

    def expected(self, agency: str, *left_out: int) -> list[str]:
        return sorted(handle for n, handle in self.handles[agency].items() if n in BOTH and n not in left_out)


@pytest.fixture
def shared(partnership: Network) -> Shared:
    return Shared(partnership)


def test_each_agency_reads_its_own_references(shared: Shared) -> None:
    name = shared.keep()
    for agency in ("holder-1", "holder-2"):
        answer = shared.read(agency, name)
        assert answer.status == 200, answer.document
        assert answer.document == {"cohort": name, "handles": shared.expected(agency), "more": False}
    assert shared.read("asker", name).document["handles"] == []


def test_a_list_is_read_page_by_page(shared: Shared) -> None:
    name, seen, after = shared.keep(), [], ""
    for more in (True, True, False):
        page = shared.read("holder-1", name, query=f"?after={after}&limit=2").document
        assert page["more"] is more
        seen += page["handles"]
        after = seen[-1]
    assert seen == shared.expected("holder-1")


def test_a_reading_is_logged_with_whom_it_showed(shared: Shared) -> None:
    name = shared.keep()
    shared.read("holder-1", name)
    [entry] = [
        line for line in shared.network.nodes["holder-1"].log() if line["action"] == "cohort:list:read"
    ]
    assert (entry["staff"], entry["role"], entry["snapshot"]) == ("worker-1", "coordinator", name)
    assert entry["handles"] == shared.expected("holder-1")
    assert not [
        line for line in shared.network.nodes["holder-2"].log() if line["action"].startswith("cohort:")
    ]


def test_a_reading_that_is_refused_is_logged(shared: Shared) -> None:
    node = shared.network.nodes["holder-1"]
    assert shared.read("holder-1", "mcn-1-2020-01-01").status == 404
    assert shared.read("holder-1", shared.keep(), role="officer").status == 403
    refused = [line for line in node.log() if line["action"].startswith("call:refused:")]
    assert [line["action"] for line in refused] == [
        "call:refused:not_found",
        "call:refused:role_not_permitted",
    ]
    assert {line["call"] for line in refused} == {"GET /v1/cohorts/{cohort}/references"}


def test_a_snapshot_that_is_not_released_is_like_one_that_is_not_there(shared: Shared) -> None:
    name = shared.keep(release=False)
    answers = [shared.read("holder-1", one) for one in (name, "mcn-1-2020-01-01")]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.document["detail"] for answer in answers}) == 1


def test_cohorts_are_listed_once_released(shared: Shared) -> None:
    node = shared.network.nodes["holder-1"]
    coordinator = Actor("worker-1", "coordinator")
    name = shared.keep(release=False)
    assert node.call("GET", "/v1/cohorts", actor=coordinator).document == {"cohorts": []}
    shared.keep()
    [view] = node.call("GET", "/v1/cohorts", actor=coordinator).document["cohorts"]
    assert (view["cohort"], view["day"], view["title"]) == (name, "2026-02-03", MCN.title)


def test_releasing_again_changes_nothing(shared: Shared) -> None:
    shared.keep()
    shared.network.clock.move(days=1)
    with shared.network.database.writing() as session:
        release_snapshot(session, "mcn-1-2026-02-03", staff="other", at=shared.network.clock())
        [row] = list_snapshots(session)
        assert row.released_by == "n-bell"


def test_a_snapshot_that_is_not_kept_cannot_be_released(database: Database, shared: Shared) -> None:
    with shared.network.database.writing() as session, pytest.raises(NotFoundError):
        release_snapshot(session, "mcn-1-2020-01-01", staff="n-bell", at=shared.network.clock())


def test_an_agency_outside_the_agreement_reads_none(partnership: Network) -> None:
    shared = Shared(partnership)
    name = shared.keep()
    outside = partnership.join("outside")
    partnership.agree("asker", "outside", name="other")
    answer = outside.call("GET", f"/v1/cohorts/{name}/references", actor=Actor("worker-1", "coordinator"))
    assert (answer.status, answer.document["code"]) == (404, "not_found")


def test_nothing_is_read_once_the_agreement_is_over(shared: Shared) -> None:
    name = shared.keep()
    shared.network.agree("asker", "holder-1", name="longer", expires="2028-01-01T00:00:00Z")
    shared.network.clock.move(days=400)
    assert shared.read("holder-1", name).status == 404


def test_a_withdrawal_elsewhere_takes_somebody_off_the_list(shared: Shared) -> None:
    """Known to both, now to one that may be counted: nobody reads of them that they are in the cohort."""
    name = shared.keep()
    node = shared.network.nodes["holder-2"]
    handle = shared.handles["holder-2"][2]
    assert node.consent(handle).status == 200
    withdrawn = {"version": 2, "withdrawn_at": "2026-02-03T09:00:00Z"}
    assert node.consent(handle, **withdrawn).status == 200
    assert shared.read("holder-1", name).document["handles"] == shared.expected("holder-1", 2)
    assert shared.read("holder-2", name).document["handles"] == shared.expected("holder-2", 2)


def test_a_record_taken_off_the_hub_is_off_the_list(shared: Shared) -> None:
    name = shared.keep()
    gone = shared.handles["holder-1"][0]
    body = {"format": "batch/1", "epoch": EPOCH, "schema_digest": shared.network.schema.digest}
    body |= {"records": [], "removed": [gone]}
    assert shared.network.nodes["holder-1"].call("POST", "/v1/pushes/p-2/batches/0", body).status == 200
    with shared.network.database.reading() as session:
        assert session.scalar(select(Record.record).where(Record.handle == gone)) is None
    assert shared.read("holder-1", name).document["handles"] == shared.expected("holder-1", 0)
    assert shared.read("holder-2", name).document["handles"] == shared.expected("holder-2", 0)


def test_whoever_joined_since_is_not_on_an_old_list(shared: Shared) -> None:
    name = shared.keep()
    node, network = shared.network.nodes["holder-2"], shared.network
    record = node.record([PEOPLE[7]], network.schema)
    body = {"format": "batch/1", "epoch": EPOCH, "schema_digest": network.schema.digest}
    assert (
        node.call("POST", "/v1/pushes/p-2/batches/0", body | {"records": [record], "removed": []}).status
        == 200
    )
    with network.database.writing() as session:
        session.add(ClusterMember(run=1, agency="holder-2", handle=record["handle"], cluster=8))
    assert shared.read("holder-1", name).document["handles"] == shared.expected("holder-1")
    network.clock.move(days=1)
    assert len(shared.read("holder-1", shared.keep()).document["handles"]) == len(BOTH) + 1


def test_on_the_basis_of_consent_only_those_who_gave_it_are_listed(partnership: Network) -> None:
    shared = Shared(partnership, bases=("consent",))
    for agency in ("holder-1", "holder-2"):
        for n in (1, 3):
            given = {"purposes": ["cohort_identification"], "data_classes": ["known_to"]}
            answer = partnership.nodes[agency].consent(shared.handles[agency][n], **given)
            assert answer.status == 200, answer.document
    name = shared.keep()
    assert shared.read("holder-1", name).document["handles"] == shared.expected("holder-1", 0, 2, 4, 5)


def test_an_agency_reads_so_many_pages_in_a_day(
    tmp_path: Path, database_url: str, clock: Clock, schema: LinkageSchema
) -> None:
    home = tmp_path / "hub"
    with open_network(
        home, database_url=database_url, clock=clock, schema=schema, lists_read_per_day=2
    ) as network:
        shared = Shared(form_partnership(network))
        name = shared.keep()
        assert [shared.read("holder-1", name).status for _ in range(4)] == [200, 200, 429, 429]
        assert shared.read("holder-2", name).status == 200
        log = network.nodes["holder-1"].log()
        [bound] = [line for line in log if line["action"] == "log:bound:met"]
        assert (bound["bound"], bound["entries"]) == ("lists", 2)
        clock.move(days=1)
        assert shared.read("holder-1", name).status == 200


@pytest.mark.parametrize(
    "query", ["?after=abc", "?limit=0", "?limit=1001", "?after=' or 1=1"], ids=["short", "0", "1001", "sql"]
)
def test_a_page_that_cannot_be_is_refused(shared: Shared, query: str) -> None:
    answer = shared.read("holder-1", shared.keep(), query=query.replace(" ", "%20"))
    assert (answer.status, answer.document["code"]) == (422, "malformed")
