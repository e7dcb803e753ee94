"""How a stage stands at a moment: one word, the same wherever stages are shown."""

from collections.abc import Mapping, Sequence
from itertools import takewhile

import msgspec

from gateway.clock import Instant, Moment
from gateway.releases.narrowed import PARTICIPLES, Remaining, remaining, standing
from gateway.releases.narrowings import TO_A_STAGE, InEffect
from gateway.releases.strategies import NOTHING_OPENED, Stage, Strategy

TO_COME = ("to come", "waiting", "missed")
"""States of a stage that has not opened."""


def states(
    strategy: Strategy,
    moment: Moment,
    opened: Mapping[str, Instant] = NOTHING_OPENED,
    narrowings: Sequence[InEffect] = (),
) -> list[str]:
    """Of each stage in order: past, open, to come, or why it is not open though its date has come.

    It is waiting for its requirements, or for a stage before it; missed where its end has come first; or, of a
    stage in force, what was done to all of it for everybody: held, rolled back, suspended, withdrawn, recalled or
    embargoed. Several are open at once where a share of the organisations is ahead of the others, and a stage that
    is past is open again for whoever was taken back to it.
    """
    open_now = in_force(strategy, moment, opened)
    left = {each.name: left_of(strategy, each, narrowings, moment) for each in open_now}
    taken_back = {each.to for each in left.values() if is_whole(each)}
    return [
        _narrowed(left[stage.name])
        if stage.name in left
        else "open"
        if stage.name in taken_back
        else _by_dates(stage, opens, moment)
        for stage, opens in strategy.openings(opened)
    ]


def in_force(strategy: Strategy, moment: Moment, opened: Mapping[str, Instant] = NOTHING_OPENED) -> tuple[Stage, ...]:
    """Every stage in which an organisation may be, in order: where the last is for a share, the others are before."""
    found: list[Stage] = []
    for stage, opens in strategy.openings(opened):
        if moment.surely_reached(opens):
            found = [*(each for each in found if not takes_over(stage, each)), stage]
    return tuple(stage for stage in found if not moment.maybe_reached(stage.closes))


def takes_over(later: Stage, stage: Stage) -> bool:
    """Whether a stage after another leaves nobody in it: it is for all, or for a share that has the other's in it."""
    if later.canary is None or stage.canary is None:
        return later.canary is None
    return later.canary.salt == stage.canary.salt and later.canary.percent >= stage.canary.percent


def left_of(strategy: Strategy, stage: Stage, narrowings: Sequence[InEffect], moment: Moment) -> Remaining:
    """What is left of a stage in force; whoever was taken back to one that gives as much is in that one too."""
    found = remaining(stage, narrowings, moment)
    earlier = {each.name for each in takewhile(lambda each: each != stage, strategy.stages)}
    for each in [] if found.done else standing(narrowings, moment):
        taken = each.narrowing
        if taken.verb in TO_A_STAGE and taken.stage in earlier and not (taken.scope or each.restored):
            return msgspec.structs.replace(found, done=PARTICIPLES[taken.verb], to=taken.stage)
    return found


def left_open(strategy: Strategy, stage: Stage | None, narrowings: Sequence[InEffect], moment: Moment) -> Stage | None:
    """The stage in force, or the one to which everybody was taken back from it."""
    found = None if stage is None else left_of(strategy, stage, narrowings, moment)
    if found is None or not found.to or not is_whole(found):
        return stage
    return next((each for each in strategy.stages if each.name == found.to), stage)


def _narrowed(left: Remaining) -> str:
    return left.done if left.done and is_whole(left) else "open"


def is_whole(left: Remaining) -> bool:
    """Whether what was done was done to all of the stage, for everybody."""
    return not left.parts and not left.is_for_some and (left.stage is None or bool(left.to))


def _by_dates(stage: Stage, opens: Instant, moment: Moment) -> str:
    if moment.surely_reached(opens):
        return "past"
    if not moment.surely_reached(stage.opens):
        return "to come"
    return "missed" if moment.maybe_reached(stage.closes) else "waiting"
