"""The label of a release at an instant, derived from its strategy and never stored.

Three vocabularies: our four access levels; the six levels of Solaiman, The Gradient of Generative
AI Release (arXiv 2302.04844); the classes of the Model Openness Framework (LF AI & Data).
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from gateway.clock import Moment, text_from
from gateway.releases.audiences import PUBLIC
from gateway.releases.components import Component
from gateway.releases.strategies import AccessLevel, Stage, Strategy


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


CLASS_III = (
    "code.architecture",
    "weights.final",
    "doc.eval_results",
    "doc.model_card",
    "doc.data_card",
    "doc.tech_report",
)
"""What the lowest class asks for, each under an open licence of a fitting kind; the two above ask for more."""


def label_of(strategy: Strategy, moment: Moment) -> ReleaseLabel:
    """The label at a moment."""
    stage = strategy.stage_at(moment)
    return ReleaseLabel(
        as_of=text_from(moment.latest),
        stage=None if stage is None else stage.name,
        access=_access(stage),
        solaiman=_solaiman(strategy, stage, moment),
        mof=_openness(stage),
    )


def _access(stage: Stage | None) -> Derived:
    if stage is None:
        return Derived(AccessLevel.CLOSED.value, "No stage is in force, so nobody is admitted.")
    return Derived(stage.access.value, f"The stage in force, {stage.name}, says so.")


def _solaiman(strategy: Strategy, stage: Stage | None, moment: Moment) -> Derived:
    match None if stage is None else stage.access:
        case None:
            return Derived(Gradient.FULLY_CLOSED, "No stage is in force.")
        case AccessLevel.CLOSED:
            return Derived(Gradient.FULLY_CLOSED, "Only the provider's own people are admitted.")
        case AccessLevel.LIMITED:
            more = len(list(_ahead(strategy, moment)))
            after = f"{more} stage{'s' if more > 1 else ''} to come" if more else "no stage to come"
            return Derived(Gradient.STAGED, f"Only named audiences are admitted, with {after}.")
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


def _ahead(strategy: Strategy, moment: Moment) -> Iterator[Stage]:
    return (stage for stage in strategy.stages if not moment.surely_reached(stage.opens))


def _to_whom(stage: Stage | None) -> str:
    if stage is None or PUBLIC in stage.to:
        return ""
    return f" by {', '.join(stage.to)} only"
