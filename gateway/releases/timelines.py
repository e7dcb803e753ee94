"""A strategy as bars on one axis of time: where each stage begins and ends, and where now is.

Positions are between 0 and 1. Time is to scale as long as every span between two dates can be
seen. Where it could not (a canary of a day before a century), long spans are drawn shorter, in
order all the same, and the timeline says that it is not to scale.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate, pairwise

import msgspec

from gateway.clock import DAY, NEVER, Instant, Moment
from gateway.releases.strategies import Stage, Strategy

SHARE_MIN = 0.05
"""Of the axis: a span that had less could not be seen."""
TAIL = 0.14
"""Of the axis, for what has no end."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One stage."""

    name: str
    access: str
    audiences: tuple[str, ...]
    state: str
    """past, open or to come."""
    opens: Instant
    ends: Instant
    """Where it closes or the next takes its place; NEVER where neither."""
    start: float
    end: float
    irreversible: bool


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a drawing needs."""

    release: str
    as_of: Instant
    stage: str | None
    """In force as of then."""
    now: float
    bars: tuple[Bar, ...]
    to_scale: bool


class Axis:
    """From instants to positions: strictly in order, whatever lies between them."""

    def __init__(self, dates: Iterable[Instant], *, open_ended: bool) -> None:
        self._dates = sorted(set(dates))
        spans: list[float] = [later - earlier for earlier, later in pairwise(self._dates)]
        self.to_scale = all(span >= SHARE_MIN * sum(spans) for span in spans)
        if not self.to_scale:
            spans = [_shortened(span) for span in spans]
        unit = (1 - TAIL if open_ended else 1) / (sum(spans) or 1)
        self._at = [unit * before for before in accumulate(spans, initial=0.0)]

    def position(self, instant: Instant) -> float:
        """Where an instant between the first and the last date is; what never comes is at the end."""
        if instant >= NEVER:
            return 1.0
        after = bisect_left(self._dates, instant)
        if self._dates[after] == instant:
            return self._at[after]
        low, high = self._dates[after - 1 : after + 1]
        share = (instant - low) / (high - low)
        return self._at[after - 1] + share * (self._at[after] - self._at[after - 1])


def layout(strategy: Strategy, moment: Moment) -> Timeline:
    """The bars of a strategy, and now; of an uncertain moment, its later end."""
    in_force = strategy.stage_at(moment)
    now = min(moment.latest, NEVER - 1)
    ends = [_end(stage, after) for stage, after in pairwise([*strategy.stages, None]) if stage is not None]
    dates = [*(stage.opens for stage in strategy.stages), *(end for end in ends if end < NEVER)]
    beside = [] if dates and min(dates) <= now <= max(dates) else [now]
    axis = Axis([*dates, *beside], open_ended=NEVER in ends)
    bars = tuple(
        Bar(
            name=stage.name,
            access=stage.access.value,
            audiences=stage.to,
            state=_state(stage, in_force, moment),
            opens=stage.opens,
            ends=end,
            start=axis.position(stage.opens),
            end=axis.position(end),
            irreversible=stage.irreversible,
        )
        for stage, end in zip(strategy.stages, ends, strict=True)
    )
    return Timeline(
        release=strategy.release,
        as_of=moment.latest,
        stage=None if in_force is None else in_force.name,
        now=axis.position(now),
        bars=bars,
        to_scale=axis.to_scale,
    )


def _end(stage: Stage, after: Stage | None) -> Instant:
    return min(stage.closes, NEVER if after is None else after.opens)


def _state(stage: Stage, in_force: Stage | None, moment: Moment) -> str:
    if in_force == stage:
        return "open"
    return "past" if moment.surely_reached(stage.opens) else "to come"


def _shortened(span: float) -> float:
    """A longer span stays the longer, and a hundred times longer is less than three times as wide."""
    return 1 + math.log10(1 + span / DAY)
