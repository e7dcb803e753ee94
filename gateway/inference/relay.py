"""One call on its way through: read, admitted, sent on, answered, and what it cost reported.

Bytes pass untouched but for what obligations demand. The answer of a call that was cut meanwhile does
not leave; an upstream's error does, except where it would speak of the gateway's own credential.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar.types import Receive, Send

from gateway.access.gate import Gate
from gateway.access.passages import Passage
from gateway.access.refusals import Refusals
from gateway.errors import GatewayError, Invalid, TooLarge, UpstreamFailed
from gateway.identity.callers import Caller
from gateway.inference import calls
from gateway.inference.calls import Asked, Endpoint
from gateway.inference.connector.answers import Answer
from gateway.inference.connector.exchanges import Connector, Outbound
from gateway.inference.connector.faults import Unreached
from gateway.inference.connector.upstreams import Upstream
from gateway.inference.dialect import error_event, limit_headers
from gateway.inference.frames import Frames
from gateway.inference.pump import Headers, Pump
from gateway.inference.usage import read_usage
from gateway.metrics import Metrics

Pseudonym = Callable[[str, str], str]
"""Of an organisation's end user: keyed, so that nobody without the key can tell who it is."""

CREDENTIAL_STATUSES = frozenset({401, 403, 407})
"""What an upstream says of the gateway's credential is between the two."""


class ClientGone(Exception):
    """The client left before its request was complete: there is nobody to answer."""


