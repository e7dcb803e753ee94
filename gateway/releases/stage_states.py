"""How a stage stands at a moment: one word, the same wherever stages are shown."""

from collections.abc import Mapping, Sequence

from gateway.clock import Instant, Moment
from gateway.releases.narrowed import remaining
from gateway.releases.narrowings import InEffect
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

    It is waiting for its requirements, or for a stage before it; missed where its end has come first; or, of the
    stage in force, what was done to all of it for everybody: held, rolled back, suspended, withdrawn, recalled or
    embargoed.
    """
    in_force = strategy.stage_at(moment, opened)
    return [
        _narrowed(stage, narrowings, moment) if stage == in_force else _by_dates(stage, opens, moment)
        for stage, opens in strategy.openings(opened)
    ]


def _narrowed(stage: Stage, narrowings: Sequence[InEffect], moment: Moment) -> str:
    left = remaining(stage, narrowings, moment)
    is_whole = not left.parts and not left.is_for_some and (left.stage is None or bool(left.to))
    return left.done if left.done and is_whole else "open"


def _by_dates(stage: Stage, opens: Instant, moment: Moment) -> str:
    if moment.surely_reached(opens):
        return "past"
    if not moment.surely_reached(stage.opens):
        return "to come"
    return "missed" if moment.maybe_reached(stage.closes) else "waiting"
