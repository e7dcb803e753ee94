"""How this door's clients are told: resources, and errors in SCIM's own shape.

RFC 7644, sections 3.12 (errors) and 8.1 (media type).
"""

from typing import Any

import msgspec

from gateway.errors import Conflict, GatewayError, Invalid, Unavailable

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

TYPES = frozenset(
    {"invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath", "noTarget", "invalidValue"}
)
"""Names of errors that the standard knows (RFC 7644, table 9)."""


def answer(status: int, told: Any, request_id: str, *more: tuple[bytes, bytes]) -> Answer:
    """Status, headers and body of an answer; nobody is to keep what stands in it."""
    body = b"" if told is None else msgspec.json.encode(told)
    headers = [
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode("ascii")),
        *more,
    ]
    if body:
        headers.append((b"content-type", b"application/scim+json; charset=utf-8"))
    return status, headers, body


def failure(error: GatewayError, request_id: str) -> Answer:
    """Status, headers and body for an error. Its code, which SCIM has no place for, stands in a header."""
    told: dict[str, Any] = {"schemas": [ERROR], "status": str(error.status), "detail": error.sentence()}
    name = _name(error)
    if name:
        told["scimType"] = name
    more = [(b"x-error-code", error.code.encode("ascii"))]
    if error.status == 401:
        more.append((b"www-authenticate", b'Bearer realm="release-gateway"'))
    if isinstance(error, Unavailable) and error.retry_after_s is not None:
        more.append((b"retry-after", b"%d" % error.retry_after_s))
    return answer(error.status, told, request_id, *more)


def _name(error: GatewayError) -> str:
    if error.code in TYPES:
        return error.code
    if isinstance(error, Invalid):
        return "invalidValue"
    return "uniqueness" if isinstance(error, Conflict) and error.status == 409 else ""
