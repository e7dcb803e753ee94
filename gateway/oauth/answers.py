"""How OAuth's clients are told: the errors of RFC 6749, 5.2, and nothing that anybody may keep."""

from typing import Any

import msgspec

from gateway.errors import Conflict, GatewayError, Invalid, NotFound, Unauthenticated, Unavailable

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]
"""Status, headers and body."""

UNSUPPORTED = "unsupported_grant_type"

OAUTHS_OWN = frozenset(
    {
        UNSUPPORTED,
        "invalid_grant",
        "invalid_scope",
        "invalid_client",
        "unsupported_response_type",
        "access_denied",
        "authorization_pending",
        "slow_down",
        "expired_token",
    }
)
"""Codes that are told as they are (RFC 6749, 4.1.2.1 and 5.2; RFC 8628, 3.5)."""


def answer(status: int, told: Any, request_id: str, *, kept_s: int = 0) -> Answer:
    """Status, headers and body of an answer, which others may keep so long."""
    body = b"" if told is None else msgspec.json.encode(told)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"public, max-age=%d" % kept_s if kept_s else b"no-store"),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    return status, headers, body


def sent_to(address: str, request_id: str) -> Answer:
    """An answer that sends a browser on."""
    headers = [
        (b"location", address.encode("ascii")),
        (b"content-length", b"0"),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    return 303, headers, b""


def failure(error: GatewayError, request_id: str) -> Answer:
    """Status, headers and body for an error."""
    status = status_of(error)
    told = {"error": name_of(error), "error_description": described(error.sentence())}
    _, headers, body = answer(status, told, request_id)
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="release-gateway"'))
    return status, headers + when_to_come_back(error), body


def when_to_come_back(error: GatewayError) -> Headers:
    """The header that says so, where the error knows."""
    retry_after_s: int | None = getattr(error, "retry_after_s", None)
    return [] if retry_after_s is None else [(b"retry-after", b"%d" % retry_after_s)]


def status_of(error: GatewayError) -> int:
    """The status of an error in this shape.

    What has been ended, or is another's, is `invalid_grant`: a 4xx that is no client error has no better name here.
    """
    return 400 if isinstance(error, Conflict) else error.status


def name_of(error: GatewayError) -> str:
    """What OAuth calls an error."""
    if isinstance(error, Unauthenticated):
        return "invalid_client"
    if isinstance(error, Invalid) and error.code in OAUTHS_OWN:
        return error.code
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


def described(sentence: str) -> str:
    """What a description may have (RFC 6749, 5.2): printable ASCII without quotes and backslashes."""
    told = sentence.replace('"', "'").replace("\\", "/").replace("…", "...")
    return "".join(character if " " <= character <= "~" else "?" for character in told)
