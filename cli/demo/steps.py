"""What the people of a partnership do, one after another, as the README tells them to.

Every step is commands at desks. Where two people compare something on the telephone, one desk's output is the
other desk's input here.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cli.demo.agencies import AGENCIES, BY_ID
from cli.demo.cast import PUBLIC_TASK
from cli.demo.desk import Desk, Result
from cli.demo.federation import Partnership
from cli.demo.files import typed_person
from cli.demo.generator import Caseload, Federation
from cli.demo.layout import Layout
from cli.demo.mess import is_identified

NETWORK = "demo-county"
FIELDS = "dob,initials,names,chain,nhs_number,sex,area"
CUSTODIAN = "hpft"
COORDINATING = "housing-stevenage"  # where the conference's coordinator works
HOLDER = "cgl"  # whose view of the log is shown
NOT_SHARED = "practice-mill-lane"  # has signed, and has not pushed
NOT_ASKED = "probation"  # has signed for another purpose only
# Who works at an agency: whoever runs the node and keeps its caseload, whoever reviews and signs, and at the
# conference's agency its coordinator.
KEEPER = "n-keeper"
APPROVER = "ig-lead"
STAFF = "j-coordinator"
CONFERENCE = "mdt-demo"
PURPOSE = "case_conference"

CONFERENCE_AGREEMENT = "case-conference"
PANEL_AGREEMENT = "safeguarding-panel"
MAXIMUM_AGE_DAYS = 35
CONSENT_COLUMNS = (
    "local_id", "captured_at", "method", "purposes", "recipients", "valid_until", "notice_version",
)  # fmt: skip
# Beside the people of the conference, this share of a caseload has consent on record.
CONSENT_EVERY = 60
REASON_CATEGORY = "safeguarding_adult"
REASON = "Found unwell in a doorway twice this week"
WARNINGS = 3  # exit code of a command that did its work and has something to say about rows

WITHDRAWN = ("MDT-07", "cgl")
SEALED = ("MDT-08", "hpft")


@dataclass(frozen=True, slots=True)
class Shared:
    """How an agency's caseload fared."""

    rows: int
    used: int
    weak: int
    unusable: int
    pushed: int | None  # None where the agency has not pushed


def make_hub(partnership: Partnership) -> str:
    """Make the hub, serve, add the agencies. Returns the hub's fingerprint, as its operator reads it out."""
    operator = partnership.operator
    made = operator.run("hub", "init", "--network", NETWORK, "--format", "json").document()
    partnership.serve()
    for agency in AGENCIES:
        words = ["hub", "agency", "add", agency.agency_id, "--name", agency.name, "--service", agency.service]
        words += ["--area", agency.area] if agency.area else []
        words += ["--custodian"] if agency.agency_id == CUSTODIAN else []
        operator.run(*words)
    partnership.wait_until_served()
    return str(made["fingerprint"])


def make_node(desk: Desk, *, hub: str) -> str:
    """Make an agency's node. Returns the fingerprint that it reads out."""
    agency = BY_ID[desk.name]
    words = ["init", "--hub", hub, "--agency", desk.name, "--team", agency.teams[0], "--staff", KEEPER]
    words += ["--area", agency.area] if agency.area else []
    fingerprint = str(desk.run(*words, "--format", "json").document()["fingerprint"])
    desk.run("staff", "add", APPROVER, "--roles", "ig")
    if desk.name == COORDINATING:
        desk.run("staff", "add", STAFF, "--roles", "coordinator,officer")
    return fingerprint


def make_hub_and_nodes(partnership: Partnership) -> tuple[str, dict[str, str]]:
    """Make the hub and, meanwhile, the nodes; they have not met yet.

    Returns:
        The hub's fingerprint, and the agencies' by id, as each reads it out.
    """
    nodes = partnership.begin_everywhere(lambda desk: make_node(desk, hub=partnership.address))
    return make_hub(partnership), nodes()


def enrol_agencies(
    partnership: Partnership, *, hub_fingerprint: str, fingerprints: Mapping[str, str]
) -> None:
    """Enrol every node with a one-time token, and have the operator confirm what the agency reads out."""
    operator = partnership.operator
    tokens = {
        agency: operator.run("hub", "invite", agency, "--format", "json").document()["token"]
        for agency in partnership.desks
    }

    words = ("node", "enrol", "--hub-fingerprint", hub_fingerprint)
    partnership.everywhere(lambda desk: desk.run(*words, stdin=tokens[desk.name] + "\n"))
    for agency, fingerprint in fingerprints.items():
        operator.run("hub", "confirm", agency, "--fingerprint", fingerprint)


