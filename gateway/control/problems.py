"""The one table from errors to RFC 9457 problems: the only place where this door tells of a failure."""

from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.types import ExceptionHandlersMap, Scope

from gateway.access.calls import new_request_id
from gateway.access.change_decisions import ChangeRefused
from gateway.access.refusals import Refused
from gateway.access.requests.decisions import RequestRefused
from gateway.clock import text_from
from gateway.control import wording
from gateway.control.searching import TooManySearches
from gateway.errors import (
    DatabaseUnavailable,
    GatewayError,
    Invalid,
    InvalidFile,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from gateway.identity.tokens.rates import TooManyRequests
from gateway.ledger.store import is_outage

MEDIA_TYPE = "application/problem+json"
DETAIL_LENGTH_MAX = 4_000
TOLD_LENGTH_MAX = 3_000
"""Of what is told of the request's shape: every event there is fits."""

log = structlog.get_logger()


class FileFault(msgspec.Struct, frozen=True):
    """One mistake in a file."""

    line: int
    column: int
    where: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong, what it is called, and what to do about it."""

    status: int
    title: str
    """The status in words."""
    code: str
    """Stable: programs may act on it."""
    detail: str
    next_step: str = ""
    request_id: str = ""
    param: str = ""
    """The part of the request that is at fault."""
    reasons: list[str] = []
    """Every reason code of a refusal."""
    opens_at: str = ""
    """When it will be open, where the caller may know."""
    file: str = ""
    faults: list[FileFault] = []
    """Mistakes in a file, in order of lines."""
    type: str = msgspec.field(default="about:blank")


_CODES = {404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}
_NOT_UNDERSTOOD = "The request cannot be understood."
_SEE_SCHEMA = "See /schema for what is expected."
_SEE_ROUTES = "See /schema for the routes there are."
_NO_BODY = "'data'"
"""What the framework says of a body that is missing."""


def request_id_of(scope: Scope) -> str:
    """The id of this request: the one given before, or a new one that stays."""
    state: dict[str, Any] = scope.setdefault("state", {})
    request_id = state.get("request_id")
    if not isinstance(request_id, str):
        request_id = state["request_id"] = new_request_id()
    return request_id


def problem_of(error: Exception, request_id: str) -> Problem:
    """How an error is told. What was not foreseen is told without a word of what it was."""
    known = _known(error)
    faults, name = [], ""
    if isinstance(known, InvalidFile):
        faults = [FileFault(f.line, f.column, f.where, f.message) for f in known.faults]
        name = known.name
    param = known.param if isinstance(known, Invalid | Refused) else None
    opens_at = known.opens_at if isinstance(known, Refused) else None
    return Problem(
        status=known.status,
        title=HTTPStatus(known.status).phrase,
        code=known.code,
        detail=known.message[:DETAIL_LENGTH_MAX],
        next_step=known.next_step,
        request_id=request_id,
        param=param or "",
        reasons=[reason.value for reason in known.reasons]
        if isinstance(known, Refused | ChangeRefused | RequestRefused)
        else [],
        opens_at="" if opens_at is None else text_from(opens_at),
        file=name,
        faults=faults,
        type="about:blank",
    )


def failure(error: GatewayError, request_id: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body for an error outside any request that the framework handles."""
    body = msgspec.json.encode(problem_of(error, request_id))
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
    ]
    return error.status, headers, body


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The response for an error raised anywhere below this door."""
    request_id = request_id_of(request.scope)
    if is_outage(error):
        log.warning("database_failed", error=type(error).__name__, request_id=request_id)
        error = DatabaseUnavailable()
    problem = problem_of(error, request_id)
    if problem.status >= 500 and not isinstance(error, GatewayError):
        log.error("unforeseen", error=type(error).__name__, request_id=request_id, exc_info=error)
    headers = {"x-request-id": request_id, "cache-control": "no-store"}
    if problem.status == 401:
        headers["www-authenticate"] = "Bearer"
    retry_after_s = (
        error.retry_after_s if isinstance(error, Refused | Unavailable | TooManySearches | TooManyRequests) else None
    )
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    if isinstance(error, HTTPException) and problem.status == 405:
        headers["allow"] = (error.headers or {}).get("allow", "")
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


HANDLERS: ExceptionHandlersMap = {Exception: answer, HTTPException: answer}
"""For the router, and for what the app refuses before any router is found."""


def _known(error: Exception) -> GatewayError:
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, ValidationException):
        return _misshapen(error)
    if isinstance(error, RecursionError | UnicodeError):  # JSON nested without end, text that is none
        return Invalid("The request is nested too deeply, or is not text.")
    if isinstance(error, HTTPException):
        return _from_framework(error)
    return GatewayError(next_step="Try again; if it persists, tell the gateway's operator, with the request id.")


def _misshapen(error: ValidationException) -> Invalid:
    """Which parts of the request do not have the shape they should."""
    parts = error.extra if isinstance(error.extra, list) else []
    told = [(str(part.get("key", "")), str(part.get("message", ""))) for part in parts if isinstance(part, dict)]
    if told and told[0][1] == _NO_BODY:
        return Invalid("This route needs a body of JSON.", next_step=_SEE_SCHEMA)
    if not told:
        return Invalid("The request cannot be understood.", next_step=_SEE_SCHEMA)
    sentences = [wording.told(key, what) for key, what in told]
    message = "; ".join(sentence for sentence, _, _ in sentences)
    _, param, next_step = sentences[0]
    return Invalid(
        _printable(f"{message[:1].upper()}{message[1:]}."),
        param=_printable(param),
        next_step=_printable(next_step) or _SEE_SCHEMA,
    )


def _from_framework(error: HTTPException) -> GatewayError:
    status = error.status_code
    if status == 401:
        return Unauthenticated()
    if status == 413:
        return TooLarge("The request's body is larger than this gateway takes.")
    if status == 404:
        return _with_status(404, "There is no such route here.", _SEE_ROUTES)
    if status == 405:
        return _with_status(405, "This route does not take that method.", _SEE_ROUTES)
    if 400 <= status < 500:
        said = str(error.__cause__) if isinstance(error.__cause__, SerializationException) else ""
        return _with_status(status, _printable(f"{_NOT_UNDERSTOOD} {said}").strip(), _SEE_SCHEMA)
    return GatewayError(next_step="Try again; if it persists, tell the gateway's operator, with the request id.")


def _with_status(status: int, message: str, next_step: str) -> GatewayError:
    error = GatewayError(message, code=_CODES.get(status, "invalid_request"), next_step=next_step)
    error.status = status
    return error


def _printable(text: str) -> str:
    """A text as it can be shown, cut between two words where it is too long."""
    if len(text) > TOLD_LENGTH_MAX:
        text = f"{text[:TOLD_LENGTH_MAX].rpartition(' ')[0] or text[:TOLD_LENGTH_MAX]} …"
    return "".join(character if character.isprintable() else "?" for character in text)


def responses(forbidden: str) -> dict[int, ResponseSpec]:
    """How a route of this door may fail, for the schema."""
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=forbidden if status == 403 else description,
            media_type=MEDIA_TYPE,
            examples=[Example(value=_example(status, code, description))],
        )
        for status, (code, description) in _FAILURES.items()
    }


def _example(status: int, code: str, detail: str) -> dict[str, Any]:
    problem = Problem(
        status=status,
        title=HTTPStatus(status).phrase,
        code=code,
        detail=detail,
        request_id="0199f0c5-a1b2-7c3d-8e4f-5a6b7c8d9e0f",
    )
    example: dict[str, Any] = msgspec.to_builtins(problem)
    return example


_FAILURES = {
    400: ("invalid_request", "The request cannot be understood."),
    401: ("invalid_api_key", "No valid API key was presented."),
    403: ("role_required", "The key may not use this route."),
    404: ("not_found", "There is no such thing here, or none that you may see."),
    409: ("conflict", "The request is true of an older state of the thing."),
    413: ("request_too_large", "The request's body is larger than this gateway takes."),
    429: ("too_many_searches", "Too many searches of the ledger run at once."),
    503: ("unavailable", "The gateway cannot judge, record or know now."),
}
