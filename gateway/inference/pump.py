"""What owns a stream between an upstream and a client: throttles, cuts, and drains for the usage.

1. Pieces pass as they come. A client that reads slowly holds up `send`, which holds up reading the upstream.
2. A client that vanishes, or takes nothing for `stall_s`, is sent nothing more; the upstream is read on until it has
   said what the answer cost: for as long as it may take for any client, unless it is bounded more narrowly.
3. A cut stops the upstream at once. Of what had arrived nothing more leaves but the error event; no `[DONE]`. A client
   that does not take even what was sent before loses its connection, with what is still on the way to it.
4. An upstream that fails is told to the client the same way.
"""

import asyncio
from collections.abc import Callable

import msgspec
from litestar.types import Receive, Send

from gateway.errors import GatewayError, UpstreamFailed
from gateway.inference.connector.answers import Answer
from gateway.inference.dialect import Headers
from gateway.inference.frames import Frames
from gateway.inference.hangups import Hangup
from gateway.inference.outlet import Outlet
from gateway.inference.usage import Usage

DRAIN_BYTES_MAX = 256 * 1024 * 1024
"""A million tokens at the quarter of a kilobyte that a frame has: an answer beyond it is a flood."""


class Bounds(msgspec.Struct, frozen=True):
    """How long a stream may be held up, and what is read for the usage's sake alone."""

    stall_s: float = 60.0
    drain_s: float | None = None
    """Where None, as long as the upstream may take for any answer: `idle_s` and `total_s` of its limits."""
    drain_bytes_max: int = DRAIN_BYTES_MAX
    linger_s: float = 0.5
    """How long the end of the upstream's answer is waited for after `[DONE]`, to keep its connection."""


class Carried(msgspec.Struct, frozen=True):
    """How a stream went."""

    outcome: str
    """complete, client_gone, upstream_error or cut."""
    usage: Usage | None
    """What the whole answer cost; None where the upstream did not get to say it."""
    bytes_out: int
    failure: UpstreamFailed | None = None
    """What the upstream failed with, where that ended it."""


class Pump:
    """One stream. `run` carries it to its end, whatever that is; `cut` may be called at any time."""

    def __init__(
        self,
        answer: Answer,
        frames: Frames,
        send: Send,
        tell: Callable[[GatewayError], bytes],
        *,
        observe: Callable[[bytes], object] | None = None,
        pass_on: Callable[[bytes], bool] | None = None,
        hang_up: Hangup | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        """`tell` words an error as an event; `observe` is shown every piece of body that has left; `pass_on` is the
        server's short way to send one, `hang_up` its way to end the connection (outlet.py)."""
        self._answer = answer
        self._frames = frames
        self._tell = tell
        self._bounds = bounds or Bounds()
        self._loop = asyncio.get_running_loop()
        self._outlet = Outlet(send, self._bound_drain, observe, self._bounds.stall_s, pass_on=pass_on, hang_up=hang_up)
        self._timers: list[asyncio.TimerHandle] = []
        self._waits = False
        """Whether nothing is on its way here, so that a piece that arrives overtakes none."""
        self._last_words: bytes | None = None
        self._failure: UpstreamFailed | None = None

    def cut(self, event: bytes) -> None:
        """Stop the upstream now, and end what the client gets with this event. Only the first cut counts."""
        if self._last_words is None:
            self._last_words = event
            self._waits = False
            self._answer.stop(UpstreamFailed())
            self._outlet.hurry()

    async def run(self, receive: Receive, headers: Headers) -> Carried:
        """Send a 200 with these headers, then the stream. Returns when client and upstream are both done with."""
        try:
            self._outlet.watch(receive)
            await self._outlet.begin(headers)
            self._answer.offer = self._pass_at_once
            outcome = await self._carry()
            if outcome == "client_gone":
                await self._drain()
            if self._frames.done and not self._answer.complete:
                await self._linger()
        finally:
            self._answer.offer = None
            self._outlet.close()
            for timer in self._timers:
                timer.cancel()
        failure = self._failure if outcome == "upstream_error" else None
        return Carried(outcome, self._usage(), self._outlet.bytes_out, failure)

    @property
    def bytes_out(self) -> int:
        """Bytes of body that have left."""
        return self._outlet.bytes_out

    async def _carry(self) -> str:
        answer, frames, outlet = self._answer, self._frames, self._outlet
        while True:
            self._waits = self._last_words is None
            try:
                piece = await answer.next()
            except UpstreamFailed as failure:
                return await self._end(failure)
            finally:
                self._waits = False
            if self._last_words is not None:
                return await self._end(UpstreamFailed())
            out = frames.feed(piece) if piece else frames.rest()
            ends = not piece or frames.done
            if out or ends:
                await outlet.deliver(out, ends=ends)
            if outlet.is_gone:
                return "client_gone" if self._last_words is None else "cut"
            if ends:
                self._failure = UpstreamFailed() if frames.erred else None
                return "upstream_error" if frames.erred else "complete"

    def _pass_at_once(self, piece: bytes) -> bool:
        """Pass a piece from within the callback that brought it; False where it has to wait its turn."""
        if self._waits and self._outlet.is_free and self._frames.passes_whole(piece):
            self._outlet.deliver_at_once(piece)
            return True
        return False

    async def _end(self, failure: UpstreamFailed) -> str:
        """Say the last words, the cut's before the upstream's."""
        cut = self._last_words
        words = cut if cut is not None else self._tell(failure)
        self._failure = failure
        words = words if self._frames.at_boundary else b"\n\n" + words
        await self._outlet.deliver(words, ends=cut is None)
        if cut is not None:
            await self._outlet.settle()
            await self._outlet.deliver(b"", ends=True)
            return "cut"
        return "client_gone" if self._outlet.is_gone else "upstream_error"

    # The upstream, once there is nobody to send to.

    def _bound_drain(self) -> None:
        self._waits = False
        if (drain_s := self._bounds.drain_s) is not None:
            self._timers.append(self._loop.call_later(drain_s, self._answer.stop, UpstreamFailed()))

    async def _drain(self) -> None:
        """Read on to the end. What was handed to `feed` already is counted; the rest follows here."""
        answer, frames = self._answer, self._frames
        bytes_max = answer.body_bytes + self._bounds.drain_bytes_max
        try:
            while not frames.done and answer.body_bytes <= bytes_max and (piece := await answer.next()):
                frames.feed(piece)
        except UpstreamFailed:
            return

    async def _linger(self) -> None:
        self._timers.append(self._loop.call_later(self._bounds.linger_s, self._answer.stop, UpstreamFailed()))
        try:
            while await self._answer.next():
                pass
        except UpstreamFailed:
            return

    def _usage(self) -> Usage | None:
        frames = self._frames
        whole = frames.done or frames.usage_is_final or self._answer.complete
        return frames.usage if whole else None
