"""Requests per minute and tokens per day, exact: taken with the record of the call, settled with its end.

A minute is any sixty seconds: admissions are counted by the second, and a second counts until it
lies wholly more than a minute back, so no span of sixty seconds ever holds more than the limit.
A day is a calendar day in UTC. Tokens are taken at the worst a call can come to and settled at
what it came to, on the day it was admitted: what is spent can only be less than what was taken.

Time never goes back within a meter, but for one whose last use is yet to come: a clock that ran ahead counted it.
That use is then counted now, for the full minute and on today's account, and limits go on.
"""

from collections.abc import Sequence

import msgspec

from gateway.access.reasons import Reason
from gateway.clock import AHEAD_MAX, DAY, SECOND, Instant

WINDOW_S = 60


class Take(msgspec.Struct, frozen=True):
    """What one call takes when it is admitted."""

    scope: str
    """Whose limits: `organisation:release`."""
    tokens: int = 0
    """The worst it can come to, input and output together."""
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None


class Settle(msgspec.Struct, frozen=True):
    """What one call gives back when it is finished."""

    scope: str
    day: int
    """The day it was admitted on, as `Taken` said."""
    reserved: int
    used: int


class Taken(msgspec.Struct, frozen=True):
    """The limits fitted. Remaining is None where no limit is set."""

    day: int
    requests_remaining: int | None
    tokens_remaining: int | None


NEAR = 10
"""A limit is near where no more than one part in so many is left of it."""


def near(claim: Take, taken: Taken) -> list[str]:
    """Which limits are near after a call has taken its part: `requests`, `tokens`."""
    found: list[str] = []
    rest, most = taken.requests_remaining, claim.requests_per_minute
    if rest is not None and most and rest * NEAR <= most:
        found.append("requests")
    rest, most = taken.tokens_remaining, claim.tokens_per_day
    if rest is not None and most and rest * NEAR <= most:
        found.append("tokens")
    return found


class Left(msgspec.Struct, frozen=True):
    """How one limit stands."""

    limit: int
    remaining: int
    reset_s: int
    """Whole seconds until all of it is there again, rounded up."""


class Exceeded(msgspec.Struct, frozen=True):
    """A limit did not fit; nothing was taken."""

    reason: Reason
    retry_after_s: int | None
    """Whole seconds until it could fit, rounded up; None where it never can."""
    requests: Left | None
    tokens: Left | None


