"""Linking runs that meet: a second run, a lost lock, and records that leave while one is under way."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
from sqlalchemy import text

from hub import caseload, linking, linking_clusters, linking_members
from hub.errors import ConflictError
from hub.linking import link_all, link_changes
from hub.linking_lease import ADVISORY_LOCK, alone
from tests.documented_session import KNOWNTO
from tests.hub.conftest import Network
from tests.hub.linked_caseloads import PEOPLE, Shared, share_caseloads

# Reading, scoring, clustering, and two times storing a hundred records.
STEPS = range(5)
# Number of a person both agencies know, and of one that only the first does.
BOTH, ONE = 70, 10


@pytest.fixture
def shared(partnership: Network, monkeypatch: pytest.MonkeyPatch) -> Shared:
    monkeypatch.setattr(linking_members, "ROWS_AT_ONCE", 100)
    return share_caseloads(partnership)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def at_step(step: int, act: Callable[[], object]) -> Callable[[str], None]:
    """A report that does something once, when a run has come so far."""
    steps = iter(range(100))

    def report(_: str) -> None:
        if next(steps) == step:
            act()

    return report


def link_meeting(shared: Shared, report: Callable[[str], None]) -> int:
    return link_all(shared.network.database, clock=shared.network.clock, report=report)


def handle_of(shared: Shared, agency: str, number: int) -> tuple[str, str]:
    return agency, shared.records[agency][number]["handle"]


@pytest.mark.parametrize("step", STEPS)
def test_a_second_full_run_is_refused_while_one_is_under_way(
    shared: Shared, pool: ThreadPoolExecutor, step: int
) -> None:
    refused: list[str] = []

    def meet() -> None:
        with pytest.raises(ConflictError) as raised:
            pool.submit(shared.link).result()
        refused.append(str(raised.value))

    link_meeting(shared, at_step(step, meet))
    assert refused == ["linking: another full run is under way"]
    assert len(shared.members()) == 200
    assert shared.link() == 2, "the lock is given back"


def test_another_process_is_refused_too(shared: Shared) -> None:
    words = [KNOWNTO / "knownto", "--home", str(shared.network.home), "hub", "link"]
    met: list[subprocess.CompletedProcess[str]] = []
    act = at_step(2, lambda: met.append(subprocess.run(words, capture_output=True, text=True, check=False)))
    link_meeting(shared, act)
    assert met[0].returncode == 7 and "under way" in met[0].stderr
    assert len(shared.members()) == 200


def test_a_lock_of_a_process_that_was_killed_is_free(shared: Shared) -> None:
    """By the operating system or the server; nobody waits for a lease to run out."""
    script = (
        "import sys, time\n"
        "from hub.database import Database\n"
        "from hub.linking_lease import alone\n"
        "with alone(Database(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    url = shared.network.database.engine.url.render_as_string(hide_password=False)
    words = [str(KNOWNTO / "python"), "-c", script, url]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        with pytest.raises(ConflictError), alone(shared.network.database):
            pass
        process.kill()
    for _ in range(100):  # The server notices a connection that has gone in its own time.
        try:
            shared.link()
            break
        except ConflictError:
            time.sleep(0.05)
    assert len(shared.members()) == 200


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_was_taken_over_writes_nothing_more(
    shared: Shared, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """As if the lock had been lost: the second run completes, and the first must not touch its clusters."""
    monkeypatch.setattr(linking, "alone", lambda _: nullcontext())
    done: list[dict[Any, int]] = []

    def overtake() -> None:
        shared.link()
        done.append(shared.members())

    meet = at_step(step, overtake)
    if step == 0:  # Nothing was begun yet: it is a run of its own, behind the other.
        link_meeting(shared, meet)
    else:
        with pytest.raises(ConflictError, match="taken this run over"):
            link_meeting(shared, meet)
    assert len(done[0]) == 200
    assert shared.members() == done[0]


def test_a_run_whose_connection_was_cut_loses_its_lock_and_stops(shared: Shared) -> None:
    network = shared.network
    if network.database.engine.dialect.name == "sqlite":
        pytest.skip("a file's lock goes with its process alone")
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND (classid::bigint << 32) + objid::bigint = :key"
    )

    def lose() -> None:
        with network.database.engine.connect() as connection:
            assert connection.execute(cut, {"key": ADVISORY_LOCK}).all() == [(True,)]
        shared.link()

    with pytest.raises(ConflictError, match="taken this run over"):
        link_meeting(shared, at_step(2, lose))
    assert len(shared.members()) == 200


@pytest.mark.parametrize("again", [pytest.param(False, id="first run"), pytest.param(True, id="later run")])
@pytest.mark.parametrize("step", STEPS[1:])
def test_a_record_that_leaves_while_a_run_is_under_way_is_in_no_cluster(
    shared: Shared, step: int, again: bool
) -> None:
    if again:
        shared.link()
    gone = handle_of(shared, "holder-1", BOTH)
    link_meeting(shared, at_step(step, lambda: shared.remove("holder-1", BOTH, push="push-2")))
    assert gone not in shared.members()
    assert len(shared.members()) == 199


@pytest.mark.parametrize("again", [pytest.param(False, id="first run"), pytest.param(True, id="later run")])
def test_an_agency_that_leaves_while_a_run_is_under_way_is_in_no_cluster(shared: Shared, again: bool) -> None:
    if again:
        shared.link()

    def leave() -> None:
        assert shared.network.nodes["holder-2"].call("DELETE", "/v1/caseload").status == 200

    link_meeting(shared, at_step(3, leave))
    assert {agency for agency, _ in shared.members()} == {"holder-1"}
    assert len(shared.members()) == 100


@pytest.mark.parametrize("leaves", ["moved", "unmoved", "new"])
def test_a_record_that_leaves_while_changes_are_linked_is_in_no_cluster(shared: Shared, leaves: str) -> None:
    shared.link()
    number = {"moved": 0, "unmoved": ONE, "new": 159}[leaves]
    shared.change("holder-1", 0, PEOPLE[110])
    shared.records["holder-1"][159] = shared.network.nodes["holder-1"].record(
        [PEOPLE[159]], shared.network.schema
    )
    shared.push("holder-1", push="push-2")
    gone = handle_of(shared, "holder-1", number)
    remove = at_step(2, lambda: shared.remove("holder-1", number, push="push-3"))
    link_changes(shared.network.database, clock=shared.network.clock, report=remove)
    assert gone not in shared.members()
    assert len(shared.members()) == 200


def test_whoever_waits_for_a_new_epoch_stays_while_others_leave(shared: Shared) -> None:
    shared.link()
    network = shared.network
    network.begin_epoch(network.nodes["asker"], "2026-2")
    shared.push("holder-1", push="push-2", epoch="2026-2")
    before = shared.members()

    def remove() -> None:
        shared.remove("holder-1", BOTH, push="push-3", epoch="2026-2")

    gone = handle_of(shared, "holder-1", BOTH)
    link_meeting(shared, at_step(3, remove))
    after = {one: cluster for one, cluster in before.items() if one != gone}
    assert shared.members() == after
    shared.change("holder-1", 0, PEOPLE[1])
    shared.push("holder-1", push="push-4", epoch="2026-2")
    link_changes(
        network.database,
        clock=network.clock,
        report=at_step(2, lambda: shared.remove("holder-1", ONE, push="push-5", epoch="2026-2")),
    )
    assert sum(agency == "holder-2" for agency, _ in shared.members()) == 100
    assert len(shared.members()) == 198


def test_a_removal_that_waits_for_a_publishing_run_removes_what_it_published(
    shared: Shared, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = handle_of(shared, "holder-1", BOTH)
    waiting: list[Future[None]] = []
    publish = linking_clusters._complete

    def slowly(*arguments: Any, **more: Any) -> None:
        waiting.append(pool.submit(shared.remove, "holder-1", BOTH, push="push-2"))
        time.sleep(0.3)
        assert not waiting[0].done()
        publish(*arguments, **more)

    monkeypatch.setattr(linking_clusters, "_complete", slowly)
    shared.link()
    waiting[0].result()
    assert gone not in shared.members()


def test_a_run_that_waits_for_a_removal_does_not_publish_what_it_removed(
    shared: Shared, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shared.network.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: either is before the other")
    gone = handle_of(shared, "holder-1", BOTH)
    forget, lock = linking_members.forget_members, linking_members.lock_state
    removed, removing = threading.Event(), list[Future[None]]()

    def slowly(*arguments: Any, **more: Any) -> None:
        forget(*arguments, **more)
        removed.set()
        time.sleep(0.3)  # Not committed yet, while the run comes to its last transaction.

    def meet(session: Any) -> Any:
        removing.append(pool.submit(shared.remove, "holder-1", BOTH, push="push-2"))
        assert removed.wait(10)
        return lock(session)

    monkeypatch.setattr(caseload, "forget_members", slowly)
    monkeypatch.setattr(linking_clusters, "lock_state", meet)
    shared.link()
    removing[0].result()
    assert gone not in shared.members()
