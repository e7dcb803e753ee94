"""The European Union: general-purpose models, and those presumed to carry systemic risk."""

from decimal import Decimal

from gateway.releases.regimes.findings import Finding, Ground, Interval, above, all_of, any_of, number, stated, unless
from gateway.releases.regimes.rules import Nature, Rule, day
from gateway.releases.regimes.subjects import Subject

_THIRD = Decimal(3)


def _general_purpose(subject: Subject) -> Ground:
    return all_of(subject.says("generality"), subject.says("adaptable"))


def _indicative(subject: Subject) -> Ground:
    return all_of(
        subject.compute_above("1e23"),
        subject.generates_language_or_pictures(),
        unless(stated(subject.attestations, "narrow_task")),
    )


def _provider_by_modification(subject: Subject) -> Ground:
    """More than a third of the base model's compute, of all that lies between both bounds."""
    base, whole = subject.base_compute, subject.compute
    if base is None:
        return Ground(Finding.NO, "no base model of another developer is stated")
    if whole is None:
        return above("modification", None, "0", "operations")
    least, most = whole.low - base.high, whole.high - base.low
    spent = Interval(max(least, Decimal(0)), most)
    told = f"modification of {spent.text()} operations"
    if least * _THIRD > base.high:
        return Ground(Finding.YES, f"{told} is more than a third of {number(base.high)}")
    if most * _THIRD <= base.low:
        return Ground(Finding.NO, f"{told} is not more than a third of {number(base.low)}")
    return Ground(Finding.POSSIBLE, f"{told} may or may not be more than a third of {base.text()}")


def _systemic_risk(subject: Subject) -> Ground:
    return any_of(subject.compute_above("1e25"), stated(subject.attestations, "eu_designated"))


_ACT = "Regulation (EU) 2024/1689 (AI Act)"
_GUIDELINES = "Commission guidelines on general-purpose AI models, C(2025) 5045, 2025-07-18"
_DUTIES = (
    "technical documentation, information for downstream providers, a copyright policy, a summary of training content"
)

RULES = (
    Rule(
        regime="eu-ai-act",
        label="general-purpose-ai-model",
        nature=Nature.LAW,
        since=day("2025-08-02"),
        test=_general_purpose,
        follows=f"Article 53: {_DUTIES}",
        source=f"{_ACT}, Article 3(63)",
    ),
    Rule(
        regime="eu-gpai-guidelines",
        label="indicative-general-purpose-ai-model",
        nature=Nature.GUIDANCE,
        since=day("2025-07-18"),
        test=_indicative,
        follows=f"an indication, open to argument, that Article 53 applies: {_DUTIES}",
        source=_GUIDELINES,
    ),
    Rule(
        regime="eu-gpai-guidelines",
        label="provider-by-modification",
        nature=Nature.GUIDANCE,
        since=day("2025-07-18"),
        test=_provider_by_modification,
        follows="whoever modified the model counts as its provider, for the modification",
        otherwise="the provider of the base model stays its provider",
        source=_GUIDELINES,
    ),
    Rule(
        regime="eu-ai-act",
        label="systemic-risk-presumed",
        nature=Nature.LAW,
        since=day("2025-08-02"),
        test=_systemic_risk,
        follows="notification within two weeks (Article 52; the presumption can be rebutted); evaluation, mitigation,"
        " incident reports and cybersecurity (Article 55), with powers of enforcement from 2026-08-02",
        source=f"{_ACT}, Article 51",
    ),
)