class Meter:
    """The use of one scope. Lives inside one transaction; only its row outlives it."""

    __slots__ = ("_asked_at", "_at", "_in_window", "day", "requests", "seconds", "tokens_reserved", "tokens_used")

    def __init__(self) -> None:
        self.seconds: dict[int, int] = {}
        """Admissions by second of the epoch, of the last minute; in order."""
        self.day = 0
        """Days since the epoch, UTC."""
        self.requests = 0
        """Admitted today."""
        self.tokens_used = 0
        self.tokens_reserved = 0
        self._asked_at = self._at = -1
        """Up to when it was last brought, as asked and as it came to; -1 before the first time."""
        self._in_window = 0
        """The sum of `seconds`, from that time on."""

    @classmethod
    def stored(cls, seconds: bytes, day: int, requests: int, tokens_used: int, tokens_reserved: int) -> "Meter":
        """A meter from its row."""
        meter = cls()
        meter.seconds = dict(msgspec.json.decode(seconds, type=list[tuple[int, int]]))
        meter.day, meter.requests = day, requests
        meter.tokens_used, meter.tokens_reserved = tokens_used, tokens_reserved
        return meter

    def row(self) -> tuple[bytes, int, int, int, int]:
        """What is stored, in the order in which `stored` takes it."""
        seconds = msgspec.json.encode(list(self.seconds.items()))
        return seconds, self.day, self.requests, self.tokens_used, self.tokens_reserved

    def take(self, claim: Take, at: Instant) -> Taken | Exceeded:
        """Take all that the claim names, or nothing."""
        at = self._advance(at)
        requests_remaining = tokens_remaining = None
        if claim.requests_per_minute is not None:
            requests_remaining = claim.requests_per_minute - self._in_window - 1
            if requests_remaining < 0:
                return self._exceeded(Reason.RATE_LIMIT_EXCEEDED, claim, at)
        if claim.tokens_per_day is not None:
            tokens_remaining = claim.tokens_per_day - self.tokens_used - self.tokens_reserved - claim.tokens
            if tokens_remaining < 0:
                return self._exceeded(Reason.INSUFFICIENT_QUOTA, claim, at)
        second = at // SECOND
        self.seconds[second] = self.seconds.get(second, 0) + 1
        self._in_window += 1
        self.requests += 1
        self.tokens_reserved += claim.tokens
        return Taken(self.day, requests_remaining, tokens_remaining)

    def settle(self, claim: Settle, at: Instant) -> None:
        """Give back what was taken and count what was used; a day that has passed is closed."""
        self._advance(at)
        if claim.day == self.day:
            self.tokens_reserved = max(0, self.tokens_reserved - claim.reserved)
            self.tokens_used += claim.used

    def requests_in_window(self, at: Instant) -> int:
        """Admissions that count against a minute's limit at this instant."""
        self._advance(at)
        return self._in_window

    def _advance(self, at: Instant) -> Instant:
        """Bring the meter up to an instant; returns that instant, or the meter's own where that is later.

        All claims of a batch are taken at one instant: only the first of them costs anything.
        """
        if at == self._asked_at:
            return self._at
        self._asked_at = at
        at = self._at = self._never_back(at)
        oldest = at // SECOND - WINDOW_S
        while self.seconds and (first := next(iter(self.seconds))) < oldest:
            del self.seconds[first]
        day = at // DAY
        if day > self.day:
            self.day, self.requests, self.tokens_used, self.tokens_reserved = day, 0, 0, 0
        self._in_window = sum(self.seconds.values())
        return at

    def _never_back(self, at: Instant) -> Instant:
        newest = max(next(reversed(self.seconds), 0) * SECOND, self.day * DAY)
        if newest <= at + AHEAD_MAX:
            return max(at, newest)
        second = at // SECOND
        yet_to_come = sum(count for each, count in self.seconds.items() if each >= second)
        self.seconds = {each: count for each, count in self.seconds.items() if each < second}
        if yet_to_come:
            self.seconds[second] = yet_to_come
        self.day = min(self.day, at // DAY)
        return at

    def _exceeded(self, reason: Reason, claim: Take, at: Instant) -> Exceeded:
        requests = tokens = None
        if (most := claim.requests_per_minute) is not None:
            last = max(self.seconds, default=None)
            reset_s = 0 if last is None else _until_forgotten_s(last, at)
            requests = Left(most, max(0, most - self._in_window), reset_s)
        if (most := claim.tokens_per_day) is not None:
            midnight_s = -((at - (self.day + 1) * DAY) // SECOND)
            tokens = Left(most, max(0, most - self.tokens_used - self.tokens_reserved), midnight_s)
        if reason is Reason.RATE_LIMIT_EXCEEDED:
            return Exceeded(reason, self._wait_s(claim.requests_per_minute or 0, at), requests, tokens)
        fits_tomorrow = tokens is not None and claim.tokens <= tokens.limit
        return Exceeded(reason, tokens.reset_s if tokens and fits_tomorrow else None, requests, tokens)

    def _wait_s(self, requests_per_minute: int, at: Instant) -> int:
        """Until one more request fits."""
        excess = self._in_window + 1 - requests_per_minute
        for second, count in sorted(self.seconds.items()):
            excess -= count
            if excess <= 0:
                return max(1, _until_forgotten_s(second, at))
        return WINDOW_S + 1


def _until_forgotten_s(second: int, at: Instant) -> int:
    """Whole seconds until admissions of that second count no more."""
    return -((at - (second + WINDOW_S + 1) * SECOND) // SECOND)


def scope_of(organisation: str, release: str) -> str:
    """Whose limits a call takes: an organisation's towards one release, whichever key it uses."""
    return f"{organisation}:{release}"


def scopes_of(claims: Sequence[object]) -> set[str]:
    """The scopes that these claims touch."""
    return {claim.scope for claim in claims if isinstance(claim, Take | Settle)}
