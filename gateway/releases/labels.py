"""The label of a release at an instant, derived from its strategy and never stored.

Three vocabularies: our four access levels; the six levels of Solaiman, The Gradient of Generative
AI Release (arXiv 2302.04844); the classes of the Model Openness Framework (LF AI & Data).
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from gateway.clock import Instant, Moment, text_from
from gateway.releases.audiences import PUBLIC
from gateway.releases.components import Component
from gateway.releases.narrowed import Remaining, remaining, standing, told
from gateway.releases.narrowings import InEffect
from gateway.releases.strategies import NOTHING_OPENED, AccessLevel, Stage, Strategy
from gateway.spelling import counted


class Gradient(StrEnum):
    """Solaiman's levels, from nobody to everything."""

    FULLY_CLOSED = "fully closed"
    STAGED = "gradual/staged"
    HOSTED = "hosted"
    API = "cloud-based/API"
    DOWNLOADABLE = "downloadable"
    FULLY_OPEN = "fully open"


class Openness(StrEnum):
    """The framework's classes that a strategy can tell apart."""

    NONE = "none"
    UNKNOWN = "unknown"


class Derived(msgspec.Struct, frozen=True):
    """One label, and why."""

    label: str
    because: str


class ReleaseLabel(msgspec.Struct, frozen=True, kw_only=True):
    """A release at an instant, in three vocabularies."""

    as_of: str
    stage: str | None
    access: Derived
    solaiman: Derived
    mof: Derived
    narrowings: tuple[str, ...] = ()
    """What narrows it as of then, each in one line."""


CLASS_III = (
    "code.architecture",
    "weights.final",
    "doc.eval_results",
    "doc.model_card",
    "doc.data_card",
    "doc.tech_report",
)
"""What the lowest class asks for, each under an open licence of a fitting kind; the two above ask for more."""


def label_of(
    strategy: Strategy,
    moment: Moment,
    opened: Mapping[str, Instant] = NOTHING_OPENED,
    narrowings: Sequence[InEffect] = (),
) -> ReleaseLabel:
    """The label at a moment; `opened` says when stages that have requirements were opened, by name.

    What narrowings take from everybody is not there; what they take from some is told beside.
    """
    stage = strategy.stage_at(moment, opened)
    left = Remaining(stage=None) if stage is None else remaining(stage, narrowings, moment)
    lasting = standing(narrowings, moment)
    return ReleaseLabel(
        as_of=text_from(moment.latest),
        stage=None if stage is None else stage.name,
        access=_access(stage, left, is_narrowed=bool(lasting)),
        solaiman=_solaiman(left, len(list(_ahead(strategy, moment, opened)))),
        mof=_openness(left.stage),
        narrowings=tuple(told(each) for each in lasting),
    )


def _access(stage: Stage | None, left: Remaining, *, is_narrowed: bool) -> Derived:
    if stage is None:
        return Derived(AccessLevel.CLOSED.value, "No stage is in force, so nobody is admitted.")
    if left.stage is None:
        return Derived(AccessLevel.CLOSED.value, f"The stage in force, {stage.name}, is {left.told}.")
    level, says = left.stage.access.value, f"The stage in force, {stage.name}, says"
    if _is_for_few(left.stage):
        return Derived(AccessLevel.LIMITED.value, f"{says} {stage.access.value}, and admits {_few(left.stage)}.")
    if left.stage.access is not stage.access:
        return Derived(level, f"{says} {stage.access.value}, and is {left.told}.")
    return Derived(level, f"{says} so{', but it is narrowed' if is_narrowed else ''}.")


def _solaiman(left: Remaining, more: int) -> Derived:
    stage = left.stage
    match None if stage is None else stage.access:
        case None:
            nothing = f"The stage in force is {left.told}." if left.done else "No stage is in force."
            return Derived(Gradient.FULLY_CLOSED, nothing)
        case AccessLevel.CLOSED:
            return Derived(Gradient.FULLY_CLOSED, "Only the provider's own people are admitted.")
        case AccessLevel.LIMITED:
            after = f"{more} stage{'s' if more > 1 else ''} to come" if more else "no stage to come"
            whom = "those for whom it was restored" if left.is_for_some else "named audiences"
            return Derived(Gradient.STAGED, f"Only {whom} are admitted, with {after}.")
        case AccessLevel.API if _is_for_few(stage):
            return Derived(Gradient.STAGED, f"Programs call it over the network, and it admits {_few(stage)}.")
        case AccessLevel.API:
            return Derived(Gradient.API, f"Programs call it over the network{_to_whom(stage)}; no weights leave.")
        case AccessLevel.OPEN_WEIGHTS:
            return Derived(
                Gradient.DOWNLOADABLE,
                f"Weights may be downloaded{_to_whom(stage)}; whether data and code are open too, as for fully open,"
                " the strategy does not tell.",
            )


def _openness(stage: Stage | None) -> Derived:
    offered = {component.value for component in stage.offers} if stage is not None else set()
    if Component.WEIGHTS not in offered:
        return Derived(Openness.NONE, "Every class asks for the final weights, and they are not offered.")
    untold = ", ".join(component for component in CLASS_III if component not in offered)
    return Derived(
        Openness.UNKNOWN,
        f"The final weights are offered; Class III asks for {untold} too, each under an open licence, and of these and"
        " of licences the strategy tells nothing.",
    )


def _ahead(strategy: Strategy, moment: Moment, opened: Mapping[str, Instant]) -> Iterator[Stage]:
    return (stage for stage, opens in strategy.openings(opened) if not moment.surely_reached(opens))


def _is_for_few(stage: Stage | None) -> bool:
    """Whether it is called api, and not all whom it is for are admitted. Weights that a few may take have left."""
    return stage is not None and stage.access is AccessLevel.API and bool(_few(stage))


def _few(stage: Stage | None) -> str:
    """Whom it admits of those whom its audiences name; empty for all of them."""
    if stage is None:
        return ""
    told = []
    if stage.cap is not None:
        told.append(f"the first {counted(stage.cap.organisations, 'organisation')} in line")
    if stage.canary is not None:
        told.append(f"{stage.canary.percent} % of organisations")
    if stage.conditions.concurrence:
        told.append(f"those to which {stage.conditions.concurrence} agrees")
    return f"only {', of '.join(told)}" if told else ""


def _to_whom(stage: Stage | None) -> str:
    few = _few(stage)
    if stage is None or PUBLIC in stage.to:
        return f", by {few}" if few else ""
    return f" by {', '.join(stage.to)} only{f', of them {few}' if few else ''}"
