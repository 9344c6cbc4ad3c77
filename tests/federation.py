"""A hub and its nodes on one machine: in process without sockets, or over loopback sockets.

What `RepositorySimulator` is to python-tuf. The hub and the nodes are the real ones; only the way between
them differs, so that a test that passes in process must pass over sockets too. Time is passed in and moved by
hand; over sockets too, because both ends share this process.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from starlette.testclient import TestClient

from hub.app import create_app
from hub.homes import initialise
from hub.membership import add_agency, confirm, invite
from hub.settings import HubSettings, load_settings
from keys.actors import Actor
from keys.passphrase import PassphraseCost
from node import client as hub_client
from node.bases import Basis, ConsentBasis, PublicTaskBasis
from node.consent import record_consent
from node.consent_terms import ConsentTerms
from node.enrolment import enrol, find_hub
from node.epochs import make_epoch, receive_key, share_key
from node.home import Node, create_home
from node.identifiers import Case, Record
from node.imports import import_records
from node.in_step import send_or_say_so
from node.log_events import log_event
from node.lookups import Asking, LookupResult, look_up
from node.membership import fetch_agencies, fetch_agreements, propose_agreement, sign_agreement
from node.people import RowReader
from node.pushing import PushOutcome, push_caseload
from node.settings import make_settings
from node.staff import add_roles
from node.times import format_time, start_of_day

NETWORK = "county"
PASSPHRASE = "correct horse battery"
# The cheapest that the key store accepts: tests open dozens of them.
CHEAP = PassphraseCost(memory_kib=19_456, iterations=2, lanes=1)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LONG_AGO = date(2026, 1, 5)
ALL_PURPOSES = (
    "case_conference",
    "referral_deduplication",
    "safeguarding_panel",
    "single_lookup",
)


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def advance(self, **parts: float) -> None:
        """Move on, by the arguments of `timedelta`."""
        self.now += timedelta(**parts)


@dataclass
class Federation:
    """One network: its hub, its nodes by agency id, and the transport between them."""

    root: Path
    clock: Clock
    settings: HubSettings
    app: Any
    address: str
    open_http: Callable[[], httpx2.Client]
    nodes: dict[str, Node] = field(default_factory=dict)

    @property
    def hub(self) -> Any:
        """The running hub: settings, database, identity."""
        return self.app.state.hub

    def add(
        self,
        agency: str,
        *,
        custodian: bool = False,
        service: str = "housing",
        area: str | None = None,
        team: str = "",
    ) -> Node:
        """Add an agency, enrol its node, and have the operator confirm it."""
        with self.hub.database.writing() as session:
            name = f"{agency.title()} service"
            add_agency(session, agency, name=name, service=service, area=area, custodian=custodian)
            token = invite(session, agency, at=self.clock(), hours=24)
        node = self.make_node(agency, area=area, team=team)
        found = find_hub(node)
        enrol(node, found, token=token, hub_fingerprint=self.hub.identity.public.fingerprint)
        with self.hub.database.writing() as session:
            confirm(session, agency, fingerprint=node.identity.public.fingerprint, at=self.clock())
        # What most calls of a test are: those of somebody who keeps the caseload.
        node.actor = Actor(node.settings.staff, "responder")
        self.nodes[agency] = node
        return node

    def acting(self, agency: str, role: str) -> Node:
        """An agency's node for its first person, or for whoever reviews there."""
        node = self.nodes[agency]
        return node.acting(Actor(f"{agency}-ig" if role == "ig" else node.settings.staff, role))

    def make_node(self, agency: str, *, area: str | None = None, team: str = "") -> Node:
        """A node that has not enrolled, with two people; its first acts as its operator."""
        settings = make_settings(
            hub=self.address, agency=agency, area=area, team=team, staff=f"{agency}-staff"
        )
        node = create_home(self.root / agency, settings, PASSPHRASE, cost=CHEAP, clock=self.clock)
        add_roles(node.store, f"{agency}-ig", ["ig"], by=settings.staff, at=self.clock())
        node.http, node.actor = self.open_http(), Actor(settings.staff, "operator")
        return node

    def begin_epoch(self, fields: Sequence[str], *, custodian: str) -> None:
        """Have the custodian make a key, hand it to everybody else, and everybody receive it."""
        keeper = self.acting(custodian, "custodian")
        make_epoch(keeper, fields)
        for agency, node in self.nodes.items():
            if agency == custodian:
                continue
            share_key(keeper, agency, fingerprint=node.identity.public.fingerprint)
            receive_key(
                self.acting(agency, "custodian"), custodian_fingerprint=keeper.identity.public.fingerprint
            )

    def agree(self, *parties: str, sign: Sequence[str] | None = None, **changes: Any) -> str:
        """Propose an agreement and have its parties sign it; by default all do."""
        document = agreement_document(parties, at=self.clock(), **changes)
        propose_agreement(self.acting(parties[0], "ig").client(), document)
        for agency in parties if sign is None else sign:
            node = self.acting(agency, "ig")
            client = node.client()
            for found in fetch_agreements(client, fetch_agencies(client, node.store)):
                if found.agreement == document["agreement"]:
                    sign_agreement(client, found)
        return str(document["agreement"])

    def share(self, agency: str, rows: Sequence[Mapping[str, str]]) -> PushOutcome:
        """Import rows as an agency's caseload, and push."""
        node = self.nodes[agency]
        import_records(node.store, records_of(rows), weak_rows=())
        return push_caseload(node)

    def consent(self, agency: str, *local_ids: str, **changes: Any) -> None:
        """Record consent of an agency's people, by default for everyone and every purpose."""
        for local_id in local_ids:
            record_consent(self.nodes[agency], local_id, terms(**changes))
        send_or_say_so(self.nodes[agency])

    def approve(
        self, agency: str, basis: PublicTaskBasis, *, purpose: str = "case_conference"
    ) -> PublicTaskBasis:
        """Have the approver a basis names log their approval, as the agency's node would."""
        reason = {"reason_category": basis.category, "reason_commitment": basis.reason.digest}
        approver = self.nodes[agency].acting(Actor(basis.approver, "ig"))
        own = {"override": basis.override} | reason
        log_event(approver, "override:approval:given", facts={"purpose": purpose}, own=own)
        return basis

    def ask(self, agency: str, *rows: Mapping[str, str], **changes: Any) -> LookupResult:
        """Look rows up as an agency."""
        basis = changes.pop("basis", consent_basis())
        asking = Asking(
            **{"staff": f"{agency}-staff", "role": "coordinator", "purpose": "case_conference", **changes}
        )
        cases = [(case_of(row, number), basis) for number, row in enumerate(rows, start=2)]
        return look_up(self.nodes[agency], cases, asking)

    def words(self, agency: str, row: Mapping[str, str], **changes: Any) -> dict[str, str]:
        """The answer words about one person, by agency."""
        (case,) = self.ask(agency, row, **changes).cases
        return {answer.agency: str(answer.word) for answer in case.answers}


