"""What of an upstream's answer a caller gets: chosen header by header, status by status.

A status that speaks of the caller's request passes with its body. One that speaks of the gateway's own
dealings with the upstream (its credential, its paths, its crashes) is told as the upstream's
failure, without a word of the body, which may name what the caller must not learn.
"""

from collections.abc import Mapping

from gateway.errors import UpstreamFailed, UpstreamTimeout
from gateway.inference.connector.answers import Answer
from gateway.inference.connector.faults import BrokenAnswer, Busy
from gateway.inference.connector.upstreams import Upstream
from gateway.inference.dialect import Headers

OF_THE_REQUEST = frozenset({400, 413, 422})
"""Error statuses that pass."""
ERROR_BYTES_MAX = 64 * 1024

_PASSING = (b"openai-processing-ms", b"openai-version", b"retry-after")
_JSON, _EVENTS = b"application/json", b"text/event-stream"


def media_type(headers: Mapping[bytes, bytes]) -> bytes:
    """The answer's media type without parameters."""
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower()


def check(answer: Answer, *, stream: bool) -> None:
    """Whether the answer's head is of a kind that may pass. Raises UpstreamFailed."""
    if answer.status in (504, 408):
        raise UpstreamTimeout
    if answer.status == 429:
        raise Busy  # the limit is that of the gateway's account there, not the caller's
    if answer.status != 200 and answer.status not in OF_THE_REQUEST:
        raise UpstreamFailed(f"The model's server answered with status {answer.status}.")
    expected = _EVENTS if stream and answer.status == 200 else _JSON
    if media_type(answer.headers) != expected:
        raise BrokenAnswer("its content type is not the one asked for")


async def read(answer: Answer, upstream: Upstream) -> bytes:
    """The body of an answer that is not streamed. Raises UpstreamFailed where it may not pass."""
    limit = upstream.limits.answer_bytes_max if answer.status == 200 else ERROR_BYTES_MAX
    body = await answer.read(limit)
    secret = upstream.credential.reveal().encode("ascii") if upstream.credential is not None else b""
    if secret and answer.status != 200 and secret in body:
        raise UpstreamFailed
    return body


def headers_for(answer: Answer, request_id: str, *, length: int | None = None) -> Headers:
    """What the caller is sent. `length` is the body's, where it is not streamed."""
    headers: Headers = [
        (b"content-type", _JSON if length is not None else _EVENTS + b"; charset=utf-8"),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    headers += [(name, answer.headers[name]) for name in _PASSING if name in answer.headers]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    else:
        headers.append((b"cache-control", b"no-store"))
    if answer.status != 200:
        headers.append((b"x-error-origin", b"upstream"))
    return headers


def upstream_request(answer: Answer) -> str:
    """The upstream's own id for the request, for the record; printable and short, or empty."""
    value = answer.headers.get(b"x-request-id", b"")[:128]
    return value.decode("ascii") if value.isascii() and value.decode("ascii").isprintable() else ""
