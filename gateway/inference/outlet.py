"""The client's end of a stream: what it is sent, and whether it still takes it.

A piece for a client that keeps up is sent from within the callback that brought it, without waking a task:
`send` then ends at its first step. Where it does not, a task of its own sees it through.
"""

import asyncio
import contextvars
from collections.abc import Callable, Generator
from typing import Any

from litestar.types import Receive, Send

from gateway.inference.dialect import Headers
from gateway.inference.hangups import Hangup

GRACE_S = 0.5
"""How long a send that is under way, and what was sent before, may take once there is a reason to end."""

LOOK_S = 0.02
"""How often it is looked whether the client has taken what it was sent."""


class Outlet:
    """Sends to one client, watches for its leaving, and gives up one that takes nothing for `stall_s`."""

    def __init__(
        self,
        send: Send,
        on_gone: Callable[[], None],
        observe: Callable[[bytes], object] | None,
        stall_s: float,
        *,
        pass_on: Callable[[bytes], bool] | None = None,
        hang_up: Hangup | None = None,
    ) -> None:
        """`observe` is shown every piece that has left; `pass_on`, where the server has it, sends a piece at once, or
        says that `send` has to; `hang_up` drops the connection with all that the client has not taken."""
        self._send = send
        self._pass_on = pass_on
        self._hang_up = hang_up
        self._on_gone = on_gone
        self._observe = observe
        self._stall_s = stall_s
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._sender: asyncio.Task[Any] | None = None
        """The task that is held up in a send."""
        self._slow: asyncio.Task[None] | None = None
        self._since = 0.0
        """When the send under way began; 0 where none is."""
        self._abandoned = False
        self._is_hurried = False
        self._watching: asyncio.Task[None] | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._grace: asyncio.TimerHandle | None = None
        self.is_free = False
        """Whether the client is there and has taken everything it was sent."""
        self.is_gone = False
        self.bytes_out = 0

    def watch(self, receive: Receive) -> None:
        """Begin to look whether the client leaves, or takes nothing."""
        self._watching = self._loop.create_task(self._watch(receive))
        self._stall = self._loop.call_later(self._stall_s, self._look_for_stall)

    async def begin(self, headers: Headers, status: int = 200) -> None:
        """Send the answer's head."""
        await self._see_to({"type": "http.response.start", "status": status, "headers": headers}, b"")

    async def deliver(self, body: bytes, *, ends: bool) -> None:
        """Send a piece, in turn. Returns, without having sent it, where the client has gone."""
        if self._slow is not None:
            await asyncio.wait([self._slow])
        if not self.is_gone:
            await self._see_to({"type": "http.response.body", "body": body, "more_body": not ends}, body)

    def deliver_at_once(self, body: bytes) -> None:
        """Send a piece without waiting; only while the outlet is free."""
        if self._pass_on is not None and self._pass_on(body):
            self.bytes_out += len(body)
            if self._observe is not None:
                self._observe(body)
            return
        sending = self._send({"type": "http.response.body", "body": body, "more_body": True}).__await__()
        try:
            waits_for = self._context.run(next, sending)
        except StopIteration:
            self._count(body)
            return
        except OSError:
            self._lose()
            return
        self.is_free = False
        self._since = self._loop.time()
        self._slow = self._sender = self._loop.create_task(self._see_through(_Rest(sending, waits_for), body))

    def hurry(self) -> None:
        """There is a reason to end: a send under way, or a later one, has a moment left, then it is abandoned."""
        self._is_hurried = True
        if self._since and self._grace is None:
            self._grace = self._loop.call_later(GRACE_S, self._abandon)

    async def settle(self) -> None:
        """Wait until the client's system has all that was sent; drop what it does not take within the grace."""
        hang_up = self._hang_up
        if hang_up is None:
            return
        until = self._loop.time() + GRACE_S
        await asyncio.sleep(LOOK_S)  # some of it is held until the turn's end
        while not self.is_gone and hang_up.untaken():
            if self._loop.time() >= until:
                self._drop()
            else:
                await asyncio.sleep(LOOK_S)

    def close(self) -> None:
        """Stop watching and waiting."""
        self.is_free = False
        for task in (self._watching, self._slow):
            if task is not None:
                task.cancel()
        for timer in (self._stall, self._grace):
            if timer is not None:
                timer.cancel()

    async def _see_to(self, message: Any, body: bytes) -> None:
        self._sender = asyncio.current_task()
        self._since, self.is_free = self._loop.time(), False
        if self._is_hurried:
            self.hurry()
        try:
            await self._send(message)
            self._count(body)
        except OSError:
            # How some servers say that the client has gone.
            self._lose()
        except asyncio.CancelledError:
            if not self._abandoned or self._sender is None or self._sender.uncancel() > 0:
                raise
        finally:
            self._since, self._sender = 0.0, None
            self.is_free = not self.is_gone

    async def _see_through(self, rest: "_Rest", body: bytes) -> None:
        try:
            await rest
            self._count(body)
        except OSError:
            self._lose()
        finally:
            self._since, self._sender, self._slow = 0.0, None, None
            self.is_free = not self.is_gone

    def _count(self, body: bytes) -> None:
        """A send that was held up ends as well when the client goes, but then it has taken nothing."""
        if not self.is_gone:
            self.bytes_out += len(body)
            if self._observe is not None:
                self._observe(body)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._lose()
        self.hurry()

    def _lose(self) -> None:
        self.is_free = False
        if not self.is_gone:
            self.is_gone = True
            self._on_gone()

    def _drop(self) -> None:
        """Whoever has not taken what was sent gets no more of it."""
        self._lose()
        if self._hang_up is not None:
            self._hang_up()

    def _abandon(self) -> None:
        self._grace = None
        if self._since and self._sender is not None and not self._abandoned:
            self._abandoned = True
            self._drop()
            self._sender.cancel()

    def _look_for_stall(self) -> None:
        now = self._loop.time()
        due = (self._since or now) + self._stall_s
        if due <= now:
            self._abandon()
        elif not self.is_gone:
            self._stall = self._loop.call_at(due, self._look_for_stall)


class _Rest:
    """What is left of an awaitable whose first step was taken elsewhere and waits for something."""

    def __init__(self, steps: Generator[Any, Any, None], waits_for: Any) -> None:
        self._steps = steps
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for, steps = self._waits_for, self._steps
        try:
            while True:
                try:
                    sent = yield waits_for
                except BaseException as error:  # whatever it is belongs to the steps, a cancellation too
                    waits_for = steps.throw(error)
                else:
                    waits_for = steps.send(sent)
        except StopIteration:
            return
