"""How often a code may be asked after, and how often a wrong one may be entered: kept in memory, in bounds, the oldest
forgotten first.

Each process counts by itself, so that being asked costs no transaction: of two processes somebody gets twice as much,
which neither guesses 34 bits nor loads a database.
"""

from collections import OrderedDict

from gateway.clock import MINUTE, SECOND

SLOWER = 5 * SECOND
"""By how much whoever asks too early must wait longer from then on (RFC 8628, 3.5)."""

WAIT_MAX = 2 * MINUTE

GUESSES = 5
GUESSES_WITHIN = 10 * MINUTE
"""As long as a code stands: so that nobody tries more than five while any one does, which finds it once in five billion
times (RFC 8628, 5.1)."""

KEEPS = 10_000


class Pace:
    """When each was last asked after, and how long it must wait between two times. Times are by `elapsed_us()`."""

    def __init__(self, interval: int, keeps: int = KEEPS) -> None:
        self._interval = interval
        self._keeps = keeps
        self._asked: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def is_too_early(self, asked: str, elapsed: int) -> bool:
        """Whether this comes before its time; the next then comes later still."""
        before, interval = self._asked.pop(asked, (None, self._interval))
        too_early = before is not None and elapsed - before < interval
        if too_early:
            interval = min(interval + SLOWER, WAIT_MAX)
        self._asked[asked] = elapsed, interval
        if len(self._asked) > self._keeps:
            self._asked.popitem(last=False)
        return too_early


class Guesses:
    """How often each has lately entered what was no code. Times are by `elapsed_us()`."""

    def __init__(self, keeps: int = KEEPS) -> None:
        self._keeps = keeps
        self._wrong: OrderedDict[str, list[int]] = OrderedDict()

    def wait_us(self, who: str, elapsed: int) -> int:
        """How long until this one may enter another; 0 where that may be now."""
        recent = self._recent(who, elapsed)
        return recent[-GUESSES] + GUESSES_WITHIN - elapsed if len(recent) >= GUESSES else 0

    def note(self, who: str, elapsed: int) -> None:
        """One was wrong."""
        recent = [*self._recent(who, elapsed), elapsed]
        self._wrong.pop(who, None)
        self._wrong[who] = recent
        if len(self._wrong) > self._keeps:
            self._wrong.popitem(last=False)

    def _recent(self, who: str, elapsed: int) -> list[int]:
        return [each for each in self._wrong.get(who, ()) if elapsed - each < GUESSES_WITHIN]
