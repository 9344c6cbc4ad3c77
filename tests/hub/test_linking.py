"""Linking runs at the hub: what they find, that ids survive, and that nobody ever sees half of one."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import defaultdict
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, func, select, update

from cli.main import exit_code, knownto
from cli.output import CompletedWithWarnings
from hub import linking_members
from hub.errors import ConflictError, NotInitialisedError
from hub.linking import FullRunNeeded, link_all, link_changes, list_runs
from hub.linking_models import ClusterMember, LinkArray, LinkRun, LinkState
from hub.linking_thread import LinkingThread
from hub.log_views import read_entries
from hub.upgrades import upgrade
from tests.documented_session import KNOWNTO
from tests.hub.conftest import EPOCH, Network
from tests.hub.linked_caseloads import (
    ALL,
    PEOPLE,
    Killed,
    Record,
    Shared,
    killed_at,
    share_caseloads,
)
from tests.hub.test_tags_upgrade import to_layout_before


@pytest.fixture
def shared(partnership: Network) -> Shared:
    """Two agencies share 100 people each, 40 of them the same."""
    return share_caseloads(partnership)


def expected_of(records: dict[str, dict[int, Record]]) -> set[frozenset[tuple[str, int]]]:
    """One cluster a person, by number."""
    people = defaultdict(set)
    for agency, numbers in records.items():
        for n in numbers:
            people[n].add((agency, n))
    return {frozenset(members) for members in people.values()}


def test_clusters_are_the_people(shared: Shared) -> None:
    shared.link()
    assert shared.people_of_clusters() == expected_of(shared.records)


def test_a_run_says_what_it_was_over_and_what_it_found(shared: Shared) -> None:
    number = shared.link()
    with shared.network.database.reading() as session:
        [run] = list_runs(session)
        assert (run.run, run.kind, run.state, run.epoch) == (number, "full", "complete", EPOCH)
        assert (run.records, run.tokens, run.clusters, run.conflicts) == (200, 200, 160, 0)
        assert run.links == 40 and run.pairs is not None and run.pairs >= 40
        assert run.completed == shared.network.clock()
        assert len(run.model_digest) == len(run.index_digest) == 64


def test_a_run_is_logged_once_with_facts_alone(shared: Shared) -> None:
    run = shared.link()
    with shared.network.database.reading() as session:
        entries = [e for _, e in read_entries(session, after=0, limit=1000)]
    [entry] = [entry for entry in entries if entry["action"] == "linking:run:completed"]
    assert (entry["agency"], entry["run"], entry["records"], entry["clusters"]) == (None, run, 200, 160)
    text = json.dumps(entry)
    assert not any(record["handle"] in text for all_ in shared.records.values() for record in all_.values())
    for agency in ALL:
        assert not any("linking" in one["action"] for one in shared.network.nodes[agency].log())


def test_ids_survive_another_run(shared: Shared) -> None:
    shared.link()
    before = shared.members()
    shared.change("holder-1", 0, PEOPLE[110])
    shared.push("holder-1", push="push-2")
    shared.link()
    after = shared.members()
    joined = {
        (agency, shared.records[agency][n]["handle"]) for agency, n in (("holder-1", 0), ("holder-2", 110))
    }
    assert {one: c for one, c in after.items() if one not in joined} == {
        one: c for one, c in before.items() if one not in joined
    }
    assert {after[one] for one in joined} < {before[one] for one in joined}


def test_ids_survive_a_new_epoch_while_agencies_share_again_one_by_one(shared: Shared) -> None:
    shared.link()
    before = shared.members()
    shared.network.begin_epoch(shared.network.nodes["asker"], "2026-2")
    with shared.network.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LinkArray)) == 0
    shared.push("holder-1", push="push-2", epoch="2026-2")
    needed = shared.link_changes()
    assert isinstance(needed, FullRunNeeded) and "epoch" in needed.reason
    shared.link()
    assert shared.members() == before
    shared.push("holder-2", push="push-2", epoch="2026-2")
    assert isinstance(shared.link_changes(), FullRunNeeded)
    shared.link()
    assert shared.members() == before


@pytest.mark.parametrize("step", range(7))
def test_a_run_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(
    shared: Shared, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Steps: reading, scoring, clustering, and four times storing fifty records."""
    monkeypatch.setattr(linking_members, "ROWS_AT_ONCE", 50)
    network = shared.network
    with pytest.raises(Killed):
        link_all(network.database, clock=network.clock, report=killed_at(step))
    assert shared.members() == {}
    shared.link()
    resumed = shared.members()
    with network.database.reading() as session:
        runs = [(run.state, run.kind) for run in list_runs(session)]
    assert runs == [("complete", "full")]
    _forget_all_runs(network)
    shared.link()
    assert shared.members() == resumed
    assert len(resumed) == 200


