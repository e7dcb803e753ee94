"""Closing what a process left open when it died.

1. Fence the dead writer: from then on it can append nothing, should it yet live.
2. Look for its calls that were admitted and never finished, from where it said the oldest was.
3. Finish each through the participant, so that limits are settled too. From where on calls are
   still open is written with each step, so that another process can take over in between.

Whether a writer is dead is judged by its heartbeats, and only while the database answered us all
along: an outage silences the living too.
"""

from collections.abc import Callable
from functools import partial

import structlog
from sqlalchemy import Connection, Row, select, update

from gateway.clock import SECOND, Instant
from gateway.ledger.entries import Entry, entry_from
from gateway.ledger.events import Event
from gateway.ledger.intents import Intent, Participant
from gateway.ledger.segments import searchable
from gateway.ledger.store import Appending, Ledger, lines, locked_head, size_of
from gateway.ledger.tables import writer_table

log = structlog.get_logger()

DEAD_AFTER = 30 * SECOND
"""A writer silent for so long is taken for dead: six heartbeats missed."""

WATCH_GAP = 15 * SECOND
"""Who did not look for so long begins to watch anew: with a heartbeat's pause it is less than DEAD_AFTER."""

STEP = 1024
"""Entries read, or calls closed, in one transaction."""


class Recovery:
    """Closes the calls that dead writers left open. To be run at the start, and again every few seconds."""

    def __init__(self, ledger: Ledger, participant: Participant, closing: Callable[[Entry], Intent]) -> None:
        """`closing` says how an admitted call ends whose process died."""
        self._ledger = ledger
        self._database = ledger.database
        self._participant = participant
        self._closing = closing
        self._watched: dict[str, tuple[Instant, int]] = {}
        """Last heartbeat of each writer, and since when it has been the last."""
        self._looked_at = 0

    async def run(self, elapsed: int, *, alone: bool) -> int:
        """Close them all; returns how many. `elapsed` is `clock.elapsed_us()`.

        `alone` says that no other process can use this database, so that whoever else wrote is dead.
        """
        writers = await self._database.read(_living)
        silent = self._silent({row.id: row.heartbeat_at for row in writers}, elapsed)
        dead = [row.id for row in writers if row.id != self._ledger.process and (alone or row.id in silent)]
        if dead:
            log.warning("ledger_writers_dead", writers=dead)
            await self._database.write(partial(self._fence, dead=dead))
        closed = 0
        for writer in await self._database.read(_left_behind):
            closed += await self._close(writer)
        return closed

    def _silent(self, heartbeats: dict[str, Instant], elapsed: int) -> set[str]:
        """Writers that said nothing for as long as we looked, if that was long enough."""
        watched = self._watched if elapsed - self._looked_at <= WATCH_GAP else {}
        self._looked_at = elapsed
        self._watched = {
            writer: watched[writer] if watched.get(writer, (None, 0))[0] == heartbeat else (heartbeat, elapsed)
            for writer, heartbeat in heartbeats.items()
        }
        return {writer for writer, (_, since) in self._watched.items() if elapsed - since >= DEAD_AFTER}

    def _fence(self, connection: Connection, dead: list[str]) -> None:
        head = locked_head(connection)
        fenced = update(writer_table).where(writer_table.c.id.in_(dead), writer_table.c.closed_at.is_(None))
        connection.execute(fenced.values(closed_at=head.at))

    async def _close(self, writer: str) -> int:
        oldest, end = await self._database.read(partial(_span, writer=writer))
        if oldest is None:
            return 0
        left_open = await self._left_open(writer, oldest, end)
        closed = 0
        while oldest is not None:
            step, rest = left_open[closed : closed + STEP], left_open[closed + STEP :]
            following = rest[0].index if rest else None
            finish = partial(self._finish, writer=writer, step=step, before=oldest, after=following)
            if not await self._database.write(finish):
                return closed
            closed, oldest = closed + len(step), following
        log.warning("ledger_calls_closed", writer=writer, calls=closed)
        return closed

    async def _left_open(self, writer: str, first: int, end: int) -> list[Entry]:
        """The writer's calls without an end, in order. None can be added to them: the writer is fenced."""
        opened: dict[str, bytes] = {}
        for start in range(first, end, STEP):
            for _, line in await self._database.read(partial(lines, first=start, end=min(start + STEP, end))):
                seen = searchable(line)
                if seen is None:
                    continue  # tampered with: the verifier's affair, and no reason not to start
                if seen.event == Event.ACCESS_ADMITTED and seen.process == writer:
                    opened[seen.id] = line
                elif seen.event == Event.ACCESS_FINISHED:
                    opened.pop(seen.body.admitted, None)
        return [entry_from(line, b"") for line in opened.values()]

    def _finish(
        self, connection: Connection, *, writer: str, step: list[Entry], before: int, after: int | None
    ) -> bool:
        """One transaction; False where another process has closed these calls meanwhile."""
        appending = Appending(connection, self._ledger.process, self._ledger.now)
        moved = update(writer_table).where(writer_table.c.id == writer, writer_table.c.oldest_open == before)
        if connection.execute(moved.values(oldest_open=after)).rowcount != 1:
            return False
        intents = [self._closing(entry) for entry in step]
        if intents:
            verdicts = self._participant(connection, intents, appending.metered_at)
            appending.place([verdict.draft.written() for verdict in verdicts])
        return True


def _living(connection: Connection) -> list[Row[tuple[str, Instant]]]:
    query = select(writer_table.c.id, writer_table.c.heartbeat_at).where(writer_table.c.closed_at.is_(None))
    return list(connection.execute(query))


def _left_behind(connection: Connection) -> list[str]:
    """Writers that write no more and left calls open."""
    closed = writer_table.c.closed_at.is_not(None), writer_table.c.oldest_open.is_not(None)
    return list(connection.execute(select(writer_table.c.id).where(*closed).order_by(writer_table.c.id)).scalars())


def _span(connection: Connection, writer: str) -> tuple[int | None, int]:
    """Where the writer's open calls begin, and where the ledger ends."""
    oldest = connection.execute(select(writer_table.c.oldest_open).where(writer_table.c.id == writer)).scalar()
    return oldest, size_of(connection)
