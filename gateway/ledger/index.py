"""The follower: indexes the ledger behind the writer, segment by segment.

Small steps with pauses between them, long ones while the writer is busy: what is not indexed yet is
searched all the same, only slower. Several processes may follow one ledger; they write the same.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial

import structlog
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.database.engine import Database
from gateway.ledger.rows import RowInsert
from gateway.ledger.segments import SEGMENT, Postings
from gateway.ledger.store import lines, size_of
from gateway.ledger.tables import index_table

log = structlog.get_logger()

READ_STEP = 256
"""Entries a step: about a millisecond of work."""

WRITE_STEP = 1024
"""Postings a transaction: the writer waits no longer than that takes."""

IDLE_S = 1.0
"""How often to look for a full segment."""

BUSY_SHARE = 15
"""Beside a busy writer the follower pauses for so many times as long as it worked."""

_postings = RowInsert(
    "ledger_posting",
    {"segment": "bigint", "term": "bigint", "positions": "bytea"},
    "ON CONFLICT DO NOTHING",
)


class Follower:
    """Keeps the index behind the ledger."""

    def __init__(self, database: Database, busy: Callable[[], bool]) -> None:
        self._database = database
        self._busy = busy
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._run(), name="ledger-follower")

    async def stop(self) -> None:
        """End at once; what was not indexed is indexed the next time."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                found = await self.index_next()
            except Exception as error:
                log.warning("ledger_index_failed", error=type(error).__name__)
                found = False
            if not found:
                await asyncio.sleep(IDLE_S)

    async def index_next(self) -> bool:
        """Index the next full segment; False where there is none."""
        segment, size = await self._database.read(lambda connection: (indexed(connection), size_of(connection)))
        first = segment * SEGMENT
        if first + SEGMENT > size:
            return False
        postings = Postings()
        for start in range(first, first + SEGMENT, READ_STEP):
            began = time.perf_counter()
            read = partial(_gather, postings=postings, start=start, first=first)
            await self._database.read(read)
            await self._pause(began)
        rows = [(segment, hashed, positions) for hashed, positions in postings.rows()]
        rows.sort(key=lambda row: row[1])
        for start in range(0, len(rows), WRITE_STEP):
            began = time.perf_counter()
            await self._database.write(partial(_postings.execute, rows=rows[start : start + WRITE_STEP]))
            await self._pause(began)
        await self._database.write(partial(_advance, segment=segment))
        return True

    async def _pause(self, began: float) -> None:
        await asyncio.sleep(rest_s(time.perf_counter() - began, busy=self._busy()))


def rest_s(worked_s: float, *, busy: bool) -> float:
    """How long to rest after so much work; even 0 lets everybody else go first."""
    return worked_s * BUSY_SHARE if busy else 0.0


def indexed(connection: Connection) -> int:
    """How many segments are indexed, from the first on."""
    return connection.execute(select(index_table.c.segments)).scalar() or 0


def _gather(connection: Connection, *, postings: Postings, start: int, first: int) -> None:
    for index, line in lines(connection, start, start + READ_STEP):
        postings.add(index - first, line)


def _advance(connection: Connection, segment: int) -> None:
    """Count the segment as indexed, once, whoever was first."""
    engine = sqlite if connection.dialect.name == "sqlite" else postgresql
    begun = engine.insert(index_table).values(id=1, segments=0)
    connection.execute(begun.on_conflict_do_nothing())
    passed = update(index_table).where(index_table.c.segments == segment)
    connection.execute(passed.values(segments=segment + 1))
