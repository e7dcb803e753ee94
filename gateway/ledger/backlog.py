"""What waits to be written, in the order in which it will be."""

from collections import deque

from gateway.ledger.intents import Recorded

BATCH_MAX = 1024
"""Entries a transaction: beyond it the head's lock would be held for long and little would be saved."""


class Backlog:
    """First the parts of a batch in which an intent is at fault, then what is written again, then what is new."""

    def __init__(self) -> None:
        self._pieces: deque[list[Recorded]] = deque()
        self._again: deque[Recorded] = deque()
        self._fresh: deque[Recorded] = deque()

    def __len__(self) -> int:
        waiting = len(self._again) + len(self._fresh)
        return waiting + sum(map(len, self._pieces)) if self._pieces else waiting

    @property
    def has_fresh(self) -> bool:
        """Whether something waits that was not tried yet, or is to be tried by itself."""
        return bool(self._fresh or self._pieces)

    def add(self, recorded: Recorded) -> None:
        """Something new."""
        self._fresh.append(recorded)

    def add_apart(self, recorded: Recorded) -> None:
        """Something that is to be tried by itself, next."""
        self._pieces.append([recorded])

    def take(self) -> list[Recorded]:
        """The next batch, which may be empty; what nobody wants any more is left out."""
        if self._pieces:
            return self._pieces.popleft()
        batch: list[Recorded] = []
        while self._again and len(batch) < BATCH_MAX:
            batch.append(self._again.popleft())
        while self._fresh and len(batch) < BATCH_MAX:
            recorded = self._fresh.popleft()
            if recorded.is_wanted:
                batch.append(recorded)
            else:
                recorded.fail()
        return batch

    def halve(self, failed: list[Recorded]) -> None:
        """Try a batch again in two halves, next."""
        middle = len(failed) // 2
        self._pieces.extendleft((failed[middle:], failed[:middle]))

    def give_back(self, failed: list[Recorded]) -> None:
        """The database failed: what is to be kept is written again, the rest of what was tried fails."""
        failed = [*failed, *self._unpieced()]
        self._again.extendleft(reversed([recorded for recorded in failed if recorded.keep]))
        for recorded in failed:
            if not recorded.keep:
                recorded.fail()

    def fail_unkept(self) -> None:
        """Nothing can be written for now: whoever waits is told at once."""
        for recorded in self._fresh:
            if not recorded.keep:
                recorded.fail()

    def fail_all(self) -> None:
        """Nothing will ever be written again."""
        for recorded in (*self._unpieced(), *self._again, *self._fresh):
            recorded.fail()
        self._again.clear()
        self._fresh.clear()

    def _unpieced(self) -> list[Recorded]:
        tried = [recorded for piece in self._pieces for recorded in piece]
        self._pieces.clear()
        return tried
