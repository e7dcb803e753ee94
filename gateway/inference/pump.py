"""What owns a stream between an upstream and a client: throttles, watches, cuts, and drains for the usage.

1. Pieces pass as they come. A client that reads slowly holds up `send`, which holds up reading the upstream.
2. A client that vanishes, or takes nothing for `stall_s`, is sent nothing more; the upstream is read on, within
   bounds, until it has said what the answer cost.
3. A cut stops the upstream at once. Of what had arrived nothing more leaves but the error event; no `[DONE]`.
4. An upstream that fails is told to the client the same way.
"""

import asyncio
from collections.abc import Callable

import msgspec
from litestar.types import Receive, Send

from gateway.errors import GatewayError, UpstreamFailed
from gateway.inference.connector.answers import Answer
from gateway.inference.frames import Frames
from gateway.inference.usage import Usage

Headers = list[tuple[bytes, bytes]]

GRACE_S = 0.5
"""How long a send that is under way may take once there is a reason to end."""


class Bounds(msgspec.Struct, frozen=True):
    """How long a stream may be held up, and what is read for the usage's sake alone."""

    stall_s: float = 60.0
    drain_s: float = 30.0
    drain_bytes_max: int = 8 * 1024 * 1024
    linger_s: float = 0.5
    """How long the end of the upstream's answer is waited for after `[DONE]`, to keep its connection."""


class Carried(msgspec.Struct, frozen=True):
    """How a stream went."""

    outcome: str
    """complete, client_gone, upstream_error or cut."""
    usage: Usage | None
    """What the whole answer cost; None where the upstream did not get to say it."""
    bytes_out: int
    frames: int


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
        bounds: Bounds | None = None,
    ) -> None:
        """`tell` words an error as an event; `observe` is shown every piece of body that leaves."""
        self._answer = answer
        self._frames = frames
        self._send = send
        self._tell = tell
        self._observe = observe
        self._bounds = bounds or Bounds()
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._sending_since = 0.0
        self._abandoned = False
        self._last_words: bytes | None = None
        self._gone = False
        self.bytes_out = 0

    def cut(self, event: bytes) -> None:
        """Stop the upstream now, and end what the client gets with this event. Only the first cut counts."""
        if self._last_words is None:
            self._last_words = event
            self._answer.stop(UpstreamFailed())
            self._soon_abandon_send()

    async def run(self, receive: Receive, headers: Headers) -> Carried:
        """Send a 200 with these headers, then the stream. Returns when client and upstream are both done with."""
        self._task = asyncio.current_task()
        watch = self._loop.create_task(self._watch(receive))
        self._stall = self._loop.call_later(self._bounds.stall_s, self._look_for_stall)
        try:
            outcome = await self._guarded(headers)
            if outcome == "client_gone":
                await self._drain()
            elif self._frames.done and not self._answer.complete:
                await self._linger()
        finally:
            watch.cancel()
            self._stall.cancel()
            for timer in self._timers:
                timer.cancel()
        return Carried(outcome, self._usage(), self.bytes_out, self._frames.count)

    async def _guarded(self, headers: Headers) -> str:
        try:
            self._sending_since = self._loop.time()
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            self._sending_since = 0.0
            return await self._carry()
        except asyncio.CancelledError:
            if not self._abandoned or self._task is None or self._task.uncancel() > 0:
                raise
            return "cut" if self._last_words is not None else "client_gone"
        except OSError:
            # How some servers say that the client has gone.
            return "cut" if self._last_words is not None else "client_gone"
        finally:
            self._sending_since = 0.0

    async def _carry(self) -> str:
        answer, frames, send, observe = self._answer, self._frames, self._send, self._observe
        feed, following, time = frames.feed, answer.next, self._loop.time
        while True:
            try:
                piece = await following()
            except UpstreamFailed as failure:
                return await self._end(failure)
            if self._last_words is not None:
                return await self._end(None)
            out = feed(piece) if piece else frames.rest()
            if self._gone:
                return "client_gone"
            ends = not piece or frames.done
            if out or ends:
                if observe is not None:
                    observe(out)
                self._sending_since = time()
                await send({"type": "http.response.body", "body": out, "more_body": not ends})
                self._sending_since = 0.0
                self.bytes_out += len(out)
            if ends:
                return "upstream_error" if frames.erred else "complete"

    async def _end(self, failure: UpstreamFailed | None) -> str:
        """Say the last words, the cut's before the upstream's."""
        if self._gone:
            return "client_gone" if self._last_words is None else "cut"
        outcome, words = "cut", self._last_words
        if words is None:
            outcome, words = "upstream_error", self._tell(failure or UpstreamFailed())
        if not self._frames.at_boundary:
            words = b"\n\n" + words
        if self._observe is not None:
            self._observe(words)
        self._sending_since = self._loop.time()
        self._soon_abandon_send()
        await self._send({"type": "http.response.body", "body": words, "more_body": False})
        self._sending_since = 0.0
        self.bytes_out += len(words)
        return outcome

    # The client.

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._soon_abandon_send()
        self._bound_drain()

    def _look_for_stall(self) -> None:
        since, now = self._sending_since, self._loop.time()
        if since and now - since >= self._bounds.stall_s:
            self._gone = True
            self._bound_drain()
            self._abandon_send()
            return
        self._stall = self._loop.call_at((since or now) + self._bounds.stall_s, self._look_for_stall)

    def _soon_abandon_send(self) -> None:
        if self._sending_since:
            self._timers.append(self._loop.call_later(GRACE_S, self._abandon_send))

    def _abandon_send(self) -> None:
        if self._sending_since and self._task is not None and not self._abandoned:
            self._abandoned = True
            self._task.cancel()

    # The upstream, once there is nobody to send to.

    def _bound_drain(self) -> None:
        self._timers.append(self._loop.call_later(self._bounds.drain_s, self._answer.stop, UpstreamFailed()))

    async def _drain(self) -> None:
        """Read on to the end. What was handed to `feed` already is counted; the rest follows here."""
        answer, frames = self._answer, self._frames
        bytes_max = answer.body_bytes + self._bounds.drain_bytes_max
        try:
            while not frames.done and answer.body_bytes <= bytes_max and (piece := await answer.next()):
                frames.feed(piece)
        except UpstreamFailed:
            return
        if frames.done and not answer.complete:
            await self._linger()

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
