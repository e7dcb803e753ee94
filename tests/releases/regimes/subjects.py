"""Models to classify, with good defaults; a test names what differs."""

from typing import Any

from gateway.releases.attestations import Attestation
from gateway.releases.regimes.classification import Label, classify
from gateway.releases.regimes.findings import Finding, Interval
from gateway.releases.regimes.subjects import Subject
from gateway.releases.strategies import AccessLevel
from tests.releases.builders import an_instant

FOUNDATION = ("broad_data", "self_supervised", "generality", "wide_contexts", "adaptable")
"""What is attested of every general model of today."""


def attest(*questions: str, says: str = "yes") -> dict[str, Attestation]:
    """Ada's answers, all alike."""
    return {question: Attestation(says=says, by="Ada", at=an_instant("2026-01-02T00:00:00Z")) for question in questions}


def bounds(*text: str) -> Interval:
    """One number, or two."""
    interval = Interval.of((text[0], text[-1]))
    assert interval is not None
    return interval


def a_subject(day: str = "2026-11-24", **differences: Any) -> Subject:
    """A general text model of 70 billion parameters, open by API, by a developer of moderate revenue."""
    facts: dict[str, Any] = {
        "at": an_instant(f"{day}T00:00:00+00:00"),
        "compute": bounds("2e25"),
        "parameters": 70_000_000_000,
        "modality": ("text",),
        "attestations": attest(*FOUNDATION),
        "revenue": {year: bounds("2e8") for year in range(2022, 2029)},
        "access": AccessLevel.API,
    }
    return Subject(**facts | differences)


def labels(subject: Subject) -> dict[tuple[str, str], Label]:
    """By regime and label."""
    return {(label.regime, label.label): label for label in classify(subject)}


def finding(subject: Subject, regime: str, label: str) -> Finding:
    """What one definition comes to."""
    return labels(subject)[regime, label].finding
