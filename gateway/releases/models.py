"""What a release file says under `model` that people must answer for: attestations, and who the developer is."""

import re
from decimal import Decimal

from gateway.releases import values
from gateway.releases.attestations import ANSWERS, QUESTIONS, Attestation, Developer
from gateway.releases.nodes import Faults, Mapping, Node, shown
from gateway.releases.targets import read_bounds, read_flop

KEYS = ("modality", "parameters", "training_flop", "bio_sequence_flop", "attestations", "developer")

_YEAR = re.compile(r"20[0-9]{2}")


def read_attestations(node: Node | None, faults: Faults) -> dict[str, Attestation]:
    """Each question with who answered it, what and when."""
    given: dict[str, Attestation] = {}
    for question, answer in values.mapping(node, faults, tuple(QUESTIONS)).items():
        fields = values.mapping(answer, faults, ("says", "by", "at"), ("says", "by", "at"))
        says = values.choice(fields.get("says"), faults, ANSWERS)
        by = values.text(fields.get("by"), faults)
        at = values.instant(fields.get("at"), faults)
        if says is not None and by is not None and at is not None:
            given[question] = Attestation(says=says, by=by, at=at)
    return given


def read_developer(node: Node | None, faults: Faults) -> Developer:
    """Revenue by year, and what the model is built on."""
    fields = values.mapping(node, faults, ("revenue_usd", "base_model_flop"))
    return Developer(
        revenue_usd=_read_revenue(fields.get("revenue_usd"), faults),
        base_model_flop=read_flop(fields.get("base_model_flop"), faults),
    )


def check_flop(fields: dict[str, Node], training: tuple[str, str] | None, developer: Developer, faults: Faults) -> None:
    """A part cannot be larger than the whole: training includes what the base model cost."""
    base = developer.base_model_flop
    if training is not None and base is not None and Decimal(base[0]) > Decimal(training[1]):
        faults.add(
            fields["training_flop"],
            "this is less than `developer.base_model_flop`: write all operations, those of the base model among them",
        )


def _read_revenue(node: Node | None, faults: Faults) -> dict[str, tuple[str, str]]:
    revenue: dict[str, tuple[str, str]] = {}
    for year, amount in values.named(node, faults).items():
        if isinstance(node, Mapping) and not _YEAR.fullmatch(year):
            faults.add_key(node, year, f"{shown(year)} is no calendar year: write the revenue as `2026: 4.2e8`")
        bounds = read_bounds(amount, faults, "of dollars", "[4.0e8, 6.0e8]")
        if bounds is not None:
            revenue[year] = bounds
    return revenue
