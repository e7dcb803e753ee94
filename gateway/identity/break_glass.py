"""The way in of whoever runs the installation: keys that nobody issued, whose every use is recorded and alarms.

Every call that presents one is a use, whatever becomes of it. One use at a time is recorded, and few wait for their
turn: such a key is no key to work with, and whoever holds one cannot keep the ledger from everybody else.
"""

import asyncio
from collections.abc import Callable

from sqlalchemy import Connection

from gateway.errors import Unavailable
from gateway.identity.callers import Caller
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Ledger

WAITING_MAX = 16
"""Uses that wait to be recorded, in one process."""

TURN_MAX_S = 0.5
"""Callers are answered within two seconds, whatever fails."""


class BreakGlass:
    """Records uses, and counts them for whoever is to be woken."""

    def __init__(self, ledger: Ledger, told: Callable[[], None]) -> None:
        """`told` hears of every use that is recorded."""
        self._ledger = ledger
        self._told = told
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def used(self, caller: Caller) -> None:
        """Such a key is presented. Raises Unavailable: what cannot be recorded opens nothing."""
        if self._waiting >= WAITING_MAX:
            raise _too_many()
        self._waiting += 1
        try:
            async with asyncio.timeout(TURN_MAX_S):
                await self._turn.acquire()
        except TimeoutError:
            raise _too_many() from None
        finally:
            self._waiting -= 1
        try:
            await self._record(caller)
        finally:
            self._turn.release()
        self._told()

    async def _record(self, caller: Caller) -> None:
        use = Act(event=Event.BREAK_GLASS_USED, subject=caller.key, organisation=caller.organisation, key=caller.key)

        def work(_: Connection) -> tuple[None, list[Act]]:
            return None, [use]

        await self._ledger.administer(caller.actor, work)


def _too_many() -> Unavailable:
    return Unavailable(
        "This key is used more often than its uses can be recorded.",
        code="break_glass_busy",
        next_step="Issue a key for the work (`gateway key issue`), and lock this one away.",
    )
