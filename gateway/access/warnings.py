"""What whoever agrees to a change should have seen: steps that cannot be undone, stages for nobody, facts unknown."""

import msgspec

from gateway.access.consequences import Consequences
from gateway.access.proposed import Proposed
from gateway.clock import NEVER, Moment
from gateway.releases.retention import NO_CEILINGS, Ceilings, conflicts
from gateway.releases.strategies import Strategy


class Warned(msgspec.Struct, frozen=True):
    """One warning. It stops nothing."""

    code: str
    """Stable: irreversible, stage_unreached, audience_unknown, canary, retention, stage_without_end, stage_capped or
    not_whole."""
    message: str


def warnings_of(
    proposed: Proposed, consequences: Consequences, moment: Moment, ceilings: Ceilings = NO_CEILINGS
) -> list[Warned]:
    """Every warning about a change, the gravest first."""
    strategy = proposed.change.strategy
    found = [
        Warned("irreversible", f"`{difference.path}` lets weights out: what has left cannot be called back.")
        for difference in proposed.weighed.differences
        if difference.irreversible
    ]
    found += [
        Warned("stage_unreached", f"No organisation can use `{stage}` as things stand, whatever terms it accepts.")
        for stage in consequences.unreached
    ]
    for unknown in consequences.unknown:
        admits = strategy.audiences[unknown.audience].on_unknown == "allow"
        found.append(
            Warned(
                "audience_unknown",
                f"Whether {unknown.organisations} organisations belong to `{unknown.audience}` of `{unknown.stage}` is "
                "unknown, because nobody has asserted what it asks: "
                f"`on_unknown` {'admits' if admits else 'refuses'} them.",
            )
        )
    found += [
        Warned(
            "canary",
            f"`{stage.name}` reaches {stage.canary.percent} % of organisations, and the others have the stage before:"
            " the counts go by that.",
        )
        for stage in strategy.stages
        if stage.canary is not None
    ]
    found += [
        Warned("retention", f"{'' if each.line is None else f'line {each.line}: '}{each.message}")
        for each in conflicts(strategy, proposed.change.file, moment, ceilings)
    ]
    found += [
        Warned(
            "stage_capped",
            f"`{stage.name}` admits the first {stage.cap.organisations} organisations of those who gain it, no more.",
        )
        for stage in strategy.stages
        if stage.cap is not None
    ]
    found += [
        Warned(
            "stage_without_end",
            f"`{name}` has no end: write `closes`, a date to look at it again (`review_by`), or `perpetual: true`.",
        )
        for name in without_end(strategy)
    ]
    if not consequences.is_complete:
        found.append(Warned("not_whole", "There are more kinds of organisations, or more dates, than were judged."))
    return found


def without_end(strategy: Strategy) -> list[str]:
    """Stages that neither end nor are to be looked at again, where nobody said that they need neither.

    A stage ends where the next takes its place for everybody.
    """
    followed = [after.canary is None for after in strategy.stages[1:]] + [False]
    return [
        stage.name
        for stage, ends in zip(strategy.stages, followed, strict=True)
        if not ends and stage.closes >= NEVER and stage.review is None and not stage.perpetual
    ]
