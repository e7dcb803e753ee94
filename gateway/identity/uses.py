"""When keys were last used: noted in memory on every call, written down about once a minute.

Not an act: it changes nothing that may pass, and no entry tells of it.
"""

import asyncio
from functools import partial

import structlog

from gateway.clock import Instant
from gateway.database.engine import Database
from gateway.identity import store

_WRITTEN_AT_ONCE = 500
"""Keys in one transaction: short, because on SQLite the ledger waits behind it."""

log = structlog.get_logger()


class LastUses:
    """What was noted and is not written yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[str, Instant] = {}

    def note(self, key_id: str, used_at: Instant) -> None:
        """A key was used."""
        self._noted[key_id] = used_at

    async def flush(self) -> None:
        """Write what was noted. What cannot be written stays noted."""
        noted, self._noted = sorted(self._noted.items()), {}
        try:
            while noted:
                await self._database.write(partial(store.note_uses, uses=noted[:_WRITTEN_AT_ONCE]))
                del noted[:_WRITTEN_AT_ONCE]
        finally:
            self._noted = dict(noted) | self._noted

    async def run(self, every_s: float) -> None:
        """Write now and then, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.flush()
            except Exception as error:
                log.warning("last_uses_unwritten", error=type(error).__name__)
