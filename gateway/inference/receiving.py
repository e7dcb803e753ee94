"""A request as it arrives: the whole of it, within bounds, and the one header of a caller's that travels on."""

from typing import Any

from litestar.types import Receive

from gateway.errors import Invalid, TooLarge
from gateway.inference.dialect import Headers


class ClientGone(Exception):
    """The client left before its request was complete: there is nobody to answer."""


async def body(scope: Any, receive: Receive, bytes_max: int) -> bytes:
    """The whole request. Raises TooLarge as soon as it is known to be, ClientGone where its end never came."""
    headers: Headers = scope["headers"]
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > bytes_max:
            raise _too_large(bytes_max)
        if name == b"content-encoding" and value.lower() != b"identity":
            raise Invalid("An encoded request body is not accepted.", next_step="Send plain JSON.")
    at_hand = scope.get("extensions", {}).get("body")
    whole: bytes | None = at_hand() if at_hand is not None else None
    if whole is not None:
        if len(whole) > bytes_max:
            raise _too_large(bytes_max)
        return whole
    message: Any = await receive()
    received = bytes(message.get("body", b""))
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()
        received += message.get("body", b"")
        if len(received) > bytes_max:
            raise _too_large(bytes_max)
    if message["type"] == "http.disconnect":
        raise ClientGone
    return received


def traceparent(headers: Headers) -> str:
    """The caller's own, whatever it says; empty where there is none."""
    for name, value in headers:
        if name == b"traceparent":
            return value.decode("ascii", "replace")
    return ""


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"A request may have at most {bytes_max} bytes.", next_step="Send less at a time.")
