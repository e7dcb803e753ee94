"""Reading at leisure: a thread and connections of their own, which nobody who must be quick ever waits behind.

What comes in numbers or takes many steps (searching, listing) is read here. Its rows are decoded on this thread
too: on PostgreSQL a transaction runs on an event loop, and the one that serves calls is not to be held up.
"""

import asyncio
import threading
from typing import TypeVar

from gateway.database.engine import READ_DEADLINE_S, WRITE_DEADLINE_S, Work, open_database

T = TypeVar("T")

CONNECTIONS = 2
THREAD = "database-leisure"


class Leisure:
    """Reads a database whose calls have connections of their own."""

    def __init__(self, url: str) -> None:
        self._database = open_database(url, connections=CONNECTIONS)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def read(self, work: Work[T], *, deadline_s: float = READ_DEADLINE_S) -> T:
        """Run `work` in one transaction that sees one state and writes nothing."""
        reading = asyncio.run_coroutine_threadsafe(self._database.read(work, deadline_s=deadline_s), self._started())
        async with asyncio.timeout(deadline_s):  # the thread itself may be busy
            return await asyncio.wrap_future(reading)

    async def close(self) -> None:
        """Wait for what is under way and end the thread; where nothing was read there is none."""
        loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            await self._database.close()
            return
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._database.close(), loop))
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, WRITE_DEADLINE_S)

    def _started(self) -> asyncio.AbstractEventLoop:
        """The thread's loop. Begun with the first reading: what was only built has nothing to end."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_run, args=(self._loop,), name=THREAD, daemon=True)
            self._thread.start()
        return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
