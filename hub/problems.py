"""The one table: error class → code, status, title (RFC 9457; docs/protocol.md, section 3).

What the framework and the database raise becomes an error of ours here; validation errors with field and rule
and without the input: what a node sent by mistake may be a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from starlette.exceptions import HTTPException

from hub import errors

PROBLEM_TYPE = "https://known-to.example/problems/"
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """What all problems of one code share."""

    code: str
    status: int
    title: str


# Objects of the protocol whose names a node chooses: they are input, and may be anything.
NAMED_BY_NODES = ("facts", "own")

KINDS: Mapping[type[Exception], Kind] = {
    errors.MalformedError: Kind("malformed", 422, "A field breaks a rule"),
    errors.SchemaMismatchError: Kind("schema_mismatch", 422, "Another linkage schema is current"),
    errors.EpochMismatchError: Kind("epoch_mismatch", 422, "Another epoch is current"),
    errors.BodyTooLargeError: Kind("too_large", 413, "The request is too large"),
    errors.SignatureRejectedError: Kind("signature_invalid", 401, "The signature is not valid"),
    errors.RequestReplayedError: Kind("replayed", 401, "The request was seen before"),
    errors.ClockSkewError: Kind("clock_skew", 401, "The clocks of node and hub differ"),
    errors.CallerUnknownError: Kind("unknown_key", 401, "The key is not known"),
    errors.InvitationRefusedError: Kind("token_invalid", 403, "The enrolment token is not valid"),
    errors.NodeNotConfirmedError: Kind("not_confirmed", 403, "The node is not confirmed"),
    errors.RoleNotPermittedError: Kind("role_not_permitted", 403, "The role may not do this"),
    errors.AgreementMissingError: Kind("no_agreement", 403, "There is no live agreement"),
    errors.PurposeNotPermittedError: Kind("purpose_not_permitted", 403, "The purpose is not covered"),
    errors.BasisNotPermittedError: Kind("basis_not_permitted", 403, "The lawful basis is not covered"),
    errors.ApproverRequiredError: Kind("approver_required", 403, "An approver is needed"),
    errors.NotCustodianError: Kind("not_custodian", 403, "Only the key custodian may do this"),
    errors.BudgetExhaustedError: Kind("budget_exhausted", 429, "Today's budget is used up"),
    errors.NotFoundError: Kind("not_found", 404, "There is no such thing"),
    errors.ConflictError: Kind("conflict", 409, "There is other content under this id"),
    errors.LogUnavailableError: Kind("log_unavailable", 503, "The access log cannot be written"),
    errors.UnavailableError: Kind("unavailable", 503, "The hub cannot do this now"),
    errors.HubError: Kind("unexpected", 500, "Something went wrong at the hub"),
}
UNEXPECTED = KINDS[errors.HubError]


def kind_of(error: BaseException) -> Kind:
    """The kind of problem an error is, by its class or the nearest ancestor in the table."""
    for ancestor in type(error).__mro__:
        if ancestor in KINDS:
            return KINDS[ancestor]
    return UNEXPECTED


def problem_of(error: BaseException) -> tuple[Kind, dict[str, Any]]:
    """An error's problem document. Only our own messages are shown: a foreign one may quote its input."""
    error = as_hub_error(error)
    kind = kind_of(error)
    detail = (
        str(error) if isinstance(error, errors.HubError) else "nothing more is said, for it may carry a value"
    )
    return kind, format_problem(kind, detail)


def as_hub_error(error: BaseException) -> BaseException:
    """The error of ours that one of the framework or the database comes to; any other as it is."""
    if isinstance(error, SQLAlchemyError):
        return _database_problem(error)
    if isinstance(error, RequestValidationError):
        return errors.MalformedError(describe_validation(error.errors()))
    if isinstance(error, HTTPException):
        if error.status_code == HTTPStatus.BAD_REQUEST:
            return errors.MalformedError("body: cannot be read")
        return errors.NotFoundError("path: the hub has no such call")  # An unknown path or method.
    return error


def format_problem(kind: Kind, detail: str) -> dict[str, Any]:
    """An RFC 9457 document."""
    return {
        "type": f"{PROBLEM_TYPE}{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": detail,
    }


def describe_validation(problems: Sequence[Mapping[str, Any]]) -> str:
    """Validation errors as `field: rule`, at most five of them.

    A field that is not the protocol's is not named: its name is input too.
    """
    told = [f"{_field(problem)}: {_rule(problem)}" for problem in problems[:5]]
    more = len(problems) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")


def _field(problem: Mapping[str, Any]) -> str:
    location = [str(part) for part in problem["loc"] if part not in ("body", "[key]")]
    for before, name in enumerate(location[:-1], start=1):
        if name in NAMED_BY_NODES:
            location[before] = "(a name)"
    if problem["type"] == "extra_forbidden":
        location = [*location[:-1], "(a field that is not known)"]
    elif problem["type"] == "json_invalid":
        location = ["body"]
    return ".".join(location) or "body"


def _rule(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    limits = {k: v for k, v in problem.get("ctx", {}).items() if isinstance(v, int) and k != "actual_length"}
    limit = "".join(f" ({name.replace('_', ' ')} {value})" for name, value in limits.items())
    return str(problem["type"]).replace("_", " ") + limit


def _database_problem(error: SQLAlchemyError) -> errors.HubError:
    if isinstance(error, IntegrityError):
        return errors.ConflictError("another request changed the same thing at the same time; try again")
    # Whatever was asked: no call goes unlogged (each leaves at least its nonce), so none is answered.
    return errors.LogUnavailableError("the access log cannot be written; nothing is answered")
