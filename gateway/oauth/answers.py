"""How OAuth's clients are told: the errors of RFC 6749, 5.2, and nothing that anybody may keep."""

from typing import Any

import msgspec

from gateway.errors import Conflict, GatewayError, Invalid, NotFound, Unauthenticated, Unavailable

Headers = list[tuple[bytes, bytes]]

UNSUPPORTED = "unsupported_grant_type"


def answer(status: int, told: Any, request_id: str, *, kept_s: int = 0) -> tuple[int, Headers, bytes]:
    """Status, headers and body of an answer, which others may keep so long."""
    body = b"" if told is None else msgspec.json.encode(told)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"public, max-age=%d" % kept_s if kept_s else b"no-store"),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    return status, headers, body


def failure(error: GatewayError, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body for an error."""
    # What has been ended, or is another's, is `invalid_grant`: a 4xx that is no client error has no better name here.
    status = 400 if isinstance(error, Conflict) else error.status
    told = {"error": _name(error), "error_description": _described(error.sentence())}
    _, headers, body = answer(status, told, request_id)
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="release-gateway"'))
    retry_after_s: int | None = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % retry_after_s))
    return status, headers, body


def _name(error: GatewayError) -> str:
    if isinstance(error, Unauthenticated):
        return "invalid_client"
    if isinstance(error, Invalid) and error.code == UNSUPPORTED:
        return UNSUPPORTED
    if isinstance(error, Invalid) and error.param in {"scope", "scopes"}:
        return "invalid_scope"
    if isinstance(error, Conflict):
        return "invalid_grant"
    if isinstance(error, NotFound):
        return "not_found"
    if error.status == 429:
        return "temporarily_unavailable"
    if error.status >= 500:
        return "temporarily_unavailable" if isinstance(error, Unavailable) else "server_error"
    return "invalid_request"


def _described(sentence: str) -> str:
    """What a description may have (RFC 6749, 5.2): printable ASCII without quotes and backslashes."""
    told = sentence.replace('"', "'").replace("\\", "/").replace("…", "...")
    return "".join(character if " " <= character <= "~" else "?" for character in told)
