"""Refused writing, and reading about people, is in the log: by whom, which call, why, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.alarm_scan import scan
from hub.log_views import read_entries
from hub.service import limits_of
from keys.actors import Actor, Role
from tests.hub.conftest import EPOCH, Network

HANDLE = "0a" * 16
CALLS = [
    pytest.param("DELETE", "/v1/caseload", {"handle": HANDLE}, "officer-1", "officer", "role_not_permitted"),
    pytest.param("PUT", f"/v1/consents/{HANDLE}", {"Anna": "Smith"}, "r-1", "responder", "malformed"),
    pytest.param("POST", "/v1/epochs", None, "custodian-1", "custodian", "malformed"),
    pytest.param("POST", f"/v1/reviews/{HANDLE}/decision", {}, "ig-1", "ig", "malformed"),
    pytest.param("POST", "/v1/pushes/p-1/complete", b"\xff", "r-1", "responder", "malformed"),
    pytest.param("GET", "/v1/log", None, "officer-1", "officer", "role_not_permitted"),
    pytest.param("GET", "/v1/log?after=-2", None, "r-1", "responder", "malformed"),
    pytest.param("GET", "/v1/log/witness-request?old=0", None, "r-1", "responder", "role_not_permitted"),
    pytest.param("GET", "/v1/reviews", None, "officer-1", "officer", "role_not_permitted"),
    pytest.param("GET", "/v1/reviews?state=Anna", None, "ig-1", "ig", "malformed"),
    pytest.param("GET", f"/v1/reviews/{HANDLE}", None, "ig-1", "ig", "not_found"),
    pytest.param("GET", "/v1/reviews/summary?month=2026-13", None, "ig-1", "ig", "malformed"),
    pytest.param("GET", "/v1/consents", None, "officer-1", "officer", "role_not_permitted"),
    pytest.param("GET", "/v1/pairs", None, "ig-1", "ig", "role_not_permitted"),
    pytest.param("GET", f"/v1/pairs/{HANDLE}", None, "c-1", "coordinator", "not_found"),
    pytest.param("GET", "/v1/cohorts/mcn/references", None, "officer-1", "officer", "role_not_permitted"),
]


def call(network: Network, method: str, path: str, body: Any, staff: str, role: str) -> str | None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    node = network.nodes["holder-1"]
    return node.call(method, path, body=data, actor=Actor(staff, Role(role))).code


@pytest.mark.parametrize(("method", "path", "body", "staff", "role", "code"), CALLS)
def test_a_refused_call_is_logged_before_it_is_answered(
    partnership: Network, method: str, path: str, body: Any, staff: str, role: str, code: str
) -> None:
    assert call(partnership, method, path, body, staff, role) == code
    with partnership.database.reading() as session:
        _, entry = read_entries(session, after=0, limit=1000)[-1]
    assert (entry["action"], entry["agency"]) == (f"call:refused:{code}", "holder-1")
    assert (entry["staff"], entry["role"]) == (staff, role)
    assert entry["call"].startswith(f"{method} /v1/")
    assert HANDLE not in str(entry) and "Anna" not in str(entry)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        pytest.param("/v1/log/consistency?from=2&to=1", "malformed", id="a proof"),
        pytest.param("/v1/log/inclusion?index=9&size=8", "malformed", id="another proof"),
        pytest.param(f"/v1/epochs/{EPOCH}/envelope", "role_not_permitted", id="an envelope"),
    ],
)
def test_a_refused_reading_of_what_is_about_nobody_is_not_logged(
    partnership: Network, path: str, code: str
) -> None:
    with partnership.database.reading() as session:
        before = read_entries(session, after=0, limit=1000)
    assert call(partnership, "GET", path, None, "officer-1", "officer") == code
    with partnership.database.reading() as session:
        assert read_entries(session, after=0, limit=1000) == before


def test_refused_calls_of_one_person_raise_an_alarm(partnership: Network) -> None:
    limits = limits_of(partnership.client.app.state.hub.settings)  # type: ignore[attr-defined]
    for _ in range(limits.review.refusals_per_day):
        call(partnership, "DELETE", "/v1/caseload", None, "officer-1", "officer")
    scan(partnership.database, limits=limits, at=partnership.clock())
    found = partnership.nodes["holder-1"].call("GET", "/v1/reviews").document["reviews"]
    assert [one["kind"] for one in found] == ["refusals"]
