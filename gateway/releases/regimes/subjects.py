"""What is classified: a model and its developer, as a strategy tells of them, at one instant."""

from collections.abc import Mapping

import msgspec

from gateway.clock import Instant, Moment, datetime_from
from gateway.releases.attestations import Attestation
from gateway.releases.regimes.findings import Finding, Ground, Interval, above, attested
from gateway.releases.strategies import AccessLevel, Strategy


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a definition may read."""

    at: Instant
    compute: Interval | None = None
    """Operations of training, the developer's own later ones and those of a base model among them."""
    bio_compute: Interval | None = None
    base_compute: Interval | None = None
    parameters: int | None = None
    modality: tuple[str, ...] = ()
    attestations: Mapping[str, Attestation] = {}
    revenue: Mapping[int, Interval] = {}
    access: AccessLevel | None = None
    """Of the stage in force; None where none is."""

    def says(self, question: str) -> Ground:
        """What people attest."""
        return attested(self.attestations, question)

    def compute_above(self, threshold: str) -> Ground:
        """Whether training took more operations than a threshold."""
        return above("training compute", self.compute, threshold, "operations")

    def revenue_above(self, threshold: str) -> Ground:
        """Whether the group's revenue of the calendar year before was more than a threshold."""
        year = datetime_from(self.at).year - 1
        return above(f"revenue in {year}", self.revenue.get(year), threshold, "dollars")

    def generates_language_or_pictures(self) -> Ground:
        """Whether text or speech, or a picture or film from text, comes out.

        The file says what goes in and comes out without telling which is which, so only some
        combinations leave no doubt.
        """
        kinds = set(self.modality)
        told = f"modality {', '.join(sorted(kinds))}" if kinds else "modality is not stated"
        if kinds and kinds <= {"action"}:
            return Ground(Finding.NO, f"{told}: it generates no language, picture or film")
        if "text" in kinds and kinds <= {"text", "image", "video"}:
            return Ground(Finding.YES, f"{told}: it generates language, pictures or film")
        return Ground(Finding.UNKNOWN, told if not kinds else f"{told}: which of it comes out is not stated")


def subject_of(strategy: Strategy, moment: Moment) -> Subject:
    """The subject at a moment; of an uncertain one, its later end."""
    stage = strategy.stage_at(moment)
    revenue = {int(year): Interval.of(bounds) for year, bounds in strategy.developer.revenue_usd.items()}
    return Subject(
        at=moment.latest,
        compute=Interval.of(strategy.training_flop),
        bio_compute=Interval.of(strategy.bio_sequence_flop),
        base_compute=Interval.of(strategy.developer.base_model_flop),
        parameters=strategy.parameters,
        modality=strategy.modality,
        attestations=strategy.attestations,
        revenue={year: known for year, known in revenue.items() if known is not None},
        access=None if stage is None else stage.access,
    )
