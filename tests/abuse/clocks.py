"""A clock that stands where a test puts it."""

from gateway.clock import Instant, Moment


class StoppedClock:
    """Takes the place of the database's clock in what is current."""

    steps = 0

    def __init__(self, instant: Instant, *, uncertainty: int = 0) -> None:
        self.stands_at(instant, uncertainty=uncertainty)

    def stands_at(self, instant: Instant, *, uncertainty: int = 0) -> None:
        """Now is this instant, or any of so many microseconds after it."""
        self._moment = Moment(instant, instant + uncertainty)

    def now(self) -> Moment:
        """The moment it was put at."""
        return self._moment

    def at(self, _elapsed: int) -> Moment:
        """The same, however much time has passed."""
        return self._moment

    def observe(self, _database_now: Instant, _asked_at: int, _heard_at: int) -> int:
        """Readings change nothing."""
        return 0
