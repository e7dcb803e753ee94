"""When a question is about: now, an instant that has been, or one to come. Pure.

What has been is answered by what was recorded by then; what is to come by what is recorded now.
"""

from enum import StrEnum

import msgspec

from gateway.clock import Instant, Moment, at


class Tense(StrEnum):
    """Where an instant lies from now."""

    PAST = "past"
    NOW = "now"
    FUTURE = "future"


class AsOf(msgspec.Struct, frozen=True):
    """The moment that is asked about, and by when what counts must have been recorded."""

    moment: Moment
    tense: Tense

    @property
    def known(self) -> Instant | None:
        """Only what was recorded by then counts; None where all does."""
        return self.moment.latest if self.tense is Tense.PAST else None


def as_of(instant: Instant | None, now: Moment) -> AsOf:
    """When is asked about. An instant within the clock's uncertainty is now: it may not have been yet."""
    if instant is None or (now.earliest <= instant <= now.latest):
        return AsOf(now, Tense.NOW)
    return AsOf(at(instant), Tense.PAST if instant < now.earliest else Tense.FUTURE)
