"""The hub's API without a hub: routes, problems, and the description checked in as docs/openapi.json."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from hub.errors import HubError
from hub.problems import MEDIA_TYPE, problem_of
from hub.routes import (
    access_log,
    agreements,
    caseload,
    cohorts,
    consent,
    epochs,
    holdings,
    lookups,
    membership,
    pairs,
    reviews,
)

ROUTERS = (
    membership.public, membership.enrolments, membership.router, epochs.router, agreements.router,
    caseload.router, consent.router, holdings.router, lookups.router, access_log.router,
    access_log.proofs, reviews.router, pairs.router, cohorts.router,
)  # fmt: skip
SIGNATURE = {
    "type": "apiKey",
    "in": "header",
    "name": "Signature",
    "description": "HTTP Message Signature (RFC 9421) of the calling node, as docs/protocol.md, section 2, "
    "narrows it; answers carry the hub's.",
}


def new_api() -> FastAPI:
    """The routes and the problem handlers; `hub.app` adds a hub to serve."""
    api = FastAPI(
        title="Known To hub",
        version=version("knownto"),
        summary="Which services already know this person? Compares tokens it cannot read.",
        # Everything but health and hub is signed; pages that load scripts from elsewhere are not served at
        # all.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    for router in ROUTERS:
        api.include_router(router)
    for kind in (HubError, SQLAlchemyError, RequestValidationError, HTTPException):
        api.add_exception_handler(kind, _answer_problem)
    return api


def describe_api() -> dict[str, Any]:
    """The OpenAPI document: problems under their own media type, and who has to sign."""
    document = new_api().openapi()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            content = operation["responses"]["default"]["content"]
            content[MEDIA_TYPE] = content.pop("application/json")
            if path not in ("/v1/health", "/v1/hub"):
                operation["security"] = [{"signature": []}]
    document["components"]["securitySchemes"] = {"signature": SIGNATURE}
    return document


def format_api() -> str:
    """The text of docs/openapi.json."""
    return json.dumps(describe_api(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


async def _answer_problem(_request: Request, error: Exception) -> JSONResponse:
    kind, document = problem_of(error)
    return JSONResponse(document, status_code=kind.status, media_type=MEDIA_TYPE)


if __name__ == "__main__":
    print(format_api(), end="")