def test_a_process_that_is_killed_leaves_a_run_that_goes_on(shared: Shared) -> None:
    """A real one, at a moment of the machine's own choosing behind its first words."""
    words = [KNOWNTO / "knownto", "--home", str(shared.network.home), "hub", "link"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr is not None and process.stderr.readline().startswith(b"reading")
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert shared.members() == {}
    shared.link()
    assert shared.people_of_clusters() == expected_of(shared.records)


def test_a_run_that_was_killed_goes_on_without_scoring_again(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = shared.network
    with pytest.raises(Killed):
        link_all(network.database, clock=network.clock, report=killed_at(2))
    monkeypatch.setattr("hub.linking.link", lambda *_, **__: pytest.fail("scored again"))
    shared.link()
    assert shared.people_of_clusters() == expected_of(shared.records)


def test_readers_see_the_clusters_before_until_the_new_ones_are_whole(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.link()
    before = shared.members()
    shared.change("holder-1", 0, PEOPLE[110])
    shared.push("holder-1", push="push-2")
    monkeypatch.setattr(linking_members, "ROWS_AT_ONCE", 50)
    with pytest.raises(Killed):
        link_all(shared.network.database, clock=shared.network.clock, report=killed_at(5))
    assert shared.members() == before
    shared.change("holder-1", 1, PEOPLE[111])
    shared.push("holder-1", push="push-3")
    shared.link()
    with shared.network.database.reading() as session:
        assert [run.state for run in list_runs(session)] == ["complete", "abandoned", "complete"]
        assert list(session.scalars(select(ClusterMember.run).distinct())) == [3]
        assert list(session.scalars(select(LinkArray.run).distinct())) == [3]


def test_changes_are_linked_as_a_full_run_would(shared: Shared) -> None:
    shared.link()
    before = shared.members()
    shared.change("holder-1", 0, PEOPLE[110])
    shared.change("holder-2", 159, PEOPLE[5])
    shared.records["holder-1"][159] = shared.network.nodes["holder-1"].record(
        [PEOPLE[159]], shared.network.schema
    )
    shared.push("holder-1", push="push-2")
    shared.remove("holder-2", 150, push="push-2")
    shared.push("holder-2", push="push-2")
    assert isinstance(shared.link_changes(), int)
    changed, people = shared.members(), shared.people_of_clusters()
    assert frozenset({("holder-1", 0), ("holder-2", 110)}) in people
    assert frozenset({("holder-1", 5), ("holder-2", 159)}) in people
    assert frozenset({("holder-1", 159)}) in people
    # All but the two that have moved, the new one, and at most two whose company has changed.
    assert sum(before.get(one) == cluster for one, cluster in changed.items()) >= 195
    shared.link()
    assert shared.members() == changed
    with shared.network.database.reading() as session:
        assert [run.kind for run in list_runs(session)] == ["full", "changes", "full"]


def test_an_index_that_was_emptied_needs_a_full_run_which_keeps_the_ids(shared: Shared) -> None:
    shared.link()
    before = shared.members()
    to_layout_before(shared.network.database)
    upgrade(shared.network.database)
    for agency in shared.records:
        shared.push(agency, push="push-2")
    needed = shared.link_changes()
    assert isinstance(needed, FullRunNeeded) and "destroyed" in needed.reason
    shared.link()
    assert shared.members() == before


def test_nothing_is_done_where_nothing_was_pushed(shared: Shared) -> None:
    shared.link()
    assert shared.link_changes() is None
    shared.push("holder-1", push="push-2")
    assert isinstance(shared.link_changes(), int)
    assert shared.link_changes() is None


def test_whoever_is_taken_off_the_hub_is_with_nobody_at_once(shared: Shared) -> None:
    shared.link()
    handle = shared.records["holder-1"][70]["handle"]
    shared.remove("holder-1", 70, push="push-2")
    assert ("holder-1", handle) not in shared.members()
    assert shared.network.nodes["holder-2"].call("DELETE", "/v1/caseload").status == 200
    assert {agency for agency, _ in shared.members()} == {"holder-1"}


def test_a_new_agency_and_another_model_need_a_full_run(shared: Shared) -> None:
    needed = shared.link_changes()
    assert isinstance(needed, FullRunNeeded) and "none yet" in needed.reason
    shared.link()
    runner = CliRunner()
    used = runner.invoke(knownto, ["--home", str(shared.network.home), "hub", "estimate", "--use"])
    assert used.exit_code == 0
    needed = shared.link_changes()
    assert isinstance(needed, FullRunNeeded) and "model" in needed.reason
    shared.link()
    node = shared.network.nodes["asker"]
    shared.records["asker"] = {3: node.record([PEOPLE[3]], shared.network.schema)}
    shared.push("asker", push="push-1")
    needed = shared.link_changes()
    assert isinstance(needed, FullRunNeeded) and "agency" in needed.reason


def test_a_run_that_another_has_overtaken_changes_nothing(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.link()
    before = shared.members()
    shared.change("holder-1", 0, PEOPLE[110])
    shared.push("holder-1", push="push-2")

    def overtake(message: str) -> None:
        if message == "clustering":
            with shared.network.database.writing() as session:
                session.execute(update(LinkState).values(published=LinkState.published + 1))

    with pytest.raises(ConflictError):
        link_changes(shared.network.database, clock=shared.network.clock, report=overtake)
    assert shared.members() == before
    assert isinstance(shared.link_changes(), int)


def test_a_run_is_not_taken_over_into_a_new_epoch(shared: Shared) -> None:
    def begin(message: str) -> None:
        if message == "clustering":
            shared.network.begin_epoch(shared.network.nodes["asker"], "2026-2")

    with pytest.raises(ConflictError, match="epoch"):
        link_all(shared.network.database, clock=shared.network.clock, report=begin)
    assert shared.members() == {}


@pytest.mark.parametrize("begun", [pytest.param(False, id="no epoch"), pytest.param(True, id="no records")])
def test_nothing_to_link_is_said(network: Network, begun: bool) -> None:
    if begun:
        network.begin_epoch(network.join("custodian", custodian=True))
    result = run(network)
    assert isinstance(result.exception, NotInitialisedError)
    assert exit_code(result.exception) == 10


def test_a_served_hub_links_a_push_by_itself(shared: Shared) -> None:
    shared.link()
    shared.change("holder-1", 0, PEOPLE[110])
    shared.push("holder-1", push="push-2")
    hub = shared.network.client.app.state.hub  # type: ignore[attr-defined]
    quick = replace(hub, settings=hub.settings.model_copy(update={"link_seconds": 0.02}))
    with LinkingThread(quick):
        for _ in range(500):
            with shared.network.database.reading() as session:
                if len(list_runs(session)) == 2:
                    break
            time.sleep(0.02)
        else:
            pytest.fail("the thread has linked nothing")
    assert frozenset({("holder-1", 0), ("holder-2", 110)}) in shared.people_of_clusters()


def run(network: Network, *arguments: str) -> Result:
    return CliRunner().invoke(knownto, ["--home", str(network.home), "hub", "link", *arguments])


def test_the_command_links_shows_progress_and_names_nobody(shared: Shared) -> None:
    result = run(shared.network, "--format", "json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert (shown["records"], shown["clusters"], shown["state"]) == (200, 160, "complete")
    assert "reading the index" in result.stderr and "clustering" in result.stderr
    assert not any(
        record["handle"] in result.output for all_ in shared.records.values() for record in all_.values()
    )


def test_the_command_says_when_a_full_run_is_needed_and_lists_runs(shared: Shared) -> None:
    needed = run(shared.network, "--changes")
    assert isinstance(needed.exception, CompletedWithWarnings) and exit_code(needed.exception) == 3
    assert run(shared.network).exit_code == 0
    unchanged = run(shared.network, "--changes")
    assert unchanged.exit_code == 0 and "Nothing has changed" in unchanged.stderr
    listed = json.loads(run(shared.network, "--list", "--format", "json").stdout)
    assert [one["kind"] for one in listed] == ["full"]
    assert run(shared.network, "--list", "--changes").exit_code == 2


def _forget_all_runs(network: Network) -> None:
    with network.database.writing() as session:
        session.execute(update(LinkState).values(run=None, version=0, published=0, next_cluster=1, seen=""))
        for table in (ClusterMember, LinkArray, LinkRun):
            session.execute(delete(table))
