"""What a definition comes to on what is known: yes, no, possible or unknown, and why in a sentence.

Unknown and possible differ: unknown, nobody has said; possible, an estimate has the threshold inside.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from gateway.clock import datetime_from
from gateway.releases.attestations import QUESTIONS, Attestation


class Finding(StrEnum):
    """Whether a definition is met."""

    YES = "yes"
    NO = "no"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"


class Ground(msgspec.Struct, frozen=True):
    """One thing that a definition asks for, as found."""

    finding: Finding
    because: str
    """Part of a sentence."""


class Interval(msgspec.Struct, frozen=True):
    """A quantity as it is known: the bounds of an estimate, equal where it is exact."""

    low: Decimal
    high: Decimal

    @classmethod
    def of(cls, bounds: tuple[str, str] | None) -> "Interval | None":
        """From the decimal text of a strategy."""
        return None if bounds is None else cls(Decimal(bounds[0]), Decimal(bounds[1]))

    def text(self) -> str:
        """`2e25`, or `6e25 to 9e25`."""
        low, high = number(self.low), number(self.high)
        return low if low == high else f"{low} to {high}"


def above(what: str, quantity: Interval | None, threshold: str, unit: str) -> Ground:
    """Whether a quantity is more than a threshold."""
    bound = Decimal(threshold)
    return _against(what, quantity, unit, lambda value: value > bound, f"more than {threshold}")


def at_least(what: str, quantity: Interval | None, threshold: str, unit: str) -> Ground:
    """Whether a quantity reaches a threshold."""
    bound = Decimal(threshold)
    return _against(what, quantity, unit, lambda value: value >= bound, f"at least {threshold}")


def attested(attestations: Mapping[str, Attestation], question: str) -> Ground:
    """What people say; where nobody does, it is unknown."""
    given = attestations.get(question)
    if given is None:
        return Ground(Finding.UNKNOWN, f"nobody attests {QUESTIONS[question]}")
    who = f"{given.by} on {datetime_from(given.at).date()}"
    return Ground(Finding(given.says), f"{QUESTIONS[question]}: {given.says} ({who})")


def stated(attestations: Mapping[str, Attestation], question: str) -> Ground:
    """An act of somebody else, or an exception: where none is stated, there is none to go by."""
    if question in attestations:
        return attested(attestations, question)
    return Ground(Finding.NO, f"no {QUESTIONS[question]} is stated")


def all_of(*grounds: Ground) -> Ground:
    """Met where each is; each no suffices against it."""
    return _first(grounds, (Finding.NO, Finding.UNKNOWN, Finding.POSSIBLE))


def any_of(*grounds: Ground) -> Ground:
    """Met where one is."""
    return _first(grounds, (Finding.YES, Finding.UNKNOWN, Finding.POSSIBLE))


def unless(exception: Ground) -> Ground:
    """Met where the exception is not."""
    turned = {Finding.YES: Finding.NO, Finding.NO: Finding.YES}
    return Ground(turned.get(exception.finding, exception.finding), exception.because)


def number(value: Decimal) -> str:
    """`6e25`, `5e8`, `12`."""
    value = value.normalize()
    return f"{value:f}" if abs(value) < 10_000 else f"{value:e}".replace("e+", "e")


def _against(what: str, quantity: Interval | None, unit: str, reaches: Callable[[Decimal], bool], said: str) -> Ground:
    if quantity is None:
        return Ground(Finding.UNKNOWN, f"{what} is not stated")
    low, high = reaches(quantity.low), reaches(quantity.high)
    told = f"{what} of {quantity.text()} {unit}"
    if low == high:
        return Ground(Finding.YES if low else Finding.NO, f"{told} is {'' if low else 'not '}{said}")
    return Ground(Finding.POSSIBLE, f"{told} may or may not be {said}")


def _first(grounds: tuple[Ground, ...], order: tuple[Finding, ...]) -> Ground:
    """The first finding in order that any ground has, for the reasons of those that have it; else all agree."""
    for finding in order:
        decisive = [ground.because for ground in grounds if ground.finding is finding]
        if decisive:
            return Ground(finding, "; ".join(dict.fromkeys(decisive)))
    return Ground(grounds[0].finding, "; ".join(dict.fromkeys(ground.because for ground in grounds)))
