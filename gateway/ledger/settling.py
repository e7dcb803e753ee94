"""What becomes of a writer's batches: who is told, what is written again, and which calls are still open."""

from collections.abc import Callable

import structlog

from gateway.ledger.aside import Aside
from gateway.ledger.backlog import Backlog
from gateway.ledger.batches import Batch, Fate, fate_of
from gateway.ledger.intents import Recorded
from gateway.metrics import Metrics

log = structlog.get_logger()


class Settling:
    """Holds everything that was handed over and is not durable yet."""

    def __init__(self, metrics: Metrics, wake: Callable[[], None]) -> None:
        """`wake` is told when something is to be tried that was not a moment ago."""
        self._metrics = metrics
        self._wake = wake
        self.backlog = Backlog()
        self.aside = Aside(self._try_apart)
        self.unsure: Batch | None = None
        """It may have been committed."""
        self.open: dict[str, int] = {}
        """Admitted and not finished, oldest first: ids with their indices."""
        self.failures = 0
        """In a row."""
        self.failing_since: float | None = None

    def __len__(self) -> int:
        return len(self.backlog) + len(self.aside)

    @property
    def is_due(self) -> bool:
        """Whether there is something to write that need not wait for the database to be well again."""
        return self.backlog.has_fresh or (len(self.backlog) > 0 and not self.failures)

    def succeeded(self, batch: Batch, seconds: float) -> None:
        """It is durable."""
        assert batch.receipts is not None
        self._metrics.batch_written(len(batch.recorded), seconds)
        self.failures, self.failing_since = 0, None
        self.open.update(batch.opened)
        for call in batch.closed:
            self.open.pop(call, None)
        for recorded, receipt in zip(batch.recorded, batch.receipts, strict=True):
            recorded.succeed(receipt)

    def failed(self, batch: Batch, error: Exception, began: float) -> Fate:
        """It raised. Whoever may not write any more has to stop by itself."""
        self._metrics.batch_failed()
        fate = fate_of(batch, error, self.failures)
        if fate is Fate.FENCED:
            for recorded in batch.recorded:
                recorded.fail()
        elif fate is Fate.DIVIDE:
            self.backlog.halve(batch.recorded)
        else:
            if fate is Fate.UNSURE:
                self.unsure = batch
            elif fate is Fate.DATABASE:
                self.backlog.give_back(batch.recorded)
            else:
                self._unwritable(batch.recorded[0], error)
            self.count_failure(began)
        return fate

    def decided(self, committed: bool, seconds: float) -> None:
        """What had become of the batch that nobody was sure of."""
        assert self.unsure is not None
        batch, self.unsure = self.unsure, None
        if committed:
            self.succeeded(batch, seconds)
        else:
            self.backlog.give_back(batch.recorded)

    def count_failure(self, began: float) -> None:
        """Another attempt came to nothing."""
        self.failures += 1
        if self.failing_since is None:
            self.failing_since = began

    def fail_all(self) -> None:
        """Nothing will be written any more."""
        self.backlog.fail_all()
        self.aside.fail_all()

    def _unwritable(self, recorded: Recorded, error: Exception) -> None:
        log.error("ledger_intent_unwritable", id=recorded.intent.draft.id, error=type(error).__name__)
        if recorded.keep:
            self.aside.put(recorded)
        else:
            recorded.fail()

    def _try_apart(self, recorded: Recorded) -> None:
        self.backlog.add_apart(recorded)
        self._wake()
