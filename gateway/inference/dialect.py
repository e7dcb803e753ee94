"""How OpenAI's clients are told of an error: status, headers and body, or an event inside a stream.

`x-should-retry` says whether another try can help, since the clients would otherwise send 409, 429 and every
5xx again. A failure after the upstream was asked is not tried again by itself: it may have been charged for.
"""

import msgspec

from gateway.access.decisions import Obligations
from gateway.access.quotas import Exceeded, Taken
from gateway.access.refusals import Refused
from gateway.errors import CutShort, GatewayError, UpstreamFailed
from gateway.inference.connector.faults import Unreached

Headers = list[tuple[bytes, bytes]]

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}


def failure(error: GatewayError, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body for an error."""
    body = msgspec.json.encode(_object(error))
    origin = b"upstream" if isinstance(error, UpstreamFailed) else b"gateway"
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode("ascii")),
        (b"x-error-origin", origin),
    ]
    if not _may_help_later(error):
        headers.append((b"x-should-retry", b"false"))
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % retry_after_s))
    if isinstance(error, Refused) and error.exceeded is not None:
        headers += _left_headers(error.exceeded)
    return error.status, headers, body


def error_event(error: GatewayError, request_id: str) -> bytes:
    """The error as the last event of a stream, which then ends without `[DONE]`."""
    return b"data: " + msgspec.json.encode({**_object(error), "request_id": request_id}) + b"\n\n"


def limit_headers(obligations: Obligations | None, taken: Taken | None) -> Headers:
    """How much of its limits an admitted call has left its organisation; nothing where nothing is limited."""
    if obligations is None or taken is None:
        return []
    headers: Headers = []
    if obligations.requests_per_minute is not None and taken.requests_remaining is not None:
        headers += (
            (b"x-ratelimit-limit-requests", b"%d" % obligations.requests_per_minute),
            (b"x-ratelimit-remaining-requests", b"%d" % taken.requests_remaining),
        )
    if obligations.tokens_per_day is not None and taken.tokens_remaining is not None:
        headers += (
            (b"x-ratelimit-limit-tokens", b"%d" % obligations.tokens_per_day),
            (b"x-ratelimit-remaining-tokens", b"%d" % taken.tokens_remaining),
        )
    return headers


def _left_headers(exceeded: Exceeded) -> Headers:
    """How the limits stand that a call was refused by, and when all of each is there again."""
    headers: Headers = []
    for name, left in ((b"requests", exceeded.requests), (b"tokens", exceeded.tokens)):
        if left is not None:
            headers.append((b"x-ratelimit-limit-" + name, b"%d" % left.limit))
            headers.append((b"x-ratelimit-remaining-" + name, b"%d" % left.remaining))
            headers.append((b"x-ratelimit-reset-" + name, _span(left.reset_s)))
    return headers


def _span(seconds: int) -> bytes:
    """A span as OpenAI writes it: `6m0s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    written = f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s" if minutes else f"{rest}s"
    return written.encode("ascii")


def _object(error: GatewayError) -> dict[str, object]:
    param: str | None = getattr(error, "param", None)
    return {"error": {"message": error.sentence(), "type": _type(error), "param": param, "code": error.code}}


def _type(error: GatewayError) -> str:
    if error.code == "insufficient_quota":
        return "insufficient_quota"
    if error.status in _TYPES:
        return _TYPES[error.status]
    return "invalid_request_error" if error.status < 500 else "server_error"


def _may_help_later(error: GatewayError) -> bool:
    if isinstance(error, UpstreamFailed):
        return isinstance(error, Unreached)
    if isinstance(error, CutShort):
        return False
    return error.status == 503 or error.code == "rate_limit_exceeded"
