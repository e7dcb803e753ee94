"""What differs between two strategies: an ordered list, each with its place, both values and what it does.

Conservative: what cannot be shown to narrow only is widening, and what cannot be shown to change nothing of what
may pass is not neutral. Which stages stand when is compared interval by interval (effects.py); what a stage of
both versions says is compared field by field.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import msgspec

from gateway.clock import Moment
from gateway.releases.as_written import (
    LIMITS,
    Value,
    audience_line,
    called,
    date_of,
    plain,
    required,
    said_by,
    said_when_new,
    share,
)
from gateway.releases.components import Component
from gateway.releases.effects import Compared, Effect, compared, gives_weights, matters_again, worst
from gateway.releases.form_changes import form_changes
from gateway.releases.narrowness import (
    audience_within,
    audiences_within,
    cap_within,
    concurrence_within,
    level_within,
    limit_within,
    log_within,
    review_within,
    unlike,
)
from gateway.releases.positions import Course
from gateway.releases.recorded import NOTHING_RECORDED, Recorded
from gateway.releases.strategies import Stage, Strategy

COMPARED = ("listed", "inference", "weights", "terms", "audiences", "requests", "stages")
"""What is compared part by part. What else differs widens, unless it only describes."""
DESCRIBING = (
    "modality", "parameters", "training_flop", "bio_sequence_flop", "attestations", "developer",
)  # fmt: skip
"""What nothing here decides by."""
OF_A_STAGE = (
    "name", "opens", "closes", "access", "to", "offers", "conditions", "irreversible", "canary", "opens_when",
    "cap", "review", "perpetual",
)  # fmt: skip
OF_CONDITIONS = (
    "terms", "requests_per_minute", "tokens_per_day", "max_output_tokens", "log", "retain_days", "concurrence",
)  # fmt: skip

REACH = ("access", "to", "cap", "review", "offers", "conditions.terms", "conditions.concurrence")
"""What decides who gets a thing, rather than how much of it."""


class Difference(msgspec.Struct, frozen=True):
    """One difference."""

    path: str
    """Such as `stages.general.conditions.requests_per_minute`."""
    before: Value
    after: Value
    effect: Effect
    irreversible: bool = False
    """Whether weights can leave by it that could not: those cannot be called back."""


def differences(
    before: Strategy | None, after: Strategy, moment: Moment, recorded: Recorded = NOTHING_RECORDED
) -> tuple[Difference, ...]:
    """Every difference, in the order of a release file. A stage that never stands again changes nothing."""
    new = Course(after)
    lasting = gives_weights(new, moment)
    if before is None:
        return tuple(_first(after, lasting=lasting))
    old = Course(before)
    order = _order(before, after, compared(old, new, moment, recorded))
    return (*_whole(before, after, lasting=lasting), *order, *_stages(old, new, moment))


def effect_of(found: Iterable[Difference]) -> Effect:
    """What differences come to together: widening as soon as one widens."""
    return worst(difference.effect for difference in found)


def is_irreversible(found: Iterable[Difference]) -> bool:
    """Whether any of them cannot be undone."""
    return any(difference.irreversible for difference in found)


def _first(after: Strategy, *, lasting: bool) -> Iterator[Difference]:
    """All that a first version says, as a release file would: there is nothing before it to widen or narrow."""
    yield Difference("release", None, after.release, Effect.WIDENING, lasting)
    said = [*_whole(Strategy(release=after.release), after, lasting=lasting)]
    for stage in after.stages:
        for field in ("opens", "closes"):
            said += _field(f"stages.{stage.name}.{field}", None, date_of(stage, field))
        said += _said(stage)
    yield from (Difference(each.path, None, each.after, Effect.NEUTRAL) for each in said)


def _whole(before: Strategy, after: Strategy, *, lasting: bool) -> Iterator[Difference]:
    """What stands outside the stages; `lasting`: weights may leave by the new version."""
    yield from _field("listed", before.listed, after.listed, narrows=not after.listed)
    yield from _field("serves.inference", called(before), called(after), narrows=after.inference is None)
    yield from _weights(before, after, lasting=lasting)
    for name in unlike(before, after, COMPARED):
        values = [plain(getattr(strategy, name)) for strategy in (before, after)]
        yield from _field(name, *values, changes=Effect.NEUTRAL if name in DESCRIBING else None)
    yield from _declared("terms", before.terms, after.terms, lambda _: False, lasting=lasting)
    old, new = before.audiences, after.audiences
    shown = [{name: audience_line(audience) for name, audience in declared.items()} for declared in (old, new)]

    def within(name: str) -> bool:
        return audience_within(new[name], old[name])

    yield from _declared("audiences", shown[0], shown[1], within, lasting=lasting)
    for change in form_changes(before.requests, after.requests):
        yield Difference(f"requests{change.path}", change.before, change.after, change.effect)


def _weights(before: Strategy, after: Strategy, *, lasting: bool) -> Iterator[Difference]:
    old, new = before.weights, after.weights
    folders = [None if target is None else target.path for target in (old, new)]
    yield from _field("serves.weights.path", *folders, narrows=new is None, lasting=lasting)
    files = [{} if target is None else target.files for target in (old, new)]
    for path in sorted(files[0].keys() | files[1].keys()):
        digests = [listed.get(path) for listed in files]
        yield from _field(f"serves.weights.files.{path}", *digests, narrows=digests[1] is None, lasting=lasting)


def _order(before: Strategy, after: Strategy, together: Compared) -> Iterator[Difference]:
    """Stages that came, went, or open at other times, by other requirements or for others: what they do together.

    A stage that has requirements and says anything else than before needs them met anew, which is told as well.
    """
    old, new = ({stage.name: stage for stage in strategy.stages} for strategy in (before, after))
    for name in dict.fromkeys([*new, *old]):
        for field in ("opens", "closes"):
            was, becomes = (date_of(stages.get(name), field) for stages in (old, new))
            if was != becomes:
                yield Difference(f"stages.{name}.{field}", was, becomes, together.effect, together.irreversible)
        if name in old and name in new:
            yield from _opening(before, old[name], after, new[name], together)


def _opening(before: Strategy, was: Stage, after: Strategy, becomes: Stage, together: Compared) -> Iterator[Difference]:
    place, effect, lasting = f"stages.{becomes.name}", together.effect, together.irreversible
    if was.opens_when != becomes.opens_when:
        yield Difference(f"{place}.opens_when", required(was), required(becomes), effect, lasting)
    if was.canary != becomes.canary:
        yield Difference(f"{place}.canary", share(was), share(becomes), effect, lasting)
    if was.is_gated and becomes.is_gated and before.opening_digest(was) != after.opening_digest(becomes):
        was_opened = before.opening_digest(was) in together.recorded.opened
        stood = "as it was recorded" if was_opened else "its requirements met"
        anew = "its requirements met anew"
        if after.opening_digest(becomes) in together.recorded.opened:
            anew = "as it was recorded of this very stage before"
        yield Difference(f"{place}.opening", stood, anew, effect, lasting)


def _stages(old: Course, new: Course, moment: Moment) -> Iterator[Difference]:
    """What stages say: those of both versions field by field, new ones as they are."""
    known = {stage.name: stage for stage in old.strategy.stages}
    for stage in new.strategy.stages:
        was = known.get(stage.name)
        if was is None:
            yield from _said(stage)
            continue
        differing = list(_stage(was, old.strategy, stage, new.strategy))
        matters = differing and matters_again(old, was, moment) and matters_again(new, stage, moment)
        for found in differing:
            yield found if matters else Difference(found.path, found.before, found.after, Effect.NEUTRAL)


def _stage(was: Stage, before: Strategy, becomes: Stage, after: Strategy) -> Iterator[Difference]:
    place, lasting = f"stages.{becomes.name}", Component.WEIGHTS in becomes.offers
    old, new = was.conditions, becomes.conditions
    fresh = [name for name in becomes.to if name not in was.to]
    narrower: dict[str, bool] = {
        "access": level_within(becomes.access, was.access),
        "to": audiences_within(fresh, after.audiences, was.to, before.audiences),
        "cap": cap_within(becomes, was),
        "review": review_within(becomes.review, was.review),
        "offers": set(becomes.offers) <= set(was.offers),
        "conditions.terms": set(old.terms) <= set(new.terms),
        **{f"conditions.{name}": limit_within(getattr(new, name), getattr(old, name)) for name in LIMITS},
        "conditions.log": log_within(new.log, old.log),
        "conditions.retain_days": False,
        "conditions.concurrence": concurrence_within(new.concurrence, old.concurrence),
    }
    shown = [said_by(stage) for stage in (was, becomes)]
    for name, narrows in narrower.items():
        lets_out = lasting and name in REACH
        yield from _field(f"{place}.{name}", shown[0][name], shown[1][name], narrows=narrows, lasting=lets_out)
    yield from _field(f"{place}.perpetual", was.perpetual, becomes.perpetual, changes=Effect.NEUTRAL)
    yield from _others(place, was, becomes, OF_A_STAGE, lasting=lasting)
    yield from _others(f"{place}.conditions", old, new, OF_CONDITIONS, lasting=lasting)


def _others(
    place: str, was: msgspec.Struct, becomes: msgspec.Struct, besides: Collection[str], *, lasting: bool
) -> Iterator[Difference]:
    """What differs that no rule here knows: it widens."""
    for name in unlike(was, becomes, besides):
        values = [plain(getattr(side, name)) for side in (was, becomes)]
        yield from _field(f"{place}.{name}", values[0], values[1], lasting=lasting)


def _said(stage: Stage) -> Iterator[Difference]:
    """What a new stage says; what it does is told of when it opens."""
    for name, value in said_when_new(stage).items():
        yield from _field(f"stages.{stage.name}.{name}", None, value or None, changes=Effect.NEUTRAL)


def _declared(
    place: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
    narrows: Callable[[str], bool],
    *,
    lasting: bool,
) -> Iterator[Difference]:
    """What is declared under a name; what comes or goes does something only where a stage names it."""
    for name in dict.fromkeys([*after, *before]):
        was, becomes = before.get(name), after.get(name)
        if was is None or becomes is None:
            yield from _field(f"{place}.{name}", was, becomes, changes=Effect.NEUTRAL)
        else:
            narrower = was != becomes and narrows(name)
            yield from _field(f"{place}.{name}", was, becomes, narrows=narrower, lasting=lasting)


def _field(
    path: str,
    before: Value,
    after: Value,
    *,
    narrows: bool = False,
    changes: Effect | None = None,
    lasting: bool = False,
) -> Iterator[Difference]:
    """A difference where there is one; `lasting` says that it could not be undone if it widens."""
    if before != after:
        effect = changes or (Effect.NARROWING if narrows else Effect.WIDENING)
        yield Difference(path, before, after, effect, lasting and effect is Effect.WIDENING)
