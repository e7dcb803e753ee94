"""Audiences: named predicates over a caller's facts, with three truth values."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

Fact = str | int | bool | tuple[str, ...]


class Truth(StrEnum):
    """Yes, no, or unknown because nobody has asserted what is asked (Kleene's strong logic)."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Test(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One comparison: `role = staff`, `grant = required`, `kyc >= K3`, `residence_country in [DE, FR]`."""

    attribute: str
    """`role`, `grant`, or the name of an asserted attribute."""
    op: str
    """One of = != >= > <= < in not_in."""
    value: Fact


class Audience(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All tests must hold. `on_unknown` says what an unknown answer amounts to."""

    tests: tuple[Test, ...] = ()
    on_unknown: str = "deny"
    """deny or allow. The judge reads it; the predicate itself stays three-valued."""


class Facts(msgspec.Struct, frozen=True):
    """What a predicate may read of a caller at a moment."""

    roles: tuple[str, ...]
    has_grant: bool
    attributes: Mapping[str, Fact]
    """Only assertions that stand; a name that is absent is unknown."""
