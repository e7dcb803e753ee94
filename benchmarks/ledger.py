"""The ledger by itself as it grows: durable rows a second, two a call, with limits taken and settled."""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvloop

from benchmarks.rounds import Plan, Reading
from gateway.access.limits import take_limits
from gateway.access.quotas import Settle, Take
from gateway.clock import DAY, DatabaseClock, Moment, elapsed_us
from gateway.database.engine import Database, database_now, open_database
from gateway.database.migrate import prepare
from gateway.ledger.entries import AccessBody, Draft, FinishedBody
from gateway.ledger.events import Event
from gateway.ledger.intents import Intent, Recorded
from gateway.ledger.store import Ledger
from gateway.ledger.writer import Writer

AT_ONCE = 64
"""Calls under way at a time."""
FILL_AT_ONCE = 5_000
WIDE = 1 << 40
ORGANISATION, KEY, RELEASE = "org_bench", "k_bench", "bench/model-1"
SCOPE = f"{ORGANISATION}:{RELEASE}"


def measure_ledger(plan: Plan, sizes: tuple[int, ...], folder: Path, tell: Callable[[str], None]) -> Iterator[Reading]:
    """One SQLite ledger that grows to each size and is measured there."""
    yield from uvloop.run(_measure(plan, sizes, folder, tell))


async def _measure(plan: Plan, sizes: tuple[int, ...], folder: Path, tell: Callable[[str], None]) -> list[Reading]:
    url = f"sqlite:///{folder / 'ledger.sqlite'}"
    await prepare(url)
    database = open_database(url)
    clock = DatabaseClock()
    asked_at = elapsed_us()
    clock.observe(await database.read(database_now), asked_at, elapsed_us())
    try:
        return await _grow(database, clock.now, plan, sizes, tell)
    finally:
        await database.close()


async def _grow(
    database: Database, now: Callable[[], Moment], plan: Plan, sizes: tuple[int, ...], tell: Callable[[str], None]
) -> list[Reading]:
    writer = Writer(Ledger(database, now), take_limits)
    await writer.start()
    calls = Calls(writer, now)
    readings = []
    try:
        for size in sizes:
            tell(f"ledger: growing to {size:,} entries")
            await calls.fill(size)
            for number in range(plan.rounds):
                tell(f"ledger: {size:,} entries, round {number + 1}")
                readings.append(Reading("gateway", "ledger", size, number, await calls.load(plan.seconds)))
    finally:
        await writer.stop()
    return readings


class Calls:
    """Writes what calls write, and nothing else of them."""

    def __init__(self, writer: Writer, now: Callable[[], Moment]) -> None:
        self._writer = writer
        self._now = now
        self._number = 0
        self._rows = 0

    async def fill(self, rows: int) -> None:
        """Write until so many rows stand, many at a time."""
        while self._rows < rows:
            ids = [self._next() for _ in range(min(FILL_AT_ONCE, (rows - self._rows + 1) // 2))]
            await asyncio.gather(*(self._writer.submit(admitted(request)) for request in ids))
            await asyncio.gather(*(self._writer.submit(self._finished(request)) for request in ids))
            self._rows += 2 * len(ids)

    async def load(self, seconds: float) -> dict[str, float]:
        """A number of calls at a time for so long; each waits for its first row and leaves the second behind."""
        waits: list[float] = []
        began_at = time.perf_counter()
        ends = await asyncio.gather(*(self._lane(began_at + seconds, waits) for _ in range(AT_ONCE)))
        await asyncio.gather(*(last for last in ends if last is not None))
        spent = time.perf_counter() - began_at
        self._rows += 2 * len(waits)
        return {"rows_per_s": 2 * len(waits) / spent, "p50_ms": statistics.median(waits) * 1e3}

    async def _lane(self, stop_at: float, waits: list[float]) -> Recorded | None:
        last: Recorded | None = None
        while (began_at := time.perf_counter()) < stop_at:
            request = self._next()
            await self._writer.append(admitted(request))
            waits.append(time.perf_counter() - began_at)
            last = self._writer.submit(self._finished(request))
        return last

    def _finished(self, request: str) -> Intent:
        body = FinishedBody(
            organisation=ORGANISATION,
            key=KEY,
            release=RELEASE,
            admitted=request,
            outcome="complete",
            status=200,
            tokens_in=12,
            tokens_out=20,
            tokens_settled=32,
            usage_basis="reported",
            bytes_out=380,
            duration_us=4_000,
        )
        day = self._now().latest // DAY
        return Intent(Draft(f"{request}.end", Event.ACCESS_FINISHED, body), Settle(SCOPE, day, 512, 32))

    def _next(self) -> str:
        self._number += 1
        return f"req_{self._number:020d}"


def admitted(request: str) -> Intent:
    """What an admitted call writes before it passes."""
    body = AccessBody(
        organisation=ORGANISATION,
        key=KEY,
        release=RELEASE,
        component="inference.text",
        endpoint="/v1/chat/completions",
        served="bench-model",
        strategy="sha256:" + "5" * 64,
        stage="general",
        access="api",
        policy="sha256:" + "7" * 64,
        question="9" * 64,
        revision=12,
        log="metadata",
        bytes_in=210,
        tokens_reserved=512,
        limit_scope=SCOPE,
    )
    return Intent(Draft(request, Event.ACCESS_ADMITTED, body), Take(SCOPE, 512, WIDE, WIDE))
