"""The database's clock as this process knows it: an interval, never a single instant.

Instants are integers, microseconds since the Unix epoch in UTC. They fit in 53 bits, so JSON,
Rego and both databases carry them exactly.
"""

import time
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.errors import ClockUnknown

Instant = int
"""Microseconds since the Unix epoch, UTC."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NEVER: Instant = 8_835_984_000 * SECOND
"""2250-01-01T08:00:00Z: later than any that a strategy may name, and within 53 bits."""

AHEAD_MAX = 5 * SECOND
"""What was recorded later than so far from now was recorded by a clock that was wrong: processes differ by less."""

DRIFT_PPM = 500
"""How far a local oscillator may run off, in microseconds a second (the kernel slews no faster)."""


READING_US = 1_000
"""How coarse a reading may be: SQLite counts milliseconds, and the true instant lies within the one it named."""


class Moment(NamedTuple):
    """Now, as an interval: the true instant lies between both ends, inclusive."""

    earliest: Instant
    latest: Instant

    def surely_reached(self, instant: Instant) -> bool:
        """True once no possible now lies before the instant. What opens asks this."""
        return self.earliest >= instant

    def maybe_reached(self, instant: Instant) -> bool:
        """True as soon as some possible now has reached the instant. What closes asks this."""
        return self.latest >= instant

    @property
    def uncertainty(self) -> int:
        """Width of the interval in microseconds."""
        return self.latest - self.earliest


def at(instant: Instant) -> Moment:
    """A moment without uncertainty."""
    return Moment(instant, instant)


def elapsed_us() -> int:
    """Microseconds on a clock that is never set and goes on while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def instant_from(moment: datetime) -> Instant:
    """The instant of an aware datetime."""
    if moment.tzinfo is None:
        raise ValueError("a date without a time zone is not an instant")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def datetime_from(instant: Instant) -> datetime:
    """The aware datetime of an instant, in UTC."""
    seconds, microseconds = divmod(instant, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)


def text_from(instant: Instant) -> str:
    """RFC 3339 in UTC, without a fraction where there is none: `2026-03-01T00:00:00Z`."""
    return datetime_from(instant).isoformat().replace("+00:00", "Z")


def instant_written(text: str) -> Instant:
    """The instant that `text_from` wrote."""
    return instant_from(datetime.fromisoformat(text))


class _Step(NamedTuple):
    """A step of the database's clock, by the bounds of its offset from ours: lowest and highest."""

    before: tuple[int, int]
    """As carried on, when it was noticed."""
    after: tuple[int, int]
    """As the first reading behind it said."""
    latest: tuple[int, int]
    """As all readings behind it say together, carried on to the latest of them."""


class DatabaseClock:
    """Carries the database's clock on a clock of our own that nobody can set.

    Every reading bounds the offset between the two: the database answered after we asked and
    before we heard. Readings that agree narrow the bounds; between readings the bounds widen by
    the drift. A reading that cannot be reconciled is a step of the database's clock (with SQLite:
    of the machine's own): it is counted and not followed, so that no decision changes by it. Behind
    the step readings go on to tell how the two clocks run, and that is followed.
    """

    def __init__(self) -> None:
        self._low = 0
        self._high = 0
        self._read_at: int | None = None
        self._step: _Step | None = None
        """The latest, while readings stand behind it."""
        self.steps = 0

    def observe(self, database_now: Instant, asked_at: int, heard_at: int) -> int:
        """Take one reading; `asked_at` and `heard_at` are `elapsed_us()` around the query.

        Returns the microseconds by which the database's clock has newly stepped: 0 where the reading
        agrees with the clock as carried on, and where it disagrees no more than the one before.
        """
        low, high = database_now - heard_at, database_now + READING_US - asked_at
        if self._read_at is None:
            self._low, self._high, self._read_at = low, high, heard_at
            return 0
        slack = self._slack(heard_at)
        carried_low, carried_high = self._low - slack, self._high + slack
        step = self._step
        if step is not None and low <= step.latest[1] + slack and high >= step.latest[0] - slack:
            latest = max(low, step.latest[0] - slack), min(high, step.latest[1] + slack)
            self._go_on_behind(step._replace(latest=latest), (carried_low, carried_high), heard_at)
            return 0
        if low <= carried_high and high >= carried_low:
            self._low, self._high = max(low, carried_low), min(high, carried_high)
            self._read_at = heard_at
            self._step = None
            return 0
        self._step = _Step((carried_low, carried_high), (low, high), (low, high))
        self.steps += 1
        return low - carried_high if low > carried_high else high - carried_low

    def _go_on_behind(self, step: _Step, carried: tuple[int, int], heard_at: int) -> None:
        """Move the bounds from before the step by what the offset has moved since it, and no further than the drift."""
        self._step = step
        low = max(carried[0], step.before[0] + step.latest[0] - step.after[1])
        high = min(carried[1], step.before[1] + step.latest[1] - step.after[0])
        if low <= high:
            self._low, self._high, self._read_at = low, high, heard_at

    def now(self) -> Moment:
        """The interval in which the database's clock stands. Raises ClockUnknown before the first reading."""
        return self.at(elapsed_us())

    def at(self, elapsed: int) -> Moment:
        """The same at a reading of `elapsed_us()` that was just taken."""
        if self._read_at is None:
            raise ClockUnknown
        slack = self._slack(elapsed)
        return Moment(elapsed + self._low - slack, elapsed + self._high + slack)

    def _slack(self, elapsed: int) -> int:
        if self._read_at is None:
            return 0
        return (elapsed - self._read_at) * DRIFT_PPM // 1_000_000 + 1
