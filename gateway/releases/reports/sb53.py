"""The fields of a transparency report under California SB 53, as far as the plan can fill them.

Section 22757.12(c): fields A to G for every frontier developer, four summaries more for large ones.
"""

from collections.abc import Iterator

from gateway.clock import Moment
from gateway.releases.narrowed import in_words
from gateway.releases.regimes.classification import classify
from gateway.releases.regimes.subjects import subject_of
from gateway.releases.reports.documents import (
    NOTHING_RECORDED,
    Kind,
    Recorded,
    Report,
    Section,
    Statement,
    not_stated,
    report_on,
    stated,
)
from gateway.releases.reports.stages import opens_of, stages_of
from gateway.releases.strategies import AccessLevel, Strategy
from gateway.releases.versions import StrategyVersion

_FOR_ANYBODY = (AccessLevel.API, AccessLevel.OPEN_WEIGHTS)
_SUMMARIES = (
    "Assessments of catastrophic risk",
    "Results of those assessments",
    "Extent of third-party evaluators' part in them",
    "Other steps taken under the frontier framework",
)


def transparency(version: StrategyVersion, moment: Moment, recorded: Recorded = NOTHING_RECORDED) -> Report:
    """The report with what the plan knows."""
    strategy = version.strategy
    sections = (
        Section(
            title="Whether it applies",
            statements=tuple(_applies(strategy, moment, recorded)),
            note="These are readings of definitions on what people attested, not legal advice.",
        ),
        Section(title="Fields for every frontier developer", statements=_fields(strategy, moment, recorded)),
        Section(title="Restrictions and conditions by stage (field G)", table=stages_of(strategy, recorded.opened)),
        Section(
            title="Summaries that large frontier developers add",
            statements=tuple(not_stated(name) for name in _SUMMARIES),
            note="What is redacted is described, with the reason; the unredacted report is kept five years.",
        ),
    )
    return report_on(version, moment, Kind.SB53, "Transparency report fields (California SB 53)", sections)


def _applies(strategy: Strategy, moment: Moment, recorded: Recorded) -> Iterator[Statement]:
    for label in classify(subject_of(strategy, moment, recorded.opened)):
        if label.regime == "ca-sb-53":
            yield Statement(label.label, label.basis)


def _fields(strategy: Strategy, moment: Moment, recorded: Recorded) -> tuple[Statement, ...]:
    return (
        not_stated("A. Website of the developer"),
        not_stated("B. How a natural person can communicate with the developer"),
        stated("C. Release date", _release_date(strategy, recorded)),
        not_stated("D. Languages"),
        stated("E. Modalities of output", _modalities(strategy)),
        not_stated("F. Intended uses"),
        stated("G. Restrictions and conditions that apply generally", _general(strategy, moment, recorded)),
    )


def _release_date(strategy: Strategy, recorded: Recorded) -> str:
    first = next((stage for stage in strategy.stages if stage.access in _FOR_ANYBODY), None)
    if first is None:
        return ""
    told = f"{opens_of(first, recorded.opened)}, when stage {first.name} opens at level {first.access.value}"
    before = [stage for stage in strategy.stages if stage.access is AccessLevel.LIMITED and stage.opens < first.opens]
    if before:
        told += (
            f"; before it, from {opens_of(before[0], recorded.opened)}, named audiences are admitted, which is"
            " deployment unless their primary purpose is to develop or evaluate the model"
        )
    return told


def _modalities(strategy: Strategy) -> str:
    """One modality goes in and comes out; of several the plan does not say which is which."""
    kinds = ", ".join(strategy.modality)
    return f"{kinds} (what goes in and what comes out together)" if len(strategy.modality) > 1 else kinds


def _general(strategy: Strategy, moment: Moment, recorded: Recorded) -> str:
    """Terms, and that it is narrowed: never why, since this is written to be published."""
    names = ", ".join(f"{name} ({digest})" for name, digest in sorted(strategy.terms.items()))
    told = [f"terms pinned by digest: {names}"] if names else []
    stage = strategy.stage_at(moment, recorded.opened)
    narrowed = in_words(stage, recorded.narrowings, moment)
    told += [f"at this instant {narrowed}"] if narrowed is not None else []
    told += ["by stage below"] if strategy.stages or names else []
    return "; ".join(told)
