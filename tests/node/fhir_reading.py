"""A FHIR Consent read back: nothing that a consent said is lost on the way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from node.consent import KeptConsent
from node.consent_terms import EVERYONE, FORMAT, LIFTS
from node.fhir_consent import CODES, EXTENSIONS, ONE_SECOND, TIMES
from node.times import format_time, parse_time


def parse_consent(resource: Mapping[str, Any]) -> KeptConsent:
    """Read a resource made by `format_consent`; it counts as sent, for nothing is said of that."""
    said = {one["url"].removeprefix(EXTENSIONS): _value(one) for one in resource["extension"]}
    provision = resource["provision"]
    everyone = any(one["url"] == f"{EXTENSIONS}everyone" for one in provision.get("extension", ()))
    named = [actor["reference"]["identifier"]["value"] for actor in provision.get("actor", ())]
    end = provision["period"].get("end")
    document = {
        "format": FORMAT,
        "consent": resource["id"],
        "version": int(resource["meta"]["versionId"]),
        "previous": said.get("previous"),
        "recipients": sorted([*named, *([EVERYONE] if everyone else [])]),
        "purposes": sorted(_codes(provision.get("purpose", ()))),
        "data_classes": sorted(_codes(provision.get("class", ()))),
        "captured_at": resource["dateTime"],
        "valid_from": provision["period"]["start"],
        "valid_until": None if end is None else format_time(parse_time(end) + ONE_SECOND),
        "notice_version": resource["policyRule"]["coding"][0]["code"],
        "witnessed": said["witnessed"],
        **{name: said[name] for name in CODES},
        **{name: said.get(name) for name in TIMES},
        **({LIFTS: said[LIFTS]} if LIFTS in said else {}),
    }
    local_id = resource["patient"]["identifier"]["value"]
    return KeptConsent(local_id, document, said.get("witness"), sent=True)


def _codes(codings: Iterable[Mapping[str, str]]) -> Sequence[str]:
    return [coding["code"] for coding in codings]


def _value(extension: Mapping[str, Any]) -> Any:
    (value,) = (extension[name] for name in extension if name.startswith("value"))
    return value
