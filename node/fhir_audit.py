"""The log as FHIR R4 AuditEvents in the shapes of IHE Basic Audit Log Patterns (BALP), for repositories.

A look-up is a `Query` at the asker; at a holder an answer that was given is a `PrivacyDisclosure.Source`, one
that was withheld a `Query` again. Events are about people only where references are asked for: then the
patient is named by this agency's own reference, and a `Query` is a `PatientQuery`. What failed claims no
profile, because BALP's profiles are for successes. Pure.

Source: https://profiles.ihe.net/ITI/BALP (1.1.3), https://hl7.org/fhir/R4/auditevent.html.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from node.answers import DISCLOSED
from node.log_lines import REFUSED_CALL, REFUSED_LOOKUP, LogLine

PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
DCM = "http://dicom.nema.org/resources/ontology/DCM"
EVENT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
INTERACTION = "http://hl7.org/fhir/restful-interaction"
LIFECYCLE = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
OWN = "https://known-to.example/fhir/"
SENDER, RECEIVER = ("110153", "Source Role ID"), ("110152", "Destination Role ID")
SUCCESS, MINOR_FAILURE = "0", "4"  # http://terminology.hl7.org/CodeSystem/audit-event-outcome
MACHINE_NAME = "1"  # http://hl7.org/fhir/network-type
AUTOMATIC = "node"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rest:
    """What an action is as an operation on a resource: BALP profile, interaction, action code, resource."""

    profile: str
    interaction: str
    action: str
    resource: str


RESOURCE_ACTIONS: Mapping[str, Rest] = {
    "consent:record:stored": Rest("Create", "create", "C", "Consent"),
    "consent:record:withdrawn": Rest("Update", "update", "U", "Consent"),
    "consent:record:objected": Rest("Update", "update", "U", "Consent"),
    "consent:record:lifted": Rest("Update", "update", "U", "Consent"),
    "agreement:document:proposed": Rest("Create", "create", "C", "Contract"),
    "agreement:document:signed": Rest("Update", "update", "U", "Contract"),
    "push:caseload:completed": Rest("Update", "update", "U", "List"),
}
# Everything else, by the beginning of its action: a DICOM event without a profile of BALP.
OTHER_ACTIONS: Mapping[str, tuple[str, str]] = {
    "log:witness:": ("110113", "Security Alert"),
    "log:export:": ("110106", "Export"),
    "log:": ("110101", "Audit Log Used"),
    "": ("110100", "Application Activity"),
}


@dataclass(frozen=True, slots=True)
class Observer:
    """Who exports.

    Attributes:
        network: The network's id.
        agency: The exporting agency; None for the hub.
        references: Whether events may carry this agency's own references of people.
    """

    network: str
    agency: str | None
    references: bool = False

    def who(self, agency: str | None) -> Json:
        """An agency, or the hub, as a logical reference."""
        kind, value = ("hub", self.network) if agency is None else ("agency", agency)
        return _reference("Device", f"{OWN}{self.network}/{kind}", value)


def format_events(lines: Iterable[LogLine], observer: Observer) -> Iterator[Json]:
    """The lines of a log as AuditEvents; a look-up gives one for every case."""
    index, number = None, 0
    for line in lines:
        number = number + 1 if line.index == index else 0
        index = line.index
        yield format_event(line, number=number, observer=observer)


def format_event(line: LogLine, *, number: int, observer: Observer) -> Json:
    """One line as an AuditEvent.

    Args:
        line: An entry, or one case of a look-up.
        number: Which line of its entry, from 0.
        observer: Who exports, and whether people may be named by reference.
    """
    if line.action.startswith(REFUSED_LOOKUP):
        shape = _query(line, number, observer) | {"outcome": MINOR_FAILURE}
        shape.pop("meta")
    elif line.action.startswith("lookup:"):
        told = line.direction == "about us" and DISCLOSED & set(line.answers.values())
        shape = _disclosure(line, observer) if told else _query(line, number, observer)
    elif line.action in RESOURCE_ACTIONS:
        shape = _operation(line, RESOURCE_ACTIONS[line.action], observer)
    else:
        shape = _activity(line, observer)
        if line.action.startswith(REFUSED_CALL):
            shape["outcome"] = MINOR_FAILURE
    event: Json = {"resourceType": "AuditEvent", "id": f"log-{line.index}-{number}", "recorded": line.at}
    event |= {"outcome": SUCCESS, **shape}
    event["subtype"] = [*shape.get("subtype", ()), _coding(f"{OWN}action", line.action)]
    if line.outcome:
        event["outcomeDesc"] = line.outcome
    if line.purpose:
        event["purposeOfEvent"] = [_concept(f"{OWN}purpose", line.purpose)]
    return event | {"source": _source(observer)}


def _query(line: LogLine, number: int, observer: Observer) -> Json:
    patient = _patient(line, observer)
    # BALP wants the request itself; the tokens that were asked with are not kept, so it is named.
    named = {"log_index": line.index, "case": number, "purpose": line.purpose, "basis": line.basis}
    query = {
        "type": _coding(ENTITY_TYPE, "2", "System Object"),
        "role": _coding(OBJECT_ROLE, "24", "Query"),
        "query": base64.b64encode(json.dumps(named, sort_keys=True).encode()).decode(),
    }
    return {
        "meta": {"profile": [PROFILE + ("PatientQuery" if patient else "Query")]},
        "type": _coding(EVENT_TYPE, "rest", "Restful Operation"),
        "subtype": [_coding(INTERACTION, "search", "search")],
        "action": "E",
        "agent": _exchange(line, observer, user="IRCP"),
        "entity": [*patient, query],
    }


def _disclosure(line: LogLine, observer: Observer) -> Json:
    unnamed = {"type": "Patient", "display": "exported without references"}
    patient = _patient(line, observer) or [_patient_entity(unnamed)]
    return {
        "meta": {"profile": [f"{PROFILE}PrivacyDisclosure.Source"]},
        "type": _coding(DCM, "110106", "Export"),
        "subtype": [_coding(LIFECYCLE, "disclose", "Disclose Record Lifecycle Event")],
        "action": "R",
        "agent": [
            _machine(observer.agency, SENDER, observer),
            _machine(line.agency, RECEIVER, observer),
            *_user(line, observer, "IRCP", "information recipient"),
        ],
        "entity": [*patient, _data("Basic", line, observer, role=("3", "Report"))],
    }


def _operation(line: LogLine, rest: Rest, observer: Observer) -> Json:
    patient = _patient(line, observer)
    return {
        "meta": {"profile": [f"{PROFILE}{'Patient' if patient else ''}{rest.profile}"]},
        "type": _coding(EVENT_TYPE, "rest", "Restful Operation"),
        "subtype": [_coding(INTERACTION, rest.interaction, rest.interaction)],
        "action": rest.action,
        "agent": _exchange(line, observer, user="AUT"),
        "entity": [*patient, _data(rest.resource, line, observer)],
    }


def _activity(line: LogLine, observer: Observer) -> Json:
    code, display = next(kind for begin, kind in OTHER_ACTIONS.items() if line.action.startswith(begin))
    return {
        "type": _coding(DCM, code, display),
        "action": "E",
        "agent": _exchange(line, observer, user="AUT"),
        "entity": [_data("Basic", line, observer)],
    }


def _exchange(line: LogLine, observer: Observer, *, user: str) -> list[Json]:
    """Client, server and user: the question flows from the agency to the hub."""
    display = {"IRCP": "information recipient", "AUT": "author (originator)"}[user]
    return [
        _machine(line.agency, SENDER, observer),
        _machine(None, RECEIVER, observer),
        *_user(line, observer, user, display),
    ]


def _machine(agency: str | None, kind: tuple[str, str], observer: Observer) -> Json:
    return {
        "type": {"coding": [_coding(DCM, *kind)]},
        "who": observer.who(agency),
        "requestor": False,
        "network": {"address": agency or f"hub of {observer.network}", "type": MACHINE_NAME},
    }


def _user(line: LogLine, observer: Observer, code: str, display: str) -> list[Json]:
    """The person for whom it was done, where there was one."""
    if line.staff in (None, AUTOMATIC):
        return []
    assert line.staff is not None
    person: Json = {
        "type": {"coding": [_coding(PARTICIPATION, code, display)]},
        "who": _reference("Practitioner", f"{OWN}{observer.network}/{line.agency}/staff", line.staff),
        "requestor": True,
    }
    if line.role:
        person["role"] = [_concept(f"{OWN}role", line.role)]
    if line.purpose:
        person["purposeOfUse"] = [_concept(f"{OWN}purpose", line.purpose)]
    return [person]


def _patient(line: LogLine, observer: Observer) -> list[Json]:
    """The person by this agency's own reference, where references are exported and there is one."""
    if not observer.references or line.reference is None:
        return []
    kind = "reference" if line.handle else "case"
    system = f"{OWN}{observer.network}/{observer.agency}/{kind}"
    return [_patient_entity(_reference("Patient", system, line.reference))]


def _patient_entity(what: Json) -> Json:
    return {
        "what": what,
        "type": _coding(ENTITY_TYPE, "1", "Person"),
        "role": _coding(OBJECT_ROLE, "1", "Patient"),
    }


def _data(
    resource: str, line: LogLine, observer: Observer, *, role: tuple[str, str] = ("4", "Domain Resource")
) -> Json:
    return {
        "what": _reference(resource, f"{OWN}{observer.network}/log", str(line.index)),
        "type": _coding(ENTITY_TYPE, "2", "System Object"),
        "role": _coding(OBJECT_ROLE, *role),
    }


def _source(observer: Observer) -> Json:
    return {
        "site": observer.network,
        "observer": observer.who(observer.agency),
        "type": [_coding(SOURCE_TYPE, "4", "Application Server")],
    }


def _reference(kind: str, system: str, value: str) -> Json:
    return {"type": kind, "identifier": {"system": system, "value": value}}


def _coding(system: str, code: str, display: str | None = None) -> Json:
    coding = {"system": system, "code": code}
    return coding if display is None else coding | {"display": display}


def _concept(system: str, code: str) -> Json:
    return {"coding": [_coding(system, code)]}
