"""What whoever agrees to a change should have seen: steps that cannot be undone, stages for nobody, facts unknown."""

from collections.abc import Collection
from itertools import pairwise

import msgspec

from gateway.access.consequences import Consequences
from gateway.access.proposed import Proposed
from gateway.access.representatives import COUNTED
from gateway.clock import NEVER, Moment, text_from
from gateway.releases.audiences import roles_of
from gateway.releases.effects import giving_weights
from gateway.releases.positions import Course
from gateway.releases.requirements import Soak
from gateway.releases.retention import NO_CEILINGS, Ceilings, conflicts
from gateway.releases.strategies import Strategy
from gateway.spelling import counted

_PARTS = ("stages", "serves", "audiences", "terms")
"""Of which the second word of a path says which one it is."""


class Warned(msgspec.Struct, frozen=True):
    """One warning. It stops nothing."""

    code: str
    """Stable: irreversible, stage_unreached, role_not_counted, soak_adopted, audience_unknown, canary, retention,
    condition_dead, stage_without_end, stage_capped or not_whole."""
    message: str


def warnings_of(
    proposed: Proposed, consequences: Consequences, moment: Moment, ceilings: Ceilings = NO_CEILINGS
) -> list[Warned]:
    """Every warning about a change, the gravest first."""
    strategy = proposed.change.strategy
    found = [
        *_weights_leave(proposed, moment),
        *_nobody_counted(strategy, consequences.unreached),
        *_adopted_soaks(proposed),
    ]
    for unknown in consequences.unknown:
        audience = strategy.audiences[unknown.audience]
        surely = ", or not as surely as it asks" if any(test.assurance for test in audience.tests) else ""
        belong = "belongs" if unknown.organisations == 1 else "belong"
        found.append(
            Warned(
                "audience_unknown",
                f"Whether {counted(unknown.organisations, 'organisation')} {belong} to `{unknown.audience}` of"
                f" `{unknown.stage}` is unknown, because nobody has asserted what it asks{surely}: "
                f"`on_unknown` {'admits' if audience.on_unknown == 'allow' else 'refuses'} them.",
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
    found += _dead_conditions(strategy)
    found += [
        Warned("retention", f"{'' if each.line is None else f'line {each.line}: '}{each.message}")
        for each in conflicts(strategy, proposed.change.file, moment, ceilings)
    ]
    found += [
        Warned(
            "stage_capped",
            f"`{stage.name}` admits the first {counted(stage.cap.organisations, 'organisation')} of those who gain it,"
            " no more.",
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


def _weights_leave(proposed: Proposed, moment: Moment) -> list[Warned]:
    """One warning, however many differences of a stage let weights out together."""
    paths = [difference.path.split(".") for difference in proposed.weighed.differences if difference.irreversible]
    if ["release"] in paths:  # a first version, of which everything is new: its stages are what lets them out
        paths = [["stages", name] for name in giving_weights(Course(proposed.change.strategy), moment)]
    places = dict.fromkeys(".".join(parts[: 2 if parts[0] in _PARTS else 1]) for parts in paths)
    if not places:
        return []
    told = ", ".join(f"`{place}`" for place in places)
    return [Warned("irreversible", f"Weights can leave by {told}: what has left cannot be called back.")]


def _nobody_counted(strategy: Strategy, unreached: Collection[str]) -> list[Warned]:
    """Stages that nobody can use, and those that some can use who are not counted."""
    uncounted = _uncounted(strategy)
    for_others = {stage for stage, _, _ in uncounted}
    found = [
        Warned("stage_unreached", f"No organisation can use `{stage}` as things stand, whatever terms it accepts.")
        for stage in unreached
        if stage not in for_others
    ]
    return found + [
        Warned(
            "role_not_counted",
            f"`{audience}` of `{stage}` is for the {'role' if len(roles) == 1 else 'roles'} {', '.join(roles)}: whoever"
            " has such a key gains what the stage offers, and is not in what is counted here, which asks as developers"
            " of customers and as staff.",
        )
        for stage, audience, roles in uncounted
    ]


def _dead_conditions(strategy: Strategy) -> list[Warned]:
    """Limits that another one of the stage always comes before."""
    return [
        Warned(
            "condition_dead",
            f"`{stage.name}` never comes to its `{name}`: its {counted(day, 'token')} a day end first.",
        )
        for stage in strategy.stages
        if (day := stage.conditions.tokens_per_day) is not None
        for name in ("requests_per_minute", "max_output_tokens")
        if (getattr(stage.conditions, name) or 0) > day
    ]


def _uncounted(strategy: Strategy) -> list[tuple[str, str, tuple[str, ...]]]:
    """Stages and audiences that name roles as which nobody is counted, with those roles."""
    found = []
    for stage in strategy.stages:
        for name in stage.to:
            asked = roles_of(strategy.audiences[name]) if name in strategy.audiences else ()
            roles = tuple(role.value for role in asked if role not in COUNTED)
            if roles:
                found.append((stage.name, name, roles))
    return found


def _adopted_soaks(proposed: Proposed) -> list[Warned]:
    """What a first version says of the time before it, where a soak counts by that."""
    change = proposed.change
    stages = change.strategy.stages
    return [
        Warned(
            "soak_adopted",
            f"The soak of `{stage.name}` counts from {text_from(before.opens)}, when `{before.name}` is said to have"
            " opened: nobody recorded that here, it is the word of whoever adopts it.",
        )
        for before, stage in pairwise(stages)
        if change.adopt and before.opens < change.planned_at and any(isinstance(r, Soak) for r in stage.opens_when)
    ]


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
