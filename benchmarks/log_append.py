"""How many look-ups a second the access log takes: durable, proved, and witnessed meanwhile.

    python -m benchmarks.log_append --database sqlite|postgresql [--seconds 20] [--threads 8]
        [--agencies 8] [--cases 1] [--history 20000]

What is timed is the whole path of a look-up's entry: leaf and parts made (one part a holder), the tree grown,
committed (SQLite `synchronous=FULL`, PostgreSQL `synchronous_commit=on`), and only then the receipt with its
inclusion proof and a signed checkpoint. All the while one more thread is every agency's witness in turn: it
fetches the request, verifies the consistency proof, cosigns and has its cosignature verified and stored.
Matching and HTTP are not in it (`benchmarks.lookup_latency`). Afterwards the log is verified from its stored
bytes. The log has a history before the clock starts, for trees get deeper. Prints JSON on stdout.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import network
from hub.access_log import Action, Subject, append_entry
from hub.authentication import CallingNode
from hub.checkpoints import LogSigner, format_receipt
from hub.database import Database
from hub.leaves import QUESTION, REASONS, WHO, holder_part
from hub.log_tree import read_head
from hub.log_verify import verify_log
from hub.models import Agency
from hub.upgrades import upgrade
from hub.witnesses import Response, format_request, quorum_of, take_response, witnessed
from keys.checkpoints import cosign, open_checkpoint, witness_key
from keys.identity import NodeIdentity
from keys.merkle import EMPTY_ROOT, verify_consistency

NETWORK = "benchmark"
HANDLE = "0a" * 16
# Between two cosignatures: many times what nodes that sync every few minutes would send.
WITNESS_SECONDS = 0.2


def main() -> None:
    """Fill, run, verify, print."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder, network.new_database(arguments.database) as url:
        database = Database(url or f"sqlite:///{Path(folder) / 'log.sqlite3'}")
        upgrade(database)
        print(json.dumps(_run(database, arguments), indent=1))
        database.close()


@dataclass
class Bench:
    """A log in use."""

    database: Database
    signer: LogSigner
    nodes: Mapping[str, NodeIdentity]
    cases: int
    done: threading.Event = field(default_factory=threading.Event)

    def look_up(self) -> float:
        """Log one look-up and make its receipt; the seconds it took."""
        began = time.perf_counter()
        at = datetime.now(UTC)
        appended = self.database.write_grouped(
            lambda session: append_entry(
                session,
                Action.LOOKUP_ANSWERED,
                agency="agency-0",
                at=at,
                facts={"purpose": "case_conference", "policy": "ab" * 32, "schema_digest": "cd" * 32},
                parts=self._parts(),
                subjects=[Subject("agency-1", HANDLE, 0)],
            )
        )
        json.dumps(format_receipt(appended, self.signer))
        return time.perf_counter() - began

    def append_until_done(self) -> list[float]:
        """One thread of look-ups."""
        taken = []
        while not self.done.is_set():
            taken.append(self.look_up())
        return taken

    def witness_until_done(self) -> int:
        """Every agency's witness in turn; how many cosignatures were stored."""
        stored, recorded = 0, dict.fromkeys(self.nodes, (0, EMPTY_ROOT))
        while not self.done.is_set():
            for agency, identity in self.nodes.items():
                recorded[agency] = self._witness(agency, identity, *recorded[agency])
                stored += 1
                time.sleep(WITNESS_SECONDS)
        return stored

    def _witness(self, agency: str, identity: NodeIdentity, old: int, root: bytes) -> tuple[int, bytes]:
        with self.database.reading() as session:
            quorum = quorum_of(session, 0)
            request = format_request(session, self.signer, agency, old=old, quorum=quorum)
        heading, _, note = request.partition("\n\n")
        proof = [base64.b64decode(line) for line in heading.split("\n")[1:]]
        offered = open_checkpoint(note, key=self.signer.key)
        verify_consistency(old=old, size=offered.size, old_root=root, root=offered.root, proof=proof)
        name, at = witness_key(NETWORK, agency, identity.public).name, datetime.now(UTC)
        line = cosign(offered.text, identity=identity, name=name, at=at)
        caller = CallingNode(
            agency,
            "node",
            "node",
            confirmed=True,
            agreements=(),
            custodian=False,
            identity=identity.public,
            request_signature="",
        )
        with self.database.writing() as session:
            take_response(session, self.signer, caller, Response(old, offered.size, 200, line), at=at)
        return offered.size, offered.root

    def _parts(self) -> dict[str, dict[str, Any]]:
        """The parts of a look-up in a conference, one holder of which matched."""
        others = [agency for agency in self.nodes if agency != "agency-0"]
        basis = {"kind": "consent", "captured_at": "2026-01-05T10:00:00Z", "method": "verbal", "scope": ["x"]}
        answers, reasons = dict.fromkeys(others, "N"), dict.fromkeys(others, "no_match")
        numbers = range(self.cases)
        held = {"case": 0, "basis": basis, "answer": "N", "reason": "withdrawn", "handle": HANDLE}
        parts: dict[str, dict[str, Any]] = {
            WHO: {"staff": "worker-1", "role": "coordinator", "request_signature": "c" * 88},
            QUESTION: {"cases": [{"case": n, "basis": basis, "answers": answers} for n in numbers]},
            REASONS: {"cases": [{"case": n, "reasons": reasons} for n in numbers]},
        }
        return parts | {holder_part(one): {"cases": [held] if one == others[0] else []} for one in others}


