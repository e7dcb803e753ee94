"""Databases that fail in the ways that real ones do, around a real one."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from gateway.database.engine import READ_DEADLINE_S, WRITE_DEADLINE_S, Database

T = TypeVar("T")


class FaultyDatabase:
    """Passes everything on until it is told to fail. Faults concern writing only."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.refuses: BaseException | None = None
        """Raised before anything is done."""
        self.loses: Exception | None = None
        """Raised once, after the next commit: nobody hears that it was done."""
        self.drops: Exception | None = None
        """Raised once, when the next transaction is about to be committed: it is rolled back, and nobody hears."""
        self.leaves = False
        """The next transaction is given up before it began, and yet done before any other begins."""
        self._left: asyncio.Task[object] | None = None
        self.flows = asyncio.Event()
        """While not set, every transaction stands still before it begins."""
        self.flows.set()
        self.writes = 0
        """Transactions tried."""

    @property
    def dialect(self) -> str:
        return self._inner.dialect

    async def read(self, work: Callable[[Connection], T], *, deadline_s: float = READ_DEADLINE_S) -> T:
        return await self._inner.read(work, deadline_s=deadline_s)

    async def write(self, work: Callable[[Connection], T], *, deadline_s: float = WRITE_DEADLINE_S) -> T:
        self.writes += 1
        await self.flows.wait()
        if self._left is not None:
            await self._left
            self._left = None
        if self.leaves:
            self.leaves = False
            self._left = asyncio.ensure_future(self._inner.write(work, deadline_s=deadline_s))
            raise TimeoutError
        if self.refuses is not None:
            raise self.refuses

        def dropped(connection: Connection) -> T:
            answer = work(connection)
            if self.drops is not None:
                error, self.drops = self.drops, None
                raise error
            return answer

        answer = await self._inner.write(dropped, deadline_s=deadline_s)
        if self.loses is not None:
            error, self.loses = self.loses, None
            raise error
        return answer

    async def close(self) -> None:
        """The real one is closed by whoever opened it."""
