"""A push that is killed by the operating system, over sockets, is repeated and ends in the same state."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from hub.models import Record
from node.imports import import_records
from node.pushing import plan_push, push_caseload
from tests.federation import PASSPHRASE, Clock, Federation, records_of, running_federation
from tests.people import person

COUNT = 4_000
# `make drill KILLS=200` runs the long form.
KILLS = int(os.environ.get("KNOWNTO_DRILL_KILLS", "3"))
KNOWNTO = Path(sys.executable).parent / "knownto"


class RealClock(Clock):
    """The machine's clock: the killed process has no other."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


def held(federation: Federation) -> int:
    with federation.hub.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Record)) or 0


def test_a_killed_push_is_repeated_and_ends_in_the_same_state(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(PASSPHRASE)
    with running_federation(tmp_path / "network", sockets=True, clock=RealClock()) as federation:
        federation.add("asker", custodian=True)
        holder = federation.add("holder")
        federation.begin_epoch(["dob", "names"], custodian="asker")
        federation.agree("asker", "holder")
        rows = [person(n, dob=f"{1950 + n % 50}-{1 + n % 12:02}-{1 + n % 28:02}") for n in range(COUNT)]
        import_records(holder.store, records_of(rows), weak_rows=())
        process = subprocess.Popen(
            [KNOWNTO, "--home", str(holder.home), "node", "push"],
            env={**os.environ, "KNOWNTO_PASSPHRASE_FILE": str(passphrase)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while held(federation) < 1_200 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=10) == -signal.SIGKILL
        assert 0 < held(federation) < COUNT
        outcome = push_caseload(holder)
        assert (outcome.records, held(federation), outcome.resent_all) == (COUNT, COUNT, False)
        assert outcome.sent < COUNT
        plan = plan_push(holder)
        assert (plan.send, plan.remove, plan.unchanged) == ((), (), COUNT)


def test_pushes_killed_at_random_moments_end_in_the_same_state(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(PASSPHRASE)
    rng = random.Random(20261122)
    with running_federation(tmp_path / "network", sockets=True, clock=RealClock()) as federation:
        federation.add("asker", custodian=True)
        holder = federation.add("holder")
        federation.begin_epoch(["dob", "names"], custodian="asker")
        federation.agree("asker", "holder")
        for kill in range(KILLS):
            # Every round changes all rows, so that there is a whole caseload to send again.
            rows = [
                person(n, dob=f"{1950 + (n + kill) % 50}-{1 + n % 12:02}-{1 + n % 28:02}")
                for n in range(COUNT)
            ]
            import_records(holder.store, records_of(rows), weak_rows=())
            process = subprocess.Popen(
                [KNOWNTO, "--home", str(holder.home), "node", "push"],
                env={**os.environ, "KNOWNTO_PASSPHRASE_FILE": str(passphrase)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(rng.uniform(0.2, 3.0))
            process.kill()
            process.wait(timeout=10)
            assert push_caseload(holder).records == held(federation) == COUNT
            plan = plan_push(holder)
            assert (plan.send, plan.remove, plan.unchanged) == ((), (), COUNT), kill
