"""One connection to an upstream: writes a request, feeds its answer, keeps the deadlines, one exchange at a time.

Bytes that arrive while nothing was asked close the connection; they are never read as an answer.
"""

import asyncio
import select
from collections.abc import Callable
from typing import cast

from gateway.errors import UpstreamTimeout
from gateway.inference.connector.answers import Answer
from gateway.inference.connector.faults import BrokenAnswer
from gateway.inference.connector.upstreams import Limits
from gateway.turns import Turn

JUST_USED_S = 0.5
"""So soon after an answer no server closes a connection that it said it would keep."""

SLICE_BYTES = 256 * 1024
"""A request above this is written in slices, each when the transport has room."""


class Connection(asyncio.Protocol):
    """A connection in the pool's hands. `ask` starts an exchange, `finish` ends it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, limits: Limits, turn: Turn, on_lost: Callable[["Connection"], None]
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._turn = turn
        self._on_lost = on_lost
        self._held = b""
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._written = True
        self._room: asyncio.Future[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._head_by = self._total_by = self._idle_until = 0.0
        self._readable = select.poll()
        self.lost = False

    # An exchange.

    def ask(self, head: bytes, body: bytes, total_s: float) -> Answer:
        """Write a request and return its answer to come."""
        transport = self._transport
        if transport is None or self._answer is not None:
            raise RuntimeError("a connection carries one exchange at a time")
        answer = self._answer = Answer(self._loop, transport)
        now = self._loop.time()
        self._total_by = now + min(total_s, self._limits.total_s)
        self._head_by = min(now + self._limits.first_byte_s, self._total_by)
        self._arm(self._next_look())
        if len(body) <= SLICE_BYTES:
            self._held = head + body
            self._turn.at_end(self, self._loop)
        else:
            self._written = False
            self._writer = self._loop.create_task(self._write_slices(transport, head, body))
        return answer

    def let_go(self) -> None:
        """Write the request that is held, unless the exchange has ended meanwhile."""
        held, self._held = self._held, b""
        if held and not self.lost and self._transport is not None:
            self._transport.write(held)

    def finish(self) -> bool:
        """End the exchange, however far it got. True when the connection can carry another."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.let_go()
        if self._writer is not None:
            self._writer.cancel()
            self._writer = None
        if answer is None or not answer.complete or not answer.keep_alive or not self._written or self.lost:
            self.abort()
            return False
        self._idle_until = self._loop.time() + self._limits.keep_alive_s
        self._arm(self._idle_until)
        return True

    def is_fresh(self) -> bool:
        """Whether nothing has arrived on an idle connection, not even its end, seen or still in the kernel.

        The kernel is not asked about one used a moment ago, since that costs as much as the rest of the call.
        """
        idle_s = self._idle_until - self._loop.time()
        if self.lost or idle_s <= 0:
            return False
        return idle_s > self._limits.keep_alive_s - JUST_USED_S or not self._readable.poll(0)

    def abort(self) -> None:
        """Close at once, without waiting for anything to be sent."""
        self.lost = True
        self._held = b""
        if self._transport is not None:
            self._transport.abort()

    async def _write_slices(self, transport: asyncio.Transport, head: bytes, body: bytes) -> None:
        transport.write(head)
        view = memoryview(body)
        for start in range(0, len(body), SLICE_BYTES):
            if self._room is not None:
                await self._room
            transport.write(bytes(view[start : start + SLICE_BYTES]))
        self._written = True

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # A cast, for uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._readable.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Feed the answer under way. Without one, or behind a complete one, the connection is spent."""
        answer = self._answer
        if answer is None:
            self.abort()
            return
        if answer.complete:
            answer.keep_alive = False
            return
        answer.feed(data)
        if answer.failure is not None:
            self.abort()

    def pause_writing(self) -> None:
        """The transport has enough to send."""
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        """The transport has room again."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def connection_lost(self, _exc: Exception | None) -> None:
        """An answer that was not complete has failed."""
        self.lost = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._answer is not None:
            self._answer.fail(BrokenAnswer("the connection ended before it did"))
        self.resume_writing()
        self._on_lost(self)

    # Deadlines. One timer a connection, moved only when it fires or must fire earlier: an exchange costs none.

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._deadline() > self._loop.time():
            self._arm(self._next_look())
        elif self._answer is None:
            self.abort()
        else:
            self._answer.fail(UpstreamTimeout())
            self.abort()

    def _next_look(self) -> float:
        # While an answer is under way its deadline may come nearer, to `idle_s` from now at the nearest.
        at = self._deadline()
        return at if self._answer is None else min(at, self._loop.time() + self._limits.idle_s)

    def _deadline(self) -> float:
        answer = self._answer
        if answer is None:
            return self._idle_until
        if not answer.head_complete:
            return self._head_by
        if answer.is_paused:
            return self._total_by
        return min(answer.heard_at + self._limits.idle_s, self._total_by)
