"""One call on its way through: read, admitted, sent on, answered, and what it cost reported.

Bytes pass untouched but for what obligations demand. The answer of a call that was cut meanwhile does
not leave; an upstream's error does, except where it would speak of the gateway's own credential.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from litestar.types import Receive, Send

from gateway.access.gate import Gate
from gateway.access.passages import Passage
from gateway.access.refusals import Refusals
from gateway.clock import SECOND, elapsed_us
from gateway.errors import GatewayError, UpstreamFailed
from gateway.identity.callers import Caller
from gateway.inference import calls, receiving, relaying
from gateway.inference.calls import Endpoint
from gateway.inference.connector.answers import Answer
from gateway.inference.connector.exchanges import Connector, Outbound
from gateway.inference.connector.faults import Unreached
from gateway.inference.connector.upstreams import Upstream
from gateway.inference.delivery import Delivery, Whole
from gateway.inference.dialect import Headers, error_event, limit_headers
from gateway.inference.frames import Frames
from gateway.inference.hangups import Hangup
from gateway.inference.pump import Bounds, Pump
from gateway.inference.usage import Usage, read_usage
from gateway.ledger.commitments import Committing, commit
from gateway.metrics import Metrics

log = structlog.get_logger()


class Relay:
    """Carries calls to upstreams."""

    def __init__(
        self,
        gate: Gate,
        connector: Connector,
        refusals: Refusals,
        metrics: Metrics,
        *,
        pseudonym: Callable[[str, str], str],
        body_bytes_max: int,
        extra_fields: frozenset[str] = frozenset(),
    ) -> None:
        """`pseudonym` names a person of an organisation so that nobody without its key can tell who it is.

        `extra_fields` are what the operator lets pass beyond what is known to be harmless.
        """
        self._gate = gate
        self._connector = connector
        self._refusals = refusals
        self._metrics = metrics
        self._pseudonym = pseudonym
        self._body_bytes_max = body_bytes_max
        self._extra_fields = extra_fields

    async def run(self, caller: Caller, endpoint: Endpoint, request_id: str, asgi: tuple[Any, Receive, Send]) -> None:
        """Answer one call. Raises what the gate refuses and what the upstream could not do."""
        scope, receive, _ = asgi
        body = await receiving.body(scope, receive, self._body_bytes_max)
        asked = calls.read(endpoint, body, self._extra_fields)
        end_user = self._pseudonym(caller.organisation, asked.end_user) if asked.end_user else ""
        call = asked.call(request_id, end_user=end_user)
        async with self._gate.admit(caller, endpoint.component, asked.model, call) as passage:
            target = passage.standing.in_force.strategy.inference
            upstream = self._connector.upstream(target.upstream) if target is not None else None
            if target is None or upstream is None:
                undeclared = Unreached("No server is declared for this model.")
                self._failed(passage, target.upstream if target is not None else "", undeclared)
                passage.status = undeclared.status
                raise undeclared
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
                traceparent=receiving.traceparent(scope["headers"]),
            )
            await self._carry(passage, upstream, outbound, withhold_usage=not asked.include_usage, asgi=asgi)

    async def _carry(
        self,
        passage: Passage,
        upstream: Upstream,
        outbound: Outbound,
        *,
        withhold_usage: bool,
        asgi: tuple[Any, Receive, Send],
    ) -> None:
        waiting = asyncio.current_task()
        assert waiting is not None
        passage.on_cut(partial(_cancel, waiting))
        passage.sent, began = True, elapsed_us()
        try:
            async with self._connector.exchange(upstream.name, outbound) as answer:
                passage.upstream_request = relaying.upstream_request(answer)
                if answer.status not in {200, 408, 504}:
                    passage.report(0, 0)  # an error has generated nothing, unless it is that of a wait given up
                relaying.check(answer, stream=outbound.stream)
                whole = None
                if outbound.stream and answer.status == 200:
                    frames = Frames(withhold_usage=withhold_usage)
                    failed = await self._stream(passage, upstream, answer, frames, asgi)
                    if failed is not None:
                        self._failed(passage, upstream.name, failed)
                else:
                    whole = await self._whole(passage, upstream, answer)
            self._metrics.upstream_answered((elapsed_us() - began) / SECOND)
            if whole is not None:
                await self._deliver(passage, whole, asgi)  # with the upstream free for others
        except asyncio.CancelledError:
            if not passage.cut_reason or waiting.uncancel() > 0:
                raise
            raise self._refusals.ended(passage.request_id, passage.cut_reason) from None
        except UpstreamFailed as failure:
            passage.sent = not isinstance(failure, Unreached)
            passage.status = failure.status
            self._failed(passage, upstream.name, failure)
            raise

    def _failed(self, passage: Passage, upstream: str, failure: UpstreamFailed) -> None:
        """Record what the upstream failed with, and tell the operator: the name and the kind, nothing that was said."""
        passage.outcome, passage.failure = "upstream_error", failure.code
        self._metrics.upstream_failed(failure.code)
        log.warning("upstream_failed", upstream=upstream, kind=failure.code, request_id=passage.request_id)

    async def _whole(self, passage: Passage, upstream: Upstream, answer: Answer) -> Whole:
        """The whole of a plain answer, counted. Of what it cost nothing depends on whether the client takes it."""
        body = await relaying.read(answer, upstream)
        if answer.status == 200:
            self._count(passage, read_usage(body))
        else:
            passage.report(0, 0)
        passage.status = answer.status
        headers = relaying.headers_for(answer, passage.request_id, length=len(body))
        return Whole(answer.status, headers + _about(passage), body)

    async def _deliver(self, passage: Passage, whole: Whole, asgi: tuple[Any, Receive, Send]) -> None:
        delivery = Delivery(whole, asgi)
        if delivery.at_once():
            passage.on_cut(_nothing)
            passage.commitment = commit(whole.body) if passage.commits else None
            taken = True
        else:
            taken = await self._by_pieces(passage, delivery)
        passage.bytes_out = delivery.bytes_out
        passage.outcome = "client_gone" if not taken else "complete" if whole.status == 200 else "upstream_error"

    async def _by_pieces(self, passage: Passage, delivery: Delivery) -> bool:
        committing = Committing() if passage.commits else None
        passage.on_cut(delivery.cut)
        try:
            return await delivery.by_pieces(committing.update if committing is not None else None)
        finally:
            passage.on_cut(_nothing)
            passage.bytes_out = delivery.bytes_out
            passage.commitment = committing.commitment() if committing is not None else None

    async def _stream(
        self, passage: Passage, upstream: Upstream, answer: Answer, frames: Frames, asgi: tuple[Any, Receive, Send]
    ) -> UpstreamFailed | None:
        """Carry a stream to its end; what the upstream failed with, where that ended it."""

        def tell(error: GatewayError) -> bytes:
            return error_event(error, passage.request_id)

        passage.status = 200
        scope, receive, send = asgi
        committing = Committing() if passage.commits else None
        observe = committing.update if committing is not None else None
        extensions = scope.get("extensions", {})
        pump = Pump(
            answer,
            frames,
            send,
            tell,
            observe=observe,
            pass_on=extensions.get("pass_on"),
            hang_up=Hangup(extensions),
            bounds=Bounds(drain_s=upstream.limits.drain_s),
        )
        passage.on_cut(lambda: pump.cut(tell(self._refusals.ended(passage.request_id, passage.cut_reason))))
        try:
            carried = await pump.run(receive, relaying.headers_for(answer, passage.request_id) + _about(passage))
        finally:
            passage.bytes_out, passage.tokens_out = pump.bytes_out, frames.tokens_min
        passage.outcome = carried.outcome
        passage.commitment = committing.commitment() if committing is not None else None
        self._count(passage, carried.usage)
        return carried.failure

    def _count(self, passage: Passage, usage: Usage | None) -> None:
        if usage is not None:
            passage.report(usage.prompt_tokens, usage.completion_tokens)
            self._metrics.tokens_counted(usage.prompt_tokens, usage.completion_tokens)


def _about(passage: Passage) -> Headers:
    """What the caller is told beside the answer: which release served it, and what is left of its limits."""
    served = passage.standing.in_force.strategy.release.encode("ascii")
    return [(b"x-served-model", served), *limit_headers(passage.obligations, passage.taken)]


def _cancel(waiting: "asyncio.Task[Any]") -> None:
    """Stop waiting for an answer that may not leave any more."""
    waiting.cancel()


def _nothing() -> None:
    """A call that is already answered has nothing left to cut."""
