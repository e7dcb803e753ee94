"""Waiting for an intent to be durable, but not for ever.

Everybody waits equally long, so whoever began first gives up first: one timer serves all.
"""

import asyncio
from collections import deque

from gateway.errors import LedgerUnavailable
from gateway.ledger.intents import Receipt, Recorded


class Deadlines:
    """Those who wait, in the order in which they give up."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._waiting: deque[tuple[float, asyncio.Future[Receipt]]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    async def wait(self, recorded: Recorded) -> Receipt:
        """The receipt, once durable. Raises LedgerUnavailable when it failed or the deadline has passed."""
        if recorded.done():
            return recorded.result()
        loop = recorded.get_loop()
        recorded.waiter = waiter = loop.create_future()
        deadline_at = loop.time() + self._deadline_s
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        self._waiting.append((deadline_at, waiter))
        if self._alarm is None:
            self._alarm = loop.call_at(deadline_at, self._expire, loop)
        receipt: Receipt = await waiter
        return receipt

    def close(self) -> None:
        """Let everybody go."""
        if self._alarm is not None:
            self._alarm.cancel()
        while self._waiting:
            _give_up(self._waiting.popleft()[1])

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        while self._waiting:
            deadline_at, waiter = self._waiting[0]
            if not waiter.done() and deadline_at > loop.time():
                self._alarm = loop.call_at(deadline_at, self._expire, loop)
                return
            self._waiting.popleft()
            _give_up(waiter)


def _give_up(waiter: asyncio.Future[Receipt]) -> None:
    if not waiter.done():
        waiter.set_exception(LedgerUnavailable())
