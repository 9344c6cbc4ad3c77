"""A hub and askers as processes of their own, to be killed or starved, and what they must leave behind.

Whatever happens to them, the log verifies from its stored bytes and holds every entry that a node has
acknowledged: one whose receipt it had verified before it said so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from hub.access_log import log_size
from hub.database import Database
from hub.log_models import LogEntry
from hub.log_verify import verify_log
from tests.e2e.asking import BROKEN
from tests.federation import NETWORK, Clock, running_federation
from tests.people import people

KNOWNTO = Path(sys.executable).parent / "knownto"
ASKERS = ("first", "second")
PEOPLE = 40


class RealClock(Clock):
    """The machine's clock: the killed processes have no other."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Drill:
    """One hub process, one asking process for each asker, and what they acknowledged."""

    root: Path
    address: str
    database_url: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start the hub, or an asker."""
        if name == "hub":
            port = str(urlsplit(self.address).port)
            command = [str(KNOWNTO), "--home", str(self.root / "hub"), "hub", "serve", "--port", port]
        else:
            files = [str(self.root / name), str(self.root / "people.json"), str(self.acknowledgements(name))]
            command = [sys.executable, "-m", "tests.e2e.asking", *files]
        settings = {
            "KNOWNTO_HUB_ORIGINS": json.dumps([self.address]),
            "KNOWNTO_HUB_ANSWER_QUANTUM_SECONDS": "0",
            "KNOWNTO_HUB_STAFF_CASES_PER_DAY": "10000000",
            "KNOWNTO_HUB_NODE_CASES_PER_DAY": "10000000",
        }
        with (self.root / f"{name}.err").open("ab") as errors:
            self.processes[name] = subprocess.Popen(
                command,
                env={**os.environ, **settings},
                cwd=Path(__file__).parents[2],
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        if name == "hub":
            self._await_hub()

    def kill(self, name: str) -> None:
        """Kill it at once; it must have been alive."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        ended = process.wait(timeout=10)
        assert ended == -signal.SIGKILL, (name, ended, (self.root / f"{name}.err").read_text()[-2000:])

    def stop(self) -> None:
        """Kill whatever still runs."""
        for process in self.processes.values():
            process.kill()
            process.wait(timeout=10)

    def acknowledgements(self, name: str) -> Path:
        """Where an asker writes down what it was answered."""
        return self.root / f"{name}.acknowledged"

    def acknowledged(self) -> dict[int, str]:
        """Every answer any asker ever got: index → SHA-256 of the leaf on the wire."""
        found: dict[int, str] = {}
        for name in ASKERS:
            path = self.acknowledgements(name)
            lines = path.read_text().splitlines() if path.exists() else []
            assert BROKEN not in lines
            # The last line may be half written.
            complete = [line.split() for line in lines if len(line.split()) == 2]
            found |= {int(index): leaf for index, leaf in complete if len(leaf) == 64}
        return found

    def _await_hub(self) -> None:
        split = urlsplit(self.address)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((str(split.hostname), split.port or 0)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("the hub does not listen")


@contextmanager
def new_drill(root: Path, database_url: str) -> Iterator[Drill]:
    """A network of two askers and a holder with people, some of whom consented; its processes not started."""
    rows = people(PEOPLE)
    with running_federation(root, sockets=True, database_url=database_url, clock=RealClock()) as federation:
        for number, name in enumerate((*ASKERS, "holder")):
            federation.add(name, custodian=number == 0)
        federation.begin_epoch(["dob", "names"], custodian=ASKERS[0])
        federation.agree(*ASKERS, "holder")
        federation.share("holder", rows[: PEOPLE // 2])
        federation.consent("holder", *(row["local_id"] for row in rows[: PEOPLE // 4]))
        address, url = federation.address, federation.settings.url
        for node in federation.nodes.values():
            node.close()
    (root / "people.json").write_text(json.dumps(rows))
    drill = Drill(root, address, url)
    with ExitStack() as stack:
        stack.callback(drill.stop)
        yield drill


def require_in_order(drill: Drill) -> int:
    """The log verifies, and holds every entry that was acknowledged; returns how many were."""
    database = Database(drill.database_url, lock_timeout_seconds=10)
    acknowledged = drill.acknowledged()
    try:
        with database.reading() as session:
            verification = verify_log(session, network=NETWORK)
            assert verification.findings == ()
            assert verification.entries == log_size(session)
            for index, leaf in acknowledged.items():
                entry = session.get(LogEntry, index)
                assert entry is not None, "an acknowledged entry is lost"
                stored = hashlib.sha256(base64.b64encode(entry.leaf)).hexdigest()
                assert stored == leaf, "an acknowledged entry is another one now"
    finally:
        database.close()
    return len(acknowledged)
