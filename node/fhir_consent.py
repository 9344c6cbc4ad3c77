"""Consent as FHIR R4 `Consent`, without loss: for agencies that keep consents in a clinical system.

What FHIR has a place for stands there: who (`patient`, the agency's own reference), when (`dateTime`), which
notice (`policyRule`), and as `provision` the dates, recipients, purposes and data classes. In FHIR an empty
list means everybody or everything, and here nobody or nothing: a consent that reaches nothing is therefore a
`deny`, and everyone is said by an extension. `period.end` is inclusive in FHIR; here an end is the moment
after, so a second is taken off. The rest are extensions under `EXTENSIONS`.

Source: https://hl7.org/fhir/R4/consent.html, https://hl7.org/fhir/R4/extensibility.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from node.consent import KeptConsent
from node.consent_terms import EVERYONE, LIFTS
from node.times import format_time, parse_time

Json = dict[str, Any]
BASE = "https://known-to.example/fhir"
EXTENSIONS = f"{BASE}/StructureDefinition/consent-"
PURPOSES, DATA_CLASSES = f"{BASE}/CodeSystem/purpose", f"{BASE}/CodeSystem/data-class"
AGENCIES, PEOPLE, NOTICES = f"{BASE}/NamingSystem/agency", f"{BASE}/NamingSystem/person", f"{BASE}/notice"
SCOPE = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
CATEGORY = {"system": "http://loinc.org", "code": "59284-0", "display": "Consent Document"}
RECIPIENT = {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}
# Kept as extensions with values of these FHIR types; an extension that is not there stands for null.
CODES = ("method", "capacity", "acted_by")
TIMES = ("withdrawn_at", "objected_at")
ONE_SECOND = timedelta(seconds=1)


def format_consent(kept: KeptConsent, *, agency: str) -> Json:
    """One version of a consent as a FHIR resource.

    Args:
        kept: The consent.
        agency: The agency that holds it.
    """
    document = kept.document
    return {
        "resourceType": "Consent",
        "id": document["consent"],
        "meta": {"versionId": str(document["version"])},
        "extension": _extensions(kept),
        "status": _status(document),
        "scope": {"coding": [SCOPE]},
        "category": [{"coding": [CATEGORY]}],
        "patient": {"identifier": {"system": f"{PEOPLE}/{agency}", "value": kept.local_id}},
        "dateTime": document["captured_at"],
        "organization": [_agency(agency)],
        "policyRule": {
            "coding": [{"system": NOTICES, "code": document["notice_version"]}],
            "text": "Privacy notice",
        },
        "provision": _provision(document),
    }


def _status(document: Mapping[str, Any]) -> str:
    """`rejected` was never agreed to, `inactive` no longer holds; whether the dates do is for the reader."""
    if document["withdrawn_at"] is None and document["objected_at"] is None:
        return "active"
    return "inactive" if document["recipients"] else "rejected"


def _extensions(kept: KeptConsent) -> list[Json]:
    document = kept.document
    values: dict[str, Json | None] = {
        **{name: {"valueCode": document[name]} for name in CODES},
        "witnessed": {"valueBoolean": document["witnessed"]},
        "witness": None if kept.witness is None else {"valueString": kept.witness},
        "previous": None if document["previous"] is None else {"valueString": document["previous"]},
        LIFTS: {"valueBoolean": True} if document.get(LIFTS) else None,
        **{name: None if document[name] is None else {"valueDateTime": document[name]} for name in TIMES},
    }
    return [{"url": f"{EXTENSIONS}{name}", **value} for name, value in values.items() if value is not None]


def _provision(document: Mapping[str, Any]) -> Json:
    period = {"start": document["valid_from"]}
    if document["valid_until"] is not None:
        period["end"] = format_time(parse_time(document["valid_until"]) - ONE_SECOND)
    named = [agency for agency in document["recipients"] if agency != EVERYONE]
    reaches = document["recipients"] and document["purposes"] and document["data_classes"]
    provision: Json = {"type": "permit" if reaches else "deny", "period": period}
    if EVERYONE in document["recipients"]:
        provision["extension"] = [{"url": f"{EXTENSIONS}everyone", "valueBoolean": True}]
    lists = {
        "actor": [{"role": {"coding": [RECIPIENT]}, "reference": _agency(agency)} for agency in named],
        "purpose": [{"system": PURPOSES, "code": purpose} for purpose in document["purposes"]],
        "class": [{"system": DATA_CLASSES, "code": one} for one in document["data_classes"]],
    }
    return provision | {
        name: entries for name, entries in lists.items() if entries
    }  # FHIR has no empty lists.


def _agency(agency: str) -> Json:
    return {"identifier": {"system": AGENCIES, "value": agency}}