class Relay:
    """Carries calls to upstreams."""

    def __init__(
        self,
        gate: Gate,
        connector: Connector,
        refusals: Refusals,
        metrics: Metrics,
        pseudonym: Pseudonym,
        body_bytes_max: int,
    ) -> None:
        self._gate = gate
        self._connector = connector
        self._refusals = refusals
        self._metrics = metrics
        self._pseudonym = pseudonym
        self._body_bytes_max = body_bytes_max

    async def run(self, caller: Caller, endpoint: Endpoint, request_id: str, asgi: tuple[Any, Receive, Send]) -> None:
        """Answer one call. Raises what the gate refuses and what the upstream could not do."""
        scope, receive, send = asgi
        asked = calls.read(endpoint, await self._body(scope["headers"], receive))
        end_user = self._pseudonym(caller.organisation, asked.end_user) if asked.end_user else ""
        call = asked.call(request_id, end_user=end_user)
        async with self._gate.admit(caller, endpoint.component, asked.model, call) as passage:
            target = passage.standing.in_force.strategy.inference
            upstream = self._connector.upstream(target.upstream) if target is not None else None
            if target is None or upstream is None:
                raise Unreached("No server is declared for this model.")
            outbound = Outbound(
                path=endpoint.path,
                body=calls.rewrite(
                    asked,
                    model=target.model,
                    output_tokens=passage.terms.output_tokens_imposed,
                    output_limit=upstream.output_limit,
                ),
                request_id=request_id,
                stream=asked.stream,
                traceparent=_traceparent(scope["headers"]),
            )
            await self._carry(passage, upstream, outbound, asked, receive, send)

    async def _carry(
        self, passage: Passage, upstream: Upstream, outbound: Outbound, asked: Asked, receive: Receive, send: Send
    ) -> None:
        waiting = asyncio.current_task()
        assert waiting is not None
        passage.on_cut(waiting.cancel)
        passage.sent = True
        try:
            async with self._connector.exchange(upstream.name, outbound) as answer:
                passage.upstream_request = _text(answer.headers.get(b"x-request-id", b""))
                if asked.stream and answer.status == 200:
                    await self._stream(passage, answer, asked, receive, send)
                else:
                    await self._whole(passage, upstream, answer, send)
        except asyncio.CancelledError:
            if not passage.cut_reason or waiting.uncancel() > 0:
                raise
            raise self._refusals.ended(passage.request_id, passage.cut_reason) from None
        except Unreached:
            passage.sent = False
            passage.outcome = "upstream_error"
            raise
        except UpstreamFailed:
            passage.outcome = passage.outcome or "upstream_error"
            raise

    async def _whole(self, passage: Passage, upstream: Upstream, answer: Answer, send: Send) -> None:
        body = await answer.read(upstream.limits.answer_bytes_max)
        passage.on_cut(_nothing)
        if passage.cut_reason:
            raise self._refusals.ended(passage.request_id, passage.cut_reason)
        if answer.status >= 400:
            passage.report(0, 0)
            passage.outcome = "upstream_error"
            if answer.status in CREDENTIAL_STATUSES or _speaks_of(upstream, body):
                raise UpstreamFailed("The model's server refused the gateway.")
        else:
            usage = read_usage(body)
            if usage is not None:
                passage.report(usage.prompt_tokens, usage.completion_tokens)
                self._metrics.tokens_counted(usage.prompt_tokens, usage.completion_tokens)
            passage.outcome = "complete"
        passage.status, passage.bytes_out = answer.status, len(body)
        headers = _headers(passage, answer, b"application/json")
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _stream(self, passage: Passage, answer: Answer, asked: Asked, receive: Receive, send: Send) -> None:
        def tell(error: GatewayError) -> bytes:
            return error_event(error, passage.request_id)

        passage.status = 200
        pump = Pump(answer, Frames(withhold_usage=not asked.include_usage), send, tell)
        passage.on_cut(lambda: pump.cut(tell(self._refusals.ended(passage.request_id, passage.cut_reason))))
        carried = await pump.run(receive, _headers(passage, answer, b"text/event-stream"))
        passage.outcome, passage.bytes_out = carried.outcome, carried.bytes_out
        if carried.usage is not None:
            passage.report(carried.usage.prompt_tokens, carried.usage.completion_tokens)
            self._metrics.tokens_counted(carried.usage.prompt_tokens, carried.usage.completion_tokens)

    async def _body(self, headers: list[tuple[bytes, bytes]], receive: Receive) -> bytes:
        """The whole request, within bounds. Raises TooLarge as soon as it is known to be."""
        for name, value in headers:
            if name == b"content-length" and value.isdigit() and int(value) > self._body_bytes_max:
                raise self._too_large()
            if name == b"content-encoding" and value.lower() != b"identity":
                raise Invalid("An encoded request body is not accepted.", next_step="Send plain JSON.")
        message: Any = await receive()
        body: bytes = message.get("body", b"")
        while message["type"] == "http.request" and message.get("more_body", False):
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._body_bytes_max:
                raise self._too_large()
        if message["type"] == "http.disconnect":
            raise ClientGone
        return body

    def _too_large(self) -> TooLarge:
        return TooLarge(f"A request may have at most {self._body_bytes_max} bytes.", next_step="Send less at a time.")


async def answer_json(send: Send, value: object, request_id: str) -> None:
    """A 200 with JSON."""
    body = msgspec.json.encode(value)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _headers(passage: Passage, answer: Answer, content_type: bytes) -> Headers:
    headers: Headers = [
        (b"content-type", answer.headers.get(b"content-type", content_type)),
        (b"x-request-id", passage.request_id.encode("ascii")),
        (b"x-served-model", passage.standing.in_force.strategy.release.encode("ascii")),
    ]
    if answer.status >= 400:
        headers.append((b"x-error-origin", b"upstream"))
    processing = answer.headers.get(b"openai-processing-ms")
    if processing is not None:
        headers.append((b"openai-processing-ms", processing))
    headers += limit_headers(passage.obligations, passage.taken)
    return headers


def _speaks_of(upstream: Upstream, body: bytes) -> bool:
    return upstream.credential is not None and upstream.credential.reveal().encode("ascii") in body


def _traceparent(headers: list[tuple[bytes, bytes]]) -> str:
    return next((_text(value) for name, value in headers if name == b"traceparent"), "")


def _text(value: bytes) -> str:
    return value[:128].decode("ascii", "replace")


def _nothing() -> None:
    """A call that is already answered has nothing left to cut."""
