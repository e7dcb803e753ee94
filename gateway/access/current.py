"""What is in force now, and how sure this process may be of it."""

from gateway.access.snapshot import EMPTY, Snapshot
from gateway.clock import SECOND, DatabaseClock, Moment, elapsed_us
from gateway.errors import ClockUnknown, SnapshotStale

UNCERTAINTY_MAX_US = 250_000
"""A clock less certain than this opens nothing."""


class Current:
    """The snapshot, the clock and the age of both: one place to ask, one place to fill (access/feed.py)."""

    def __init__(self, stale_s: float) -> None:
        self.snapshot: Snapshot = EMPTY
        self.clock = DatabaseClock()
        self._stale_us = int(stale_s * SECOND)
        self._confirmed_at: int | None = None

    def confirm(self, asked_at: int, snapshot: Snapshot) -> None:
        """The snapshot was in force at `asked_at` (`elapsed_us()` before the database was asked)."""
        self.snapshot = snapshot
        self._confirmed_at = asked_at

    def age_us(self) -> int | None:
        """Microseconds since what is in force was last confirmed; None before the first time."""
        return None if self._confirmed_at is None else elapsed_us() - self._confirmed_at

    @property
    def is_stale(self) -> bool:
        """Whether it was not confirmed for too long, or never."""
        age = self.age_us()
        return age is None or age > self._stale_us

    def now(self) -> tuple[Snapshot, Moment]:
        """The snapshot in force and the time. Raises SnapshotStale or ClockUnknown: then nothing passes."""
        elapsed = elapsed_us()
        if self._confirmed_at is None or elapsed - self._confirmed_at > self._stale_us:
            raise SnapshotStale
        moment = self.clock.at(elapsed)
        if moment.uncertainty > UNCERTAINTY_MAX_US:
            raise ClockUnknown
        return self.snapshot, moment
