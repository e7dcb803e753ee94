"""When keys and sessions were last used: noted in memory on every call, written down about once a minute.

Not an act: it changes nothing that may pass, and no entry tells of it.
"""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Protocol

import structlog
from sqlalchemy import Connection

from gateway.clock import Instant
from gateway.database.engine import Database

_WRITTEN_AT_ONCE = 500
"""How many in one transaction: short, because on SQLite the ledger waits behind it."""

log = structlog.get_logger()


class Write(Protocol):
    """Writes down some uses: ids and instants, in order of ids."""

    def __call__(self, connection: Connection, uses: Iterable[tuple[str, Instant]]) -> None:
        """In one transaction."""


class LastUses:
    """What was noted and is not written yet."""

    def __init__(self, database: Database, write: Write) -> None:
        self._database = database
        self._write = write
        self._noted: dict[str, Instant] = {}

    def note(self, used: str, used_at: Instant) -> None:
        """A key or a session was used."""
        self._noted[used] = used_at

    async def flush(self) -> None:
        """Write what was noted. What cannot be written stays noted."""
        noted, self._noted = sorted(self._noted.items()), {}
        try:
            while noted:
                await self._database.write(partial(self._write, uses=noted[:_WRITTEN_AT_ONCE]))
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