def hand_out_key(partnership: Partnership, fingerprints: Mapping[str, str]) -> None:
    """The custodian makes the linkage key and wraps it for each; each receives its own."""
    custodian = partnership.desks[CUSTODIAN]
    custodian.run("keys", "make", "--fields", FIELDS)
    members = [agency for agency in partnership.desks if agency != CUSTODIAN]
    for agency in members:
        custodian.run("keys", "share", agency, "--fingerprint", fingerprints[agency])
    words = ("keys", "receive", "--custodian-fingerprint", fingerprints[CUSTODIAN])
    partnership.everywhere(lambda desk: desk.run(*words), but=[CUSTODIAN])


def sign_agreements(partnership: Partnership, *, on: date) -> None:
    """Propose two agreements and have every party sign what it was shown."""
    conference = [agency for agency in partnership.desks if agency != NOT_ASKED]
    _agree(
        partnership, CONFERENCE_AGREEMENT, on=on, title="Information sharing, case conference",
        parties=conference, purposes=[PURPOSE, "single_lookup"], bases=["consent", "public_task"],
    )  # fmt: skip
    _agree(
        partnership, PANEL_AGREEMENT, on=on, title="Information sharing, safeguarding panel",
        parties=sorted((COORDINATING, CUSTODIAN, NOT_ASKED)),
        purposes=["safeguarding_panel"], bases=["public_task"],
    )  # fmt: skip


def _agree(
    partnership: Partnership,
    agreement: str,
    *,
    on: date,
    title: str,
    parties: list[str],
    purposes: list[str],
    bases: list[str],
) -> None:
    path = partnership.layout.files / f"agreement-{agreement}.toml"
    path.write_text(
        f'agreement = "{agreement}"\ntitle = "{title}"\n'
        f"parties = {parties}\npurposes = {purposes}\nlawful_bases = {bases}\n"
        f"maximum_age_days = {MAXIMUM_AGE_DAYS}\n"
        f"not_before = {on - timedelta(days=1)}\nexpires = {on + timedelta(days=365)}\n"
        f'[isa]\ntitle = "Information Sharing Agreement"\nversion = "1.0"\nsha256 = "{"a" * 64}"\n'
        f'[terms_of_reference]\ntitle = "Terms of Reference"\nversion = "1.0"\nsha256 = "{"b" * 64}"\n',
        encoding="utf-8",
    )
    proposed = partnership.desks[COORDINATING].run("agreement", "propose", str(path), "--format", "json")
    digest = str(proposed.document()["digest"])
    words = ("agreement", "sign", agreement, "--yes", "--digest", digest, "--staff", APPROVER)
    others = [agency for agency in partnership.desks if agency not in parties]
    partnership.everywhere(lambda desk: desk.run(*words), but=others)


def share_caseloads(
    partnership: Partnership, county: Federation, files: Mapping[str, Path]
) -> dict[str, Shared]:
    """Check, import and push every caseload; one record is sealed before, one agency does not push."""

    def share(desk: Desk) -> Shared:
        file = files[desk.name]
        mapping = ["--map", str(file.with_suffix(".toml"))] if BY_ID[desk.name].own_headers else []
        checked = desk.run("node", "check", str(file), *mapping, "--format", "json", accept=(0, WARNINGS))
        desk.run("node", "import", str(file), *mapping, accept=(0, WARNINGS))
        if desk.name == SEALED[1]:
            desk.run("node", "seal", stdin=_local_id(county, SEALED) + "\n")
        summary = checked.document()["summary"]
        counts = {name: int(summary[name]) for name in ("rows", "used", "weak", "unusable")}
        if desk.name == NOT_SHARED:
            return Shared(**counts, pushed=None)
        pushed = desk.run("node", "push", "--format", "json").document()
        return Shared(**counts, pushed=int(pushed["shared"]))

    return partnership.everywhere(share)


