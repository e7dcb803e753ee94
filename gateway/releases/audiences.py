"""Audiences: named predicates over a caller's facts, with three truth values.

A fact of several values (`citizenships`) equals or is in what any of its values is, and differs
from or is not in what none of its values is, so that each test and its opposite never agree.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from gateway.identity.callers import Role
from gateway.identity.facts import KYC_LEVELS, Value, fault_of

PUBLIC = "public"
"""The audience that is everybody; built in, never declared."""


Fact = Value


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


def evaluate(audience: Audience, facts: Facts) -> Truth:
    """Whether the caller belongs: all tests together, in Kleene's logic."""
    return all_of(answer(test, facts) for test in audience.tests)


def wants_grant(audience: Audience) -> bool:
    """Whether belonging asks for a grant."""
    return any(test.attribute == "grant" for test in audience.tests)


def attributes_read(audience: Audience) -> frozenset[str]:
    """Names of the asserted attributes that the predicate asks for."""
    return frozenset(test.attribute for test in audience.tests) - {"role", "grant"}


def all_of(truths: Iterable[Truth]) -> Truth:
    """Conjunction: no as soon as one says no, else unknown as soon as one is unknown."""
    said = set(truths)
    if Truth.NO in said:
        return Truth.NO
    return Truth.UNKNOWN if Truth.UNKNOWN in said else Truth.YES


def answer(test: Test, facts: Facts) -> Truth:
    """One test. A grant and the roles are always known; an attribute that is absent, or impossible, is not."""
    if test.attribute == "grant":
        return _known(test.op == "=" and test.value == "required" and facts.has_grant)
    if test.attribute == "role":
        return _known(test.op in ("=", "in") and any(role in _wanted(test) for role in facts.roles))
    fact = facts.attributes.get(test.attribute)
    if fact is None:
        return Truth.UNKNOWN
    if test.op in ("<", "<=", ">=", ">"):
        return _ordered(test, fact)
    return _compared(test, fact)


def _compared(test: Test, fact: Fact) -> Truth:
    wanted = _wanted(test)
    held = fact if isinstance(fact, tuple) else (fact,)
    kinds = {_kind(test.attribute, value) for value in (*wanted, *held)}
    if len(kinds) > 1 or "" in kinds:
        return Truth.UNKNOWN
    matches = any(value in wanted for value in held)
    if test.op in ("=", "in"):
        return _known(matches)
    return _known(not matches) if test.op in ("!=", "not_in") else Truth.UNKNOWN


def _ordered(test: Test, fact: Fact) -> Truth:
    ours, wanted = _rank(test.attribute, fact), _rank(test.attribute, test.value)
    if ours is None or wanted is None:
        return Truth.UNKNOWN
    return _known(
        {"<": ours < wanted, "<=": ours <= wanted, ">=": ours >= wanted, ">": ours > wanted}[test.op],
    )


def _rank(attribute: str, value: Fact) -> int | None:
    if attribute == "kyc":
        return KYC_LEVELS.index(value) if value in KYC_LEVELS else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _kind(attribute: str, value: Fact) -> str:
    """What values must share to be compared at all; empty for a value that the attribute cannot have."""
    if fault_of(attribute, value):
        return ""
    return type(value).__name__


def _wanted(test: Test) -> tuple[str | int | bool, ...]:
    return test.value if isinstance(test.value, tuple) else (test.value,)


def _known(holds: bool) -> Truth:
    return Truth.YES if holds else Truth.NO


def is_internal(audience: Audience) -> bool:
    """Whether only the provider's own people can belong: it asks for a role that no customer holds."""
    return any(test.attribute == "role" and Role.DEVELOPER not in _wanted(test) for test in audience.tests)
