"""A strategy as bars on one axis of time: where each stage begins and ends, what narrows it, and where now is.

A stage that has requirements begins where its opening was recorded, and until that is so, not before its date.
Positions are between 0 and 1. Time is to scale as long as every span between two dates can be
seen. Where it could not (a canary of a day before a century), long spans are drawn shorter, in
order all the same, and the timeline says that it is not to scale.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise

import msgspec

from gateway.clock import DAY, NEVER, Instant, Moment
from gateway.releases.narrowed import PARTICIPLES, in_words, standing, told
from gateway.releases.narrowings import InEffect
from gateway.releases.stage_states import TO_COME, in_force, left_of, states, takes_over
from gateway.releases.strategies import NOTHING_OPENED, Stage, Strategy

SHARE_MIN = 0.05
"""Of the axis: a span that had less could not be seen."""
TAIL = 0.14
"""Of the axis, for what has no end."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One stage."""

    name: str
    access: str
    audiences: tuple[str, ...]
    share: int | None
    """The percentage of organisations that it reaches; None for all whom its audiences name."""
    state: str
    """As `stage_states.states` tells it."""
    opens: Instant
    """When it opened or will; where it waits, its date."""
    waits: bool
    """Whether it opens when its requirements hold, or those of a stage before: not before `opens`."""
    ends: Instant
    """Where it closes or the next takes its place; NEVER where neither."""
    ends_later: bool
    """Whether the next one waits: it ends not before `ends`."""
    start: float
    end: float
    irreversible: bool


class Narrowed(msgspec.Struct, frozen=True, kw_only=True):
    """One narrowing in force."""

    id: str
    done: str
    """Such as `suspended`."""
    scope: str
    """Empty for everybody."""
    since: Instant
    until: Instant
    """NEVER until it is restored."""
    told: str
    """All of it in one line."""
    start: float
    end: float


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a drawing needs."""

    release: str
    as_of: Instant
    stage: str | None
    """In force as of then."""
    stands: str
    """What is open, and what narrowings leave of it, in words."""
    now: float
    bars: tuple[Bar, ...]
    narrowings: tuple[Narrowed, ...]
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


class _Span(msgspec.Struct, frozen=True, kw_only=True):
    """When a stage is open, as far as that is known."""

    stage: Stage
    opens: Instant
    """As recorded or by its date; NEVER where that is not known."""
    begins: Instant
    ends: Instant
    ends_later: bool


def layout(
    strategy: Strategy,
    moment: Moment,
    opened: Mapping[str, Instant] = NOTHING_OPENED,
    narrowings: Sequence[InEffect] = (),
) -> Timeline:
    """The bars of a strategy and what narrows it, and now; of an uncertain moment, its later end.

    `opened` says when stages that have requirements were opened, by name: those later than the moment had not been.
    """
    now = min(moment.latest, NEVER - 1)
    known = {name: instant for name, instant in opened.items() if instant <= now}
    stage = strategy.stage_at(moment, known)
    spans, lasting = _spans(strategy, known, now), standing(narrowings, moment)
    dates = {instant for span in spans for instant in (span.begins, span.ends) if instant < NEVER}
    dates |= {instant for each in lasting for instant in _lasts(each, now) if instant < NEVER}
    beside = [] if dates and min(dates) <= now <= max(dates) else [now]
    is_endless = any(span.ends >= NEVER for span in spans) or any(_lasts(each, now)[1] >= NEVER for each in lasting)
    axis = Axis([*dates, *beside], open_ended=is_endless)
    return Timeline(
        release=strategy.release,
        as_of=moment.latest,
        stage=None if stage is None else stage.name,
        stands=_stands(strategy, known, lasting, moment),
        now=axis.position(now),
        bars=tuple(
            _bar(span, state, axis) for span, state in zip(spans, states(strategy, moment, known, lasting), strict=True)
        ),
        narrowings=tuple(_narrowed(each, axis, now) for each in lasting),
        to_scale=axis.to_scale,
    )


def _spans(strategy: Strategy, opened: Mapping[str, Instant], now: Instant) -> list[_Span]:
    """Every stage in order: each ends where the next that leaves nobody in it begins; what waits begins now at the
    earliest."""
    openings = strategy.openings(opened)
    begins: list[Instant] = []
    for stage, opens in openings:
        begins.append(opens if opens < NEVER else max([stage.opens, now, *begins[-1:]]))
    for place in range(len(begins) - 2, -1, -1):  # what waits is passed over by what ends a release at its date
        begins[place] = min(begins[place], begins[place + 1])
    spans = []
    for place, (stage, opens) in enumerate(openings):
        after = next((n for n, (each, _) in enumerate(openings) if n > place and takes_over(each, stage)), None)
        following = NEVER if after is None else begins[after]
        spans.append(
            _Span(
                stage=stage,
                opens=opens,
                begins=begins[place],
                ends=max(begins[place], min(stage.closes, following)),
                ends_later=after is not None and openings[after][1] >= NEVER and stage.closes > following,
            )
        )
    return spans


def _bar(span: _Span, state: str, axis: Axis) -> Bar:
    stage, waits = span.stage, span.opens >= NEVER and state in TO_COME
    return Bar(
        name=stage.name,
        access=stage.access.value,
        audiences=stage.to,
        share=None if stage.canary is None else stage.canary.percent,
        state=state,
        opens=stage.opens if span.opens >= NEVER else span.opens,
        waits=waits,
        ends=span.ends,
        ends_later=span.ends_later,
        start=axis.position(span.begins),
        end=axis.position(span.ends),
        irreversible=stage.irreversible,
    )


def _stands(strategy: Strategy, opened: Mapping[str, Instant], lasting: Sequence[InEffect], moment: Moment) -> str:
    """What is open, to which share, and what narrowings leave of it."""
    stage = strategy.stage_at(moment, opened)
    done = in_words(stage, lasting, moment)
    if stage is None:
        return "no stage is open" if done is None else f"no stage is open; {done}"
    left = left_of(strategy, stage, lasting, moment)
    if left.done:
        return f"{stage.name} is {left.told}"
    open_ = f"{stage.name} is open"
    if stage.canary is not None:
        others = [each.name for each in in_force(strategy, moment, opened) if each is not stage]
        rest = " and ".join(others) or "nothing"
        open_ = f"{open_} to {stage.canary.percent} % of organisations, {rest} to the others"
    return open_ if done is None else f"{open_}; {done}"


def _narrowed(each: InEffect, axis: Axis, now: Instant) -> Narrowed:
    start, end = _lasts(each, now)
    return Narrowed(
        id=each.narrowing.id,
        done=PARTICIPLES[each.narrowing.verb],
        scope=each.narrowing.scope,
        since=each.narrowing.taken_at,
        until=each.narrowing.until,
        told=told(each),
        start=axis.position(start),
        end=axis.position(end),
    )


def _lasts(each: InEffect, now: Instant) -> tuple[Instant, Instant]:
    """From when to when; what was taken within the uncertainty of now was taken now."""
    return min(each.narrowing.taken_at, now), each.narrowing.until


def _shortened(span: float) -> float:
    """A longer span stays the longer, and a hundred times longer is less than three times as wide."""
    return 1 + math.log10(1 + span / DAY)