def _run(database: Database, arguments: argparse.Namespace) -> dict[str, Any]:
    nodes = {f"agency-{n}": NodeIdentity.generate() for n in range(arguments.agencies + 1)}
    bench = Bench(database, LogSigner(NodeIdentity.generate(), NETWORK), nodes, arguments.cases)
    _prepare(bench, arguments.history)
    with ThreadPoolExecutor(arguments.threads + 1) as pool:
        began, used = time.perf_counter(), time.process_time()
        appending = [pool.submit(bench.append_until_done) for _ in range(arguments.threads)]
        witnessing = pool.submit(bench.witness_until_done)
        time.sleep(arguments.seconds)
        bench.done.set()
        taken = sorted(second for future in appending for second in future.result())
        elapsed, processor = time.perf_counter() - began, time.process_time() - used
        cosignatures = witnessing.result()
    with database.reading() as session:
        verified = verify_log(session, network=NETWORK)
        gathered = witnessed(session, quorum=quorum_of(session, 0))
    return {
        "database": database.engine.dialect.name,
        "threads": arguments.threads,
        "agencies": arguments.agencies,
        "cases": arguments.cases,
        "lookups": len(taken),
        "lookups_per_second": round(len(taken) / elapsed, 1),
        "processor_milliseconds": round(processor / len(taken) * 1000, 2),
        "milliseconds": {
            "p50": round(statistics.median(taken) * 1000, 1),
            "p99": round(taken[int(len(taken) * 0.99)] * 1000, 1),
        },
        "cosignatures_per_second": round(cosignatures / elapsed, 1),
        "entries": verified.entries,
        "witnessed_up_to": gathered.size,
        "findings": len(verified.findings),
    }


def _prepare(bench: Bench, history: int) -> None:
    """Agencies, and a log that has been in use."""
    with bench.database.writing() as session:
        session.add_all(
            Agency(
                agency=agency, name=agency, service="housing", custodian=False, state="confirmed",
                public_key=node.public.public_key_base64, fingerprint=node.public.fingerprint,
            )
            for agency, node in bench.nodes.items()
        )  # fmt: skip
    while True:
        with bench.database.writing() as session:
            if read_head(session).size >= history:
                return
            for _ in range(500):
                append_entry(session, "log:entries:read", agency="agency-0", at=datetime.now(UTC))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    for name, default in (
        ("seconds", 20),
        ("threads", 16),
        ("agencies", 8),
        ("cases", 1),
        ("history", 20_000),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


if __name__ == "__main__":
    main()
