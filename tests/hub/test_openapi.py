"""The API description: checked in, true, and every call in it says what it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.api import describe_api, format_api
from hub.routes.calls import LoggedReadsRoute, LoggedRoute, LookupRoute, PermittedRoute

CHECKED_IN = Path(__file__).parents[2] / "docs" / "openapi.json"
CALLS = [
    (path, method, operation)
    for path, methods in describe_api()["paths"].items()
    for method, operation in methods.items()
]
UNSIGNED = {"/v1/health", "/v1/hub"}


def test_the_checked_in_description_is_that_of_the_code() -> None:
    assert CHECKED_IN.read_text(encoding="utf-8") == format_api(), "python -m hub.api > docs/openapi.json"


@pytest.mark.parametrize(("path", "method", "operation"), CALLS, ids=[f"{m} {p}" for p, m, _ in CALLS])
def test_every_call_says_what_it_is_for_and_who_must_sign(
    path: str, method: str, operation: dict[str, object]
) -> None:
    assert operation["summary"] and operation["description"]
    assert ("security" in operation) == (path not in UNSIGNED)
    problem = operation["responses"]["default"]["content"]  # type: ignore[index]
    assert list(problem) == ["application/problem+json"]


def test_every_field_of_the_wire_is_closed() -> None:
    schemas = describe_api()["components"]["schemas"]
    open_ones = {name for name, schema in schemas.items() if schema.get("additionalProperties") is not False}
    assert {name for name in open_ones if schemas[name]["type"] == "object"} == {"Problem"}


def test_every_signed_call_asks_the_table_of_roles_and_writes_log_refusals() -> None:
    from hub.api import ROUTERS

    routes: list[Any] = [route for router in ROUTERS for route in router.routes]
    plain = {route.path for route in routes if not isinstance(route, PermittedRoute)}
    assert plain == UNSIGNED
    writing = {route.path: type(route) for route in routes if "GET" not in route.methods}
    assert writing.pop("/v1/lookups") is LookupRoute
    assert writing.pop("/v1/enrolments") is PermittedRoute  # Nobody vouches for its caller.
    assert set(writing.values()) == {LoggedRoute, LoggedReadsRoute}
    logged = {route.path for route in routes if "GET" in route.methods and type(route) is LoggedReadsRoute}
    assert logged == {
        "/v1/log", "/v1/log/witness-request", "/v1/reviews", "/v1/reviews/summary", "/v1/reviews/{item}",
        "/v1/consents", "/v1/pairs", "/v1/pairs/{pair}", "/v1/cohorts", "/v1/cohorts/{cohort}/references",
    }  # fmt: skip
