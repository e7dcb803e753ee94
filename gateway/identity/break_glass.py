"""The way in of whoever runs the installation: keys that nobody issued, whose every use is recorded and alarms.

At most one entry a minute for each key and process: what the key then did has entries of its own.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from gateway.clock import MINUTE, Instant, Moment
from gateway.identity.callers import Caller
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Ledger


class BreakGlass:
    """Records uses, and counts them for whoever is to be woken."""

    def __init__(self, ledger: Ledger, told: Callable[[], None]) -> None:
        """`told` hears of every use that is recorded."""
        self._ledger = ledger
        self._told = told
        self._recorded: dict[str, Instant] = {}

    async def used(self, caller: Caller, now: Moment) -> None:
        """Such a key is presented. Raises LedgerUnavailable: what cannot be recorded opens nothing."""
        recorded = self._recorded.get(caller.key)
        if recorded is not None and now.latest < recorded + MINUTE:
            return
        self._recorded[caller.key] = now.latest
        use = Act(event=Event.BREAK_GLASS_USED, subject=caller.key, organisation=caller.organisation, key=caller.key)

        def work(_: Connection) -> tuple[None, list[Act]]:
            return None, [use]

        try:
            await self._ledger.administer(caller.actor, work)
        except BaseException:
            self._recorded.pop(caller.key, None)
            raise
        self._told()
