"""What all routes share: who calls, the running hub, and how refusals look in the API description."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from hub.access_log import CALL_REFUSED_PREFIX, REFUSED_PREFIX
from hub.authentication import CallingNode, EnrollingNode
from hub.lookups import log_refusal
from hub.problems import problem_of
from hub.roles import require_permitted
from hub.schemas import Problem
from hub.service import Hub

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {"model": Problem, "description": "A problem (RFC 9457); `code` says which."}
}


async def running_hub(request: Request) -> Hub:
    """The hub this application serves."""
    hub: Hub = request.app.state.hub
    return hub


async def calling_node(request: Request) -> CallingNode:
    """The confirmed agency whose node signed the call."""
    caller = request.state.caller
    assert isinstance(caller, CallingNode)
    return caller


async def enrolling_node(request: Request) -> EnrollingNode:
    """Whoever signed an enrolment with the keys it brings."""
    caller = request.state.caller
    assert isinstance(caller, EnrollingNode)
    return caller


RunningHub = Annotated[Hub, Depends(running_hub)]
Caller = Annotated[CallingNode, Depends(calling_node)]
Enroller = Annotated[EnrollingNode, Depends(enrolling_node)]
ID = r"^[a-z0-9][a-z0-9-]{0,63}$"
AgencyId = Annotated[str, Path(pattern=ID, description="An agency's id.")]
EpochId = Annotated[str, Path(pattern=ID, description="An epoch's id.")]
AgreementId = Annotated[str, Path(pattern=ID, description="An agreement's id.")]
PushId = Annotated[str, Path(pattern=ID, description="An id the node chose for this push.")]
BatchNumber = Annotated[int, Path(ge=0, le=1_000_000, description="Number of the batch in its push.")]
Handle = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="A record's random handle.")]


class PermittedRoute(APIRoute):
    """A route for whom the table of roles names, in the state it names: asked before the body is parsed."""

    def get_route_handler(self) -> Handler:
        """Wrap the handler."""
        handle = super().get_route_handler()

        async def permitted(request: Request) -> Response:
            require_permitted((request.method, self.path), request.state.caller)
            return await handle(request)

        return permitted


class LoggedRoute(PermittedRoute):
    """A route that, where it writes, logs every refusal before it is answered, whatever the refusal is."""

    refused_prefix = CALL_REFUSED_PREFIX
    logs_reads = False

    def get_route_handler(self) -> Handler:
        """Wrap the handler."""
        handle = super().get_route_handler()
        if "GET" in (self.methods or ()) and not self.logs_reads:
            return handle

        async def logged(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:
                await run_in_threadpool(self._log_refusal, request, error)
                raise

        return logged

    def _log_refusal(self, request: Request, error: Exception) -> None:
        code = problem_of(error)[0].code
        if code == "log_unavailable":
            return
        hub: Hub = request.app.state.hub
        action, call = f"{self.refused_prefix}{code}", f"{request.method} {self.path}"
        body = getattr(request.state, "lookup", None)
        log_refusal(
            hub.database,
            request.state.caller,
            action,
            call=call,
            body=body,
            limit=hub.settings.refusals_logged_per_day,
            at=hub.clock(),
        )


class LoggedReadsRoute(LoggedRoute):
    """A route that logs refused reading too: what it shows is about people, or about who asked."""

    logs_reads = True


class LookupRoute(LoggedRoute):
    """The route of look-ups, whose refusals have a name of their own in the log."""

    refused_prefix = REFUSED_PREFIX
