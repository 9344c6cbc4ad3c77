"""AuditEvents against the required elements of the IHE BALP profiles, and that nobody is named unasked.

The tables are written from BALP 1.1.3 (profiles.ihe.net/ITI/BALP) and FHIR R4's AuditEvent: fixed codes, how
often an agent or an entity of a kind stands, and what each must have.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from node.fhir_audit import DCM, EVENT_TYPE, INTERACTION, LIFECYCLE, PROFILE, Observer, format_events
from node.log_lines import LogLine

AT = "2026-11-23T09:00:00Z"
REFERENCE = "LOCAL-77"
NODE = Observer("county", "holder")
NAMING = Observer("county", "holder", references=True)
HUB = Observer("county", None)

ASKED = LogLine(
    7, AT, "lookup:match:answered", "asked", "asker", "officer-1", "officer", "case_conference", "mdt-1",
    REFERENCE, "consent", outcome="holder: Known", answers={"holder": "K"},
)  # fmt: skip
TOLD = LogLine(
    8, AT, "lookup:match:answered", "about us", "asker", "officer-1", "officer", "single_lookup", None,
    REFERENCE, "consent", outcome="Known", handle="ab" * 16, answers={"holder": "K"},
)  # fmt: skip
WITHHELD = LogLine(
    9, AT, "lookup:match:answered", "about us", "asker", "officer-1", "officer", "single_lookup", None,
    REFERENCE, "consent", outcome="No shared match (withdrawn)", handle="ab" * 16, answers={"holder": "N"},
    reasons=("withdrawn",),
)  # fmt: skip
REFUSED = LogLine(10, AT, "lookup:refused:no_agreement", "asked", "asker", "officer-1", "officer")
CONSENT = LogLine(
    11, AT, "consent:record:stored", "asked", "holder", "responder-1", "responder", reference=REFERENCE,
    handle="ab" * 16,
)  # fmt: skip
WITHDRAWN = LogLine(
    12, AT, "consent:record:withdrawn", "asked", "holder", "node", "node", reference=REFERENCE,
    handle="ab" * 16,
)  # fmt: skip
LIFTED = LogLine(
    16, AT, "consent:record:lifted", "asked", "holder", "responder-1", "responder", reference=REFERENCE,
    handle="ab" * 16,
)  # fmt: skip
SIGNED = LogLine(13, AT, "agreement:document:signed", "asked", "holder", "ig-1", "ig")
EXPORT = LogLine(14, AT, "log:export:made", "asked", "holder", "ig-1", "ig")
OPERATOR = LogLine(15, AT, "node:enrolment:confirmed", "asked", None)
ALL = (ASKED, TOLD, WITHHELD, REFUSED, CONSENT, WITHDRAWN, LIFTED, SIGNED, EXPORT, OPERATOR)

REST = (EVENT_TYPE, "rest")
CLIENT, SERVER = (DCM, "110153"), (DCM, "110152")
PATIENT, OBJECT = "1", "2"
# Profile: type, subtypes of which one must stand, action, roles of the data entity, whether with a patient.
PROFILES: dict[str, tuple[tuple[str, str], set[tuple[str, str]], str, set[str], bool]] = {
    "Query": (REST, {(INTERACTION, "search")}, "E", {"24"}, False),
    "PatientQuery": (REST, {(INTERACTION, "search")}, "E", {"24"}, True),
    "Create": (REST, {(INTERACTION, "create")}, "C", {"4", "3", "20"}, False),
    "PatientCreate": (REST, {(INTERACTION, "create")}, "C", {"4", "3", "20"}, True),
    "Update": (REST, {(INTERACTION, "update"), (INTERACTION, "patch")}, "U", {"4", "3", "20"}, False),
    "PatientUpdate": (REST, {(INTERACTION, "update"), (INTERACTION, "patch")}, "U", {"4", "3", "20"}, True),
    "PrivacyDisclosure.Source": (
        (DCM, "110106"), {(LIFECYCLE, "disclose")}, "R", {"4", "3", "20"}, True,
    ),
}  # fmt: skip


def events(*lines: LogLine, observer: Observer = NODE) -> list[dict[str, Any]]:
    return list(format_events(lines, observer))


def code_of(coding: dict[str, Any]) -> tuple[str, str]:
    return coding["system"], coding["code"]


def profile_of(event: dict[str, Any]) -> str | None:
    (profile,) = event.get("meta", {"profile": [None]})["profile"]
    return None if profile is None else profile.removeprefix(PROFILE)


def require_audit_event(event: dict[str, Any]) -> None:
    """What FHIR R4 asks of every AuditEvent."""
    assert event["resourceType"] == "AuditEvent"
    assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", event["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["recorded"])
    assert set(event["type"]) >= {"system", "code"} and event["action"] in "CRUDE"
    assert event["outcome"] in {"0", "4", "8", "12"}
    assert event["agent"] and all(isinstance(agent["requestor"], bool) for agent in event["agent"])
    assert event["source"]["observer"]
    assert all("what" in entity or "query" in entity for entity in event["entity"])
    assert not any("name" in entity and "query" in entity for entity in event["entity"])  # sev-1
    assert json.loads(json.dumps(event)) == event


def require_profile(event: dict[str, Any], profile: str) -> None:
    kind, subtypes, action, roles, with_patient = PROFILES[profile]
    assert code_of(event["type"]) == kind
    assert subtypes & {code_of(one) for one in event["subtype"]}
    assert (event["action"], event["outcome"]) == (action, "0")
    by_type: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for agent in event["agent"]:
        by_type.setdefault(code_of(agent["type"]["coding"][0]), []).append(agent)
    assert len(event["agent"]) >= 2
    for machine in (CLIENT, SERVER):
        (agent,) = by_type.pop(machine)
        assert agent["who"] and agent["network"]["address"] and agent["network"]["type"] in "12345"
        assert "media" not in agent
    for (user,) in by_type.values():
        assert user["who"] and user["requestor"] is True
        assert not {"network", "media"} & set(user)
    patients = [entity for entity in event["entity"] if entity["type"]["code"] == PATIENT]
    assert len(patients) == with_patient
    for patient in patients:
        assert patient["what"]["type"] == "Patient" and patient["role"]["code"] == "1"
    (data,) = [entity for entity in event["entity"] if entity["type"]["code"] == OBJECT]
    assert data["role"]["code"] in roles
    if data["role"]["code"] == "24":
        assert base64.b64decode(data["query"], validate=True) and not {"what", "detail"} & set(data)
    else:
        assert data["what"]
    if profile == "PrivacyDisclosure.Source":
        sender = next(a for a in event["agent"] if code_of(a["type"]["coding"][0]) == CLIENT)
        assert sender["who"] == event["source"]["observer"]  # val-audit-source
        assert len(event["entity"]) >= 2


@pytest.mark.parametrize("observer", [NODE, NAMING, HUB], ids=["node", "with references", "hub"])
def test_every_entry_is_an_audit_event_of_the_profile_it_claims(observer: Observer) -> None:
    for event in events(*ALL, observer=observer):
        require_audit_event(event)
        profile = profile_of(event)
        if profile is not None:
            require_profile(event, profile)


@pytest.mark.parametrize(
    "line, plain, naming",
    [
        pytest.param(ASKED, "Query", "PatientQuery", id="asked"),
        pytest.param(TOLD, "PrivacyDisclosure.Source", "PrivacyDisclosure.Source", id="told about us"),
        pytest.param(WITHHELD, "Query", "PatientQuery", id="withheld"),
        pytest.param(REFUSED, None, None, id="refused"),
        pytest.param(CONSENT, "Create", "PatientCreate", id="consent"),
        pytest.param(WITHDRAWN, "Update", "PatientUpdate", id="withdrawal"),
        pytest.param(SIGNED, "Update", "Update", id="agreement signed"),
        pytest.param(EXPORT, None, None, id="export"),
        pytest.param(OPERATOR, None, None, id="the hub's operator"),
    ],
)
def test_an_action_has_its_profile(line: LogLine, plain: str | None, naming: str | None) -> None:
    assert [profile_of(event) for event in events(line)] == [plain]
    assert [profile_of(event) for event in events(line, observer=NAMING)] == [naming]


def test_nobody_is_named_unless_references_are_asked_for() -> None:
    plain, naming = json.dumps(events(*ALL)), json.dumps(events(*ALL, observer=NAMING))
    assert REFERENCE not in plain and "ab" * 16 not in plain + naming
    assert naming.count(REFERENCE) == 6  # Three look-ups, three versions of a consent.
    assert REFERENCE not in json.dumps(events(*ALL, observer=HUB))


def test_a_refusal_is_a_failure_and_claims_no_profile() -> None:
    (event,) = events(REFUSED)
    assert event["outcome"] == "4" and "meta" not in event


def test_the_cases_of_one_look_up_have_ids_of_their_own() -> None:
    ids = [event["id"] for event in events(ASKED, ASKED, TOLD)]
    assert ids == ["log-7-0", "log-7-1", "log-8-0"]


def test_automatic_work_has_no_user() -> None:
    (automatic,), (personal,) = events(WITHDRAWN), events(CONSENT)
    assert [agent["requestor"] for agent in automatic["agent"]] == [False, False]
    assert [agent["requestor"] for agent in personal["agent"]] == [False, False, True]


@pytest.mark.parametrize("broken", ["agent", "entity", "recorded", "outcome", "source", "type", "action"])
def test_the_check_itself_finds_what_is_missing(broken: str) -> None:
    (event,) = events(ASKED)
    with pytest.raises((AssertionError, KeyError, ValueError)):
        require_audit_event({name: value for name, value in event.items() if name != broken})