@contextmanager
def running_federation(
    root: Path, *, sockets: bool = False, database_url: str = "", clock: Clock | None = None
) -> Iterator[Federation]:
    """Start a hub; nodes are added by the test.

    Args:
        root: An empty folder.
        sockets: Whether to speak over loopback sockets.
        database_url: The hub's database; SQLite in its home by default.
        clock: The time of hub and nodes.
    """
    clock = clock or Clock()
    initialise(root / "hub", network=NETWORK, database_url=database_url)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0))) if sockets else None
        address = f"http://127.0.0.1:{listener.getsockname()[1]}" if listener else "https://hub.test"
        settings = load_settings(root / "hub").model_copy(
            update={"origins": (address,), "answer_quantum_seconds": 0.0}
        )
        app = create_app(settings, clock=clock)
        stack.callback(app.state.hub.database.close)
        if listener is not None:
            stack.enter_context(serving(app, listener))
        open_http = partial(_socket_client, address) if listener else partial(_local_client, app)
        federation = Federation(root, clock, settings, app, address, open_http)
        try:
            yield federation
        finally:
            for node in federation.nodes.values():
                node.close()


def _local_client(app: Any) -> httpx2.Client:
    return TestClient(app, base_url="https://hub.test", raise_server_exceptions=False)


def _socket_client(address: str) -> httpx2.Client:
    return hub_client.open_http(address, timeout_seconds=30)


@contextmanager
def serving(app: Any, listener: socket.socket) -> Iterator[None]:
    """Serve an app on a listening socket, in a thread."""
    # The federation closes the database itself, so that both transports end alike.
    config = uvicorn.Config(app, log_level="critical", access_log=False, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def records_of(rows: Sequence[Mapping[str, str]]) -> list[Record]:
    """Rows with the contract's names → records, as the reader of files makes them."""
    reader = RowReader(today=NOW.date())
    records = []
    for number, row in enumerate(rows, start=2):
        ways, _ = reader.identifiers(row, number)
        records.append(
            Record(
                row=number,
                local_id=row["local_id"],
                identifiers=ways,
                area=row.get("area"),
                opened=_day(row.get("opened")),
                closed=_day(row.get("closed")),
                team=row.get("team"),
            )
        )
    return records


def case_of(row: Mapping[str, str], number: int = 2) -> Case:
    """A row → a case to ask about."""
    ways, _ = RowReader(today=NOW.date()).identifiers(row, number)
    return Case(number, row.get("case_ref", f"case {number}"), ways, row.get("area"))


def terms(**changes: Any) -> ConsentTerms:
    """Consent for everyone and every purpose, given long ago."""
    return ConsentTerms(
        **{
            "recipients": ("*",),
            "purposes": ALL_PURPOSES,
            "captured_at": start_of_day(LONG_AGO),
            "valid_from": start_of_day(LONG_AGO),
            "valid_until": None,
            "method": "written",
            "notice_version": "2",
            **changes,
        }
    )


def consent_basis() -> Basis:
    """The asker holds consent, given long ago."""
    return ConsentBasis(start_of_day(LONG_AGO), "written")


def agreement_document(parties: Sequence[str], *, at: datetime, **changes: Any) -> dict[str, Any]:
    """An agreement between parties, live for a year around now."""
    paper = {"title": "Paper", "version": "1", "sha256": "0" * 64}
    return {
        "format": "agreement/1",
        "agreement": "sharing",
        "title": "Information sharing",
        "isa": paper,
        "terms_of_reference": paper,
        "parties": sorted(parties),
        "purposes": sorted(ALL_PURPOSES),
        "lawful_bases": ["consent", "public_task"],
        "maximum_age_days": 35,
        "not_before": format_time(at - timedelta(days=180)),
        "expires": format_time(at + timedelta(days=180)),
        **changes,
    }


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
