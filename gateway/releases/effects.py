"""Two strategies as they stand one beside the other, interval by interval, from a moment on.

Between two boundaries of either nothing changes by dates: each interval is compared once, at its beginning, in every
two positions in which both may be (positions.py).
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from gateway.clock import NEVER, Instant, Moment
from gateway.releases.components import Component
from gateway.releases.narrowness import audiences_within, stage_within
from gateway.releases.positions import Course, Position, are_few, together
from gateway.releases.recorded import NOTHING_RECORDED, Recorded
from gateway.releases.strategies import AccessLevel, Stage, Strategy


class Effect(StrEnum):
    """What a change does to what may pass."""

    NEUTRAL = "neutral"
    NARROWING = "narrowing"
    WIDENING = "widening"


def worst(effects: Iterable[Effect]) -> Effect:
    """What several come to together: widening as soon as one widens."""
    met = set(effects)
    return next((effect for effect in (Effect.WIDENING, Effect.NARROWING) if effect in met), Effect.NEUTRAL)


def instants(strategies: Iterable[Strategy], moment: Moment) -> list[Instant]:
    """The beginning of each interval: now, and every boundary of any of the strategies to come."""
    found = {moment.earliest}
    for strategy in strategies:
        for stage in strategy.stages:
            review = NEVER if stage.review is None else stage.review.by
            found |= {instant for instant in (stage.opens, stage.closes, review) if moment.earliest < instant < NEVER}
    return sorted(found)


def stands_again(course: Course, stage: Stage, moment: Moment) -> bool:
    """Whether a stage of this name may be in force at some instant from now on, for somebody."""
    return not are_few(course.strategy) or any(
        position.stage is not None and position.stage.name == stage.name
        for instant in instants([course.strategy], moment)
        for position in course.positions(instant)
    )


def matters_again(course: Course, stage: Stage, moment: Moment) -> bool:
    """Whether a stage of this name may be in force, or the next to open, which decides who may know of the release.

    One that has missed its end while it waited is the next to open for ever.
    """
    return not are_few(course.strategy) or any(
        found is not None and found.name == stage.name
        for instant in instants([course.strategy], moment)
        for position in course.positions(instant)
        for found in (position.stage, position.coming)
    )


def gives_weights(course: Course, moment: Moment) -> bool:
    """Whether weights may leave at some instant from now on."""
    return bool(giving_weights(course, moment))


def giving_weights(course: Course, moment: Moment) -> list[str]:
    """Names of the stages by which they may."""
    offering = [stage for stage in course.strategy.stages if Component.WEIGHTS in stage.offers]
    return [stage.name for stage in offering if stands_again(course, stage, moment)]


class Compared(msgspec.Struct, frozen=True):
    """What other dates and other stages come to."""

    effect: Effect
    irreversible: bool
    recorded: Recorded
    """By which they were compared."""


def compared(old: Course, new: Course, moment: Moment, recorded: Recorded = NOTHING_RECORDED) -> Compared:
    """What it does that other stages stand at other times, for others, or by other requirements.

    What a stage of both versions says is left out. Whatever requirements come to, and whoever asks, counts, beside
    what was recorded of the stages of either. Where that is more than can be gone through, it widens.
    """
    before, after = old.strategy, new.strategy
    if not (are_few(before) and are_few(after)):
        return Compared(Effect.WIDENING, any(Component.WEIGHTS in stage.offers for stage in after.stages), recorded)
    steps: dict[tuple[Stage | None, ...], Effect] = {}
    for instant in instants([before, after], moment):
        for one, other in together(old, new, instant, recorded):
            pair = (one.stage, one.coming, other.stage, other.coming)
            if pair not in steps:
                stood, stands = _Stood(before, one), _Stood(after, other)
                steps[pair] = worst([_standing(stood, stands), _known(stood, stands)])
    irreversible = any(
        effect is Effect.WIDENING and becomes is not None and Component.WEIGHTS in becomes.offers
        for (_, _, becomes, _), effect in steps.items()
    )
    return Compared(worst(steps.values()), irreversible, recorded)


class _Stood:
    """What stands, and what is to come, in one position."""

    def __init__(self, strategy: Strategy, position: Position) -> None:
        self.strategy = strategy
        self.stage = position.stage
        self.coming = position.coming

    @property
    def is_known(self) -> bool:
        """Whether everybody may know of the release: it is listed, and neither closed nor about to open as closed."""
        decides = self.coming if self.stage is None else self.stage
        return self.strategy.listed and (decides is None or decides.access is not AccessLevel.CLOSED)

    @property
    def told(self) -> Stage | None:
        """The stage to come, if whom it will admit may know of the release before."""
        is_closed = self.stage is not None and self.stage.access is AccessLevel.CLOSED
        return None if is_closed else self.coming


def _standing(old: _Stood, new: _Stood) -> Effect:
    if new.stage is None:
        return Effect.NEUTRAL if old.stage is None else Effect.NARROWING
    if old.stage is None:
        return Effect.WIDENING
    if old.stage.name == new.stage.name:
        return Effect.NEUTRAL
    within = stage_within(new.stage, new.strategy, old.stage, old.strategy)
    return Effect.NARROWING if within else Effect.WIDENING


def _known(old: _Stood, new: _Stood) -> Effect:
    """Who may know of the release: everybody, or whom the stage to come will admit."""
    if new.is_known != old.is_known:
        return Effect.WIDENING if new.is_known else Effect.NARROWING
    knew, knows = old.told, new.told
    if new.is_known or knew is knows is None:
        return Effect.NEUTRAL
    if knows is None:
        return Effect.NARROWING
    if knew is not None and knew.name == knows.name:
        return Effect.NEUTRAL
    within = audiences_within(knows.to, new.strategy.audiences, [] if knew is None else knew.to, old.strategy.audiences)
    return Effect.NARROWING if within else Effect.WIDENING
