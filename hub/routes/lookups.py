"""The look-up (docs/protocol.md, section 9)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hub.answers import format_answer
from hub.lookup_schemas import LookupAnswer, LookupBody
from hub.lookups import look_up
from hub.release import quanta_of
from hub.routes.calls import PROBLEMS, Caller, LookupRoute, RunningHub

router = APIRouter(prefix="/v1/lookups", tags=["look-up"], responses=PROBLEMS, route_class=LookupRoute)


@router.post("", response_model=LookupAnswer, summary="Ask which agencies know the people of some cases")
def create_lookup(body: LookupBody, request: Request, hub: RunningHub, caller: Caller) -> Response:
    """Answers for every case with one line an agency, always the same size; logged before it is answered."""
    request.state.lookup = body
    at = hub.clock()
    answered = look_up(
        hub.database,
        caller,
        body,
        body_digest=hub.pepper.digest(b"lookup", request.state.body),
        pepper=hub.pepper,
        rules=hub.rules,
        at=at,
    )
    cells = sum(len(case.tokens) for case in body.cases) * len(answered.agencies)
    request.state.quanta = quanta_of(cells, alike=answered.alike)
    document = format_answer(body, answered, signer=hub.log_signer, at=at)
    return Response(document, media_type="application/json")
