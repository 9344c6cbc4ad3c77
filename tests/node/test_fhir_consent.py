"""A consent goes out as FHIR R4 and comes back the same, whatever it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.consent import KeptConsent
from node.consent_terms import ACTORS, CAPACITIES, DATA_CLASSES, METHODS, PURPOSES, nothing_agreed
from node.fhir_consent import BASE, format_consent
from node.times import format_time
from tests.federation import terms
from tests.node.fhir_reading import parse_consent

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
HEX32 = st.binary(min_size=16, max_size=16).map(bytes.hex)
HEX64 = st.binary(min_size=32, max_size=32).map(bytes.hex)
MOMENTS = st.integers(0, 2 * 10**9).map(lambda second: format_time(datetime.fromtimestamp(second, UTC)))


def sublist(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True).map(sorted)


DOCUMENTS = st.fixed_dictionaries(
    {
        "format": st.just("consent/2"),
        "consent": HEX32,
        "version": st.integers(1, 10**6),
        "previous": st.none() | HEX64,
        "recipients": sublist(("*", "cgl", "hpft", "probation")),
        "purposes": sublist(PURPOSES),
        "data_classes": sublist(DATA_CLASSES),
        "captured_at": MOMENTS,
        "valid_from": MOMENTS,
        "valid_until": st.none() | MOMENTS,
        "method": st.sampled_from(METHODS),
        "notice_version": st.text("abc.3 -", min_size=1, max_size=8),
        "capacity": st.sampled_from(CAPACITIES),
        "acted_by": st.sampled_from(ACTORS),
        "witnessed": st.booleans(),
        "withdrawn_at": st.none() | MOMENTS,
        "objected_at": st.none() | MOMENTS,
    },
    optional={"lifts": st.just(True)},
)


def kept(document: dict[str, Any], *, local_id: str = "A1", witness: str | None = None) -> KeptConsent:
    return KeptConsent(local_id, document, witness, sent=True)


def given_consent(**changes: Any) -> dict[str, Any]:
    return {**terms(**changes).document(), "consent": "ab" * 16, "version": 1, "previous": None}


@given(
    document=DOCUMENTS, local_id=st.text(min_size=1, max_size=20), witness=st.none() | st.text(max_size=20)
)
def test_a_consent_comes_back_the_same(document: dict[str, Any], local_id: str, witness: str | None) -> None:
    before = kept(document, local_id=local_id, witness=witness)
    text = json.dumps(format_consent(before, agency="holder"))
    after = parse_consent(json.loads(text))
    assert (after.local_id, after.document, after.witness) == (local_id, document, witness)


@given(document=DOCUMENTS)
def test_the_resource_keeps_the_rules_of_fhir(document: dict[str, Any]) -> None:
    resource = format_consent(kept(document), agency="holder")
    # Cardinalities of R4 and its invariant ppc-1: a policy or a policy rule.
    assert {"resourceType", "status", "scope", "category", "policyRule"} <= set(resource)
    assert resource["status"] in ("active", "inactive", "rejected")
    _no_empty(resource)
    for extension in (*resource["extension"], *resource["provision"].get("extension", ())):
        assert extension["url"].startswith(f"{BASE}/StructureDefinition/")
        assert len([name for name in extension if name.startswith("value")]) == 1


def _no_empty(value: Any) -> None:
    """FHIR JSON has neither empty arrays and objects nor nulls."""
    assert value not in ([], {}, None)
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _no_empty(one)


@pytest.mark.parametrize(
    ("document", "status", "kind"),
    [
        pytest.param(given_consent(), "active", "permit", id="given"),
        pytest.param(
            {**given_consent(), "withdrawn_at": format_time(AT)}, "inactive", "permit", id="withdrawn",
        ),
        pytest.param(
            {**nothing_agreed(AT), "consent": "ab" * 16, "version": 1, "previous": None,
             "withdrawn_at": format_time(AT)}, "rejected", "deny", id="refused",
        ),
    ],
)  # fmt: skip
def test_a_reader_of_fhir_learns_what_holds(document: dict[str, Any], status: str, kind: str) -> None:
    resource = format_consent(kept(document), agency="holder")
    assert (resource["status"], resource["provision"]["type"]) == (status, kind)


def test_the_last_moment_of_a_consent_is_in_its_period() -> None:
    document = given_consent(valid_until=AT)
    period = format_consent(kept(document), agency="holder")["provision"]["period"]
    assert period["end"] == format_time(AT - timedelta(seconds=1))