def record_consents(partnership: Partnership, county: Federation, *, on: date) -> int:
    """Record consents from a list at every agency that shares; one is withdrawn again. Returns how many."""
    lists = write_consents(partnership.layout, county, on=on)

    def record(desk: Desk) -> Result:
        return desk.run("consent", "record", "--file", str(lists[desk.name][0]))

    partnership.everywhere(record, but=[NOT_SHARED])
    partnership.desks[WITHDRAWN[1]].run("consent", "withdraw", stdin=_local_id(county, WITHDRAWN) + "\n")
    return sum(count for agency, (_, count) in lists.items() if agency != NOT_SHARED)


def write_consents(layout: Layout, county: Federation, *, on: date) -> dict[str, tuple[Path, int]]:
    """Write each agency's list of consents: the people of the conference, and some of everybody else.

    Returns:
        Agency id → its file and the number of consents in it.
    """
    written = {}
    for caseload in county.caseloads:
        agency = caseload.agency
        chosen = _consenting(county, caseload)
        path = layout.files / f"consents-{agency.agency_id}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(CONSENT_COLUMNS)
            given, ends = (on - timedelta(days=30)).isoformat(), (on + timedelta(days=335)).isoformat()
            writer.writerows(
                (local_id, given, "written", f"{PURPOSE};single_lookup", "*", ends, "2026-1")
                for local_id in chosen
            )
        written[agency.agency_id] = (path, len(chosen))
    return written


def _consenting(county: Federation, caseload: Caseload) -> list[str]:
    """Local ids of those with consent on record: people of the conference, and some of everybody else.

    A row that the node will park has no record to hang a consent on; nor has somebody who is sealed.
    """
    agency = caseload.agency.agency_id
    of_conference = {
        local_id: member.consented and (member.case_ref, agency) != SEALED
        for member in county.conference
        for holder, local_id in county.local_ids(member.person.person_id).items()
        if holder == agency
    }
    return [
        row.local_id
        for number, row in enumerate(caseload.rows)
        if of_conference.get(row.local_id, number % CONSENT_EVERY == 0 and is_identified(row))
    ]


def basis_details(*, on: date) -> dict[str, str]:
    """What the conference list says of each lawful basis (`basis_detail`)."""
    return {
        "consent": f"{on - timedelta(days=14)} written",
        PUBLIC_TASK: f"{REASON_CATEGORY}; {APPROVER}; {REASON}",
    }


def approve_overrides(partnership: Partnership, county: Federation) -> int:
    """The coordinator asks for an override for every public task; whoever reviews approves. Returns how many.

    The look-up would park these cases otherwise: the approver that a list names is no approval.
    """
    desk = partnership.desks[COORDINATING]
    tasks = [member for member in county.conference if member.basis == PUBLIC_TASK]
    words = ("override", "request", "--purpose", PURPOSE, "--reason-category", REASON_CATEGORY)
    for member in tasks:
        typed = "\n".join((member.case_ref, REASON, json.dumps(typed_person(member)))) + "\n"
        made = desk.run(*words, "--staff", STAFF, "--format", "json", stdin=typed).document()
        desk.run("override", "approve", made["override"], "--yes", "--staff", APPROVER)
    return len(tasks)


def look_up(partnership: Partnership, conference_list: Path) -> Any:
    """The coordinator looks up the conference; the document of `knownto lookup --format json`."""
    return (
        partnership.desks[COORDINATING]
        .run(
            "lookup", str(conference_list), "--purpose", PURPOSE, "--conference", CONFERENCE,
            "--staff", STAFF, "--role", "coordinator", "--format", "json", accept=(0, WARNINGS),
        )
        .document()
    )  # fmt: skip


def explain(partnership: Partnership, case_ref: str, agency: str) -> Any:
    """Why an agency's answer is what it is; the document of `knownto why --format json`."""
    words = ("why", case_ref, "--agency", agency, "--format", "json")
    return partnership.desks[COORDINATING].run(*words).document()


def read_log(partnership: Partnership, agency: str) -> Any:
    """The look-ups an agency sees: its own, and those about its people."""
    return partnership.desks[agency].run("log", "show", "--format", "json").document()


def _person_id(case_ref: str) -> str:
    return case_ref.replace("MDT", "CASE")


def _local_id(county: Federation, which: tuple[str, str]) -> str:
    case_ref, agency = which
    return county.local_ids(_person_id(case_ref))[agency]
