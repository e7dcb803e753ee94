"""Entries that must be written and could not be, though the database is well: each is tried again by itself.

What one attempt died of (memory, a driver's moment) is mostly gone at the next. What is not is written in the end in
the fewest words there are for it, where whoever handed it over knew some; and where not even those can be written, the
entry is given up, and the call that it would have closed stays open for the next process to close.
"""

import asyncio
from collections.abc import Callable

import structlog

from gateway.ledger.intents import Recorded

log = structlog.get_logger()

PAUSES_S = (0.05, 0.2, 1.0, 5.0)
"""Before each further attempt, in either wording."""


class Aside:
    """What waits for its next attempt."""

    def __init__(self, again: Callable[[Recorded], None]) -> None:
        """`again` has one of them tried, by itself."""
        self._again = again
        self._waiting: dict[Recorded, asyncio.TimerHandle] = {}
        self._hurries = False
        self.replaced = 0
        """Entries that were written in fewer words than they were meant to have."""
        self.given_up = 0
        """Entries that will never be written."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, recorded: Recorded) -> None:
        """An attempt of its own has failed."""
        if recorded.tries == len(PAUSES_S) and not self._reworded(recorded):
            self.given_up += 1
            log.error("ledger_intent_given_up", id=recorded.intent.draft.id)
            recorded.fail()
            return
        pause_s = 0.0 if self._hurries else PAUSES_S[recorded.tries]
        recorded.tries += 1
        loop = asyncio.get_running_loop()
        self._waiting[recorded] = loop.call_later(pause_s, self._due, recorded)

    def hurry(self) -> None:
        """There is no time for pauses any more."""
        self._hurries = True
        for recorded, timer in list(self._waiting.items()):
            timer.cancel()
            self._due(recorded)

    def fail_all(self) -> None:
        """Nothing will ever be written again."""
        for recorded, timer in self._waiting.items():
            timer.cancel()
            recorded.fail()
        self._waiting.clear()

    def _due(self, recorded: Recorded) -> None:
        del self._waiting[recorded]
        self._again(recorded)

    def _reworded(self, recorded: Recorded) -> bool:
        """Give it its fewest words, once; False where it has none, or has them already."""
        if recorded.in_short is None:
            return False
        recorded.intent, recorded.in_short, recorded.tries = recorded.in_short(), None, 0
        recorded.part = recorded.intent.draft.written()
        self.replaced += 1
        return True
