"""Group commit: one task writes what arrived while its last transaction ran.

1. An intent is encoded when it is handed over, so that what cannot be written fails alone.
2. A batch is one transaction: lock the head, let the participant answer each intent, write the
   entries, the head and this writer's own row, commit.
3. Whoever waits gives up at a deadline, whatever the database does. An intent not yet taken into a
   batch is then withdrawn; of one that was, its own future still tells.
4. A batch that failed fails its intents, but for those to be kept: they go first into the next.
   Where an intent is at fault and not the database, the batch is halved until that one fails alone; one
   to be kept is put aside and tried again by itself (ledger/aside.py).
5. A batch that may have been committed, though nobody said so, is neither written nor failed: the
   writer looks what became of it before it writes anything else.
"""

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy import Connection

from gateway.clock import AHEAD_MAX, SECOND
from gateway.errors import LedgerUnavailable
from gateway.ledger.batches import Batch, Fate
from gateway.ledger.deadlines import Deadlines
from gateway.ledger.intents import Intent, Participant, Receipt, Recorded
from gateway.ledger.settling import Settling
from gateway.ledger.store import Appending, Ledger, add_writer, close_writer, last_batch, locked_head
from gateway.metrics import Metrics

log = structlog.get_logger()

HEARTBEAT_S = 5.0
"""An idle writer says this often that it lives."""

RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Pauses after one, two, … failures in a row, where nothing new arrives that would try at once."""


class Writer:
    """Appends to the ledger for one process."""

    def __init__(
        self,
        ledger: Ledger,
        participant: Participant,
        *,
        deadline_s: float = 1.9,
        backlog: int = 20_000,
        metrics: Metrics | None = None,
    ) -> None:
        self._ledger = ledger
        self._participant = participant
        self._deadline_s = deadline_s
        self._deadlines = Deadlines(deadline_s)
        self._settling = Settling(metrics or Metrics(), self._wake)
        self._backlog_max = backlog
        self._under_way: Batch | None = None
        self._under_way_since = 0.0
        self._batches = 0
        self._accepting = False
        self._pause: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.fenced = False
        """This process was declared dead; it writes nothing more."""
        self.has_given_up = False
        """Nothing will ever be written by this process again, though nobody told it to stop."""
        self.is_ahead = False
        """The record's last instant is yet to come: it was written by a clock that ran ahead."""

    async def start(self) -> None:
        """Register this writer and begin. Raises what the database raises."""

        def register(connection: Connection) -> None:
            appending = Appending(connection, self._ledger.process, self._ledger.now)
            add_writer(connection, self._ledger.process, appending.at)
            self._compare(appending)

        await self._ledger.database.write(register)
        self._loop = asyncio.get_running_loop()
        self._accepting = True
        self._task = self._loop.create_task(self._run(), name="ledger-writer")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Accept nothing more and write what is queued, within the deadline."""
        self._accepting = False
        if self._task is None:
            return
        self._settling.aside.hurry()
        self._wake()
        _, late = await asyncio.wait({self._task}, timeout=self._deadline_s)
        if late:
            self._task.cancel()
            await asyncio.wait(late)
        self._task = None
        self._deadlines.close()

    @property
    def healthy(self) -> bool:
        """The last batch was written, and none is under way for longer than the deadline."""
        return self._accepting and self.failing_s() == 0

    @property
    def busy(self) -> bool:
        """Whether entries are waiting or being written."""
        return self._under_way is not None or len(self._settling.backlog) > 0

    @property
    def backlog(self) -> int:
        """Entries waiting to be written."""
        return len(self._settling)

    @property
    def warnings(self) -> list[str]:
        """What the operator should look into, though this writer does its duty."""
        found = {
            "ledger_ahead_of_clock": self.is_ahead,
            "ledger_entry_put_aside": len(self._settling.aside) > 0,
            "ledger_entry_in_short": self._settling.aside.replaced > 0,
            "ledger_call_left_open": self._settling.aside.given_up > 0,
        }
        return [name for name, is_so in found.items() if is_so]

    def failing_s(self) -> float:
        """For how long nothing could be written; 0 while all is well."""
        if self._task is None:
            return 0.0
        now = self._loop.time()
        if self._settling.failing_since is not None:
            return now - self._settling.failing_since
        if self._under_way is not None and now - self._under_way_since > self._deadline_s:
            return now - self._under_way_since
        return 0.0

    def submit(self, intent: Intent, *, keep: bool = False, in_short: Callable[[], Intent] | None = None) -> Recorded:
        """Hand an intent over. With `keep` it is written in the end, however often that fails, or where it cannot be
        though the database is well, what `in_short` makes in its place.

        Raises LedgerUnavailable when too much is waiting or this writer has stopped, Invalid when
        the draft has no canonical bytes.
        """
        if not self._accepting or (not keep and self.backlog >= self._backlog_max):
            raise LedgerUnavailable
        recorded = Recorded(loop=self._loop)
        recorded.intent, recorded.part = intent, intent.draft.written()
        if keep:
            recorded.keep, recorded.in_short = True, in_short
        self._settling.backlog.add(recorded)
        if self._pause is not None:
            self._wake()
        return recorded

    async def wait(self, recorded: Recorded) -> Receipt:
        """The receipt, once durable. Raises LedgerUnavailable when it failed or the deadline has passed.

        Giving up, by deadline or by cancellation, does not undo an entry that is being written: its
        own future then still tells.
        """
        return await self._deadlines.wait(recorded)

    async def append(self, intent: Intent) -> Receipt:
        """Hand over and wait."""
        return await self.wait(self.submit(intent))

    async def _run(self) -> None:
        settling = self._settling
        while not self.fenced:
            if settling.unsure is not None:
                await self._look_back(settling.unsure)
            elif settling.is_due:
                await self._write(settling.backlog.take())
            elif not self._accepting and not self.backlog:
                return await self._close()
            elif await self._rest():
                await self._write(settling.backlog.take())
        return None

    async def _rest(self) -> bool:
        """Wait for something new; True when it did not come and it is time to write all the same.

        An idle writer writes to say that it lives, a failing one to see whether it can again.
        """
        failures = self._settling.failures
        pause_s = RETRY_S[min(failures, len(RETRY_S)) - 1] if failures else HEARTBEAT_S
        self._pause = self._loop.create_future()
        timer = self._loop.call_later(pause_s, self._wake)
        try:
            await self._pause
        finally:
            timer.cancel()
            self._pause = None
        return not self._settling.backlog.has_fresh and (self._accepting or self.backlog > 0)

    def _wake(self) -> None:
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)

    async def _write(self, recorded: list[Recorded]) -> None:
        self._batches += 1
        batch = Batch(self._batches, recorded)
        try:
            await self._transact(batch, lambda connection: self._append(connection, batch))
        except Exception as error:
            log.warning("ledger_batch_failed", error=type(error).__name__, entries=len(recorded))
            if self._settling.failed(batch, error, self._under_way_since) is Fate.FENCED:
                self._fence()
        else:
            self._settling.succeeded(batch, self._loop.time() - self._under_way_since)

    async def _transact(self, batch: Batch, work: Callable[[Connection], None]) -> None:
        self._under_way, self._under_way_since = batch, self._loop.time()
        try:
            await self._ledger.database.write(work)
        except Exception:
            self._under_way = None
            raise
        self._under_way = None

    def _append(self, connection: Connection, batch: Batch) -> None:
        """The transaction of one batch."""
        appending = Appending(connection, self._ledger.process, self._ledger.now)
        batch.append(connection, appending, self._participant, self._ledger.process, self._settling.open)
        self._compare(appending)

    def _compare(self, appending: Appending) -> None:
        """Notice where the record is ahead of the clock, and say so once."""
        was_ahead, self.is_ahead = self.is_ahead, appending.ahead_us > AHEAD_MAX
        if self.is_ahead and not was_ahead:
            log.warning("ledger_ahead_of_clock", ahead_s=appending.ahead_us // SECOND)

    async def _look_back(self, unsure: Batch) -> None:
        """Learn whether the batch was committed: once the head can be locked, it is decided."""
        committed = False

        def look(connection: Connection) -> None:
            nonlocal committed
            locked_head(connection)
            committed = last_batch(connection, self._ledger.process) == unsure.number

        try:
            await self._transact(unsure, look)
        except Exception as error:
            log.warning("ledger_batch_unsure", error=type(error).__name__, entries=len(unsure.recorded))
            self._settling.count_failure(self._under_way_since)
            self._settling.backlog.fail_unkept()
            await self._rest()
        else:
            self._settling.decided(committed, self._loop.time() - self._under_way_since)

    def _fence(self) -> None:
        log.error("ledger_writer_fenced", process=self._ledger.process)
        self.fenced = True
        self._give_up()

    def _give_up(self) -> None:
        """Nothing will be written any more, and whoever asks is told so."""
        self._accepting, self.has_given_up = False, True
        self._settling.count_failure(self._under_way_since)
        self._settling.fail_all()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._accepting:  # nobody asked it to
            error = None if task.cancelled() else task.exception()
            log.error("ledger_writer_ended", error=type(error).__name__)
            self._give_up()

    async def _close(self) -> None:
        """Say that this writer ends, and from where on it left calls open."""
        oldest = next(iter(self._settling.open.values()), None)

        def close(connection: Connection) -> None:
            head = locked_head(connection)
            close_writer(connection, self._ledger.process, oldest, head.at)

        try:
            await self._ledger.database.write(close)
        except Exception as error:
            log.warning("ledger_writer_left_open", error=type(error).__name__)
