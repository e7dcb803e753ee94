"""How many searches of the ledger run at once: so many in all, and fewer for any one who asks.

A search may read many thousand entries. Whoever asks in parallel what could be asked in turn is told to wait,
before anything is read; those who oversee have room of their own, which no customer can take.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import GatewayError
from gateway.identity.callers import OVERSIGHT, Caller

CUSTOMERS_AT_ONCE = 6
OVERSEERS_AT_ONCE = 6
EACH = 2
"""An organisation's searches, or those of one key that oversees."""


class TooManySearches(GatewayError):
    """More searches at once than there is room for."""

    status = 429
    code = "too_many_searches"
    message = "Too many searches of the ledger run at once."
    next_step = "Wait as `retry-after` says, and ask for one page after the other."
    retry_after_s = 1


class Room:
    """Room for so many at once, of whom each may take a part."""

    def __init__(self, at_once: int, each: int) -> None:
        self._at_once = at_once
        self._each = each
        self._within: Counter[str] = Counter()

    @contextmanager
    def taken(self, who: str) -> Iterator[None]:
        """Take a place for the length of the block. Raises TooManySearches where there is none."""
        if self._within.total() >= self._at_once or self._within[who] >= self._each:
            raise TooManySearches
        self._within[who] += 1
        try:
            yield
        finally:
            self._within[who] -= 1
            if not self._within[who]:
                del self._within[who]


class Searching:
    """The room there is for searches in one process."""

    def __init__(self) -> None:
        self._customers = Room(CUSTOMERS_AT_ONCE, EACH)
        self._overseers = Room(OVERSEERS_AT_ONCE, EACH)

    @contextmanager
    def by(self, caller: Caller) -> Iterator[None]:
        """A caller's search, for the length of the block. Raises TooManySearches."""
        oversees = caller.has(*OVERSIGHT)
        room, who = (self._overseers, caller.key) if oversees else (self._customers, caller.organisation)
        with room.taken(who):
            yield
