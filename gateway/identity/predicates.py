"""Predicates over a caller's facts, with three truth values (Kleene's strong logic).

A fact of several values (`citizenships`) equals or is in what any of its values is, and differs
from or is not in what none of its values is, so that each test and its opposite never agree.

A test can ask for a fact at a least assurance (`kyc@2 >= K3`): what is known less surely is unknown to it, never false.

NOTE: what is said here has a second evaluator, in SQL (identity/compiled.py): a property test holds both equal.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from gateway.identity.facts import KYC_LEVELS, Value, fault_of

ORDERED = ("<", "<=", ">=", ">")

Fact = Value


class Truth(StrEnum):
    """Yes, no, or unknown because nobody has asserted what is asked, or not as surely."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Sought(NamedTuple):
    """An asserted attribute as a test asks for it."""

    name: str
    assurance: int = 0
    """The least that counts; 0 where any does."""

    @property
    def written(self) -> str:
        """As people write it: `kyc`, `kyc@2`."""
        return f"{self.name}@{self.assurance}" if self.assurance else self.name


class Test(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One comparison: `role = staff`, `grant = required`, `kyc >= K3`, `residence_country in [DE, FR]`."""

    attribute: str
    """`role`, `grant`, or the name of an asserted attribute."""
    op: str
    """One of = != >= > <= < in not_in."""
    value: Fact
    assurance: int = 0
    """Of an attribute: the least at which it must have been established; below it, the answer is unknown."""

    @property
    def sought(self) -> Sought:
        """What it reads."""
        return Sought(self.attribute, self.assurance)


class Among(msgspec.Struct, frozen=True):
    """Whether the organisation, or the component asked for, is one of these. Always known."""

    what: str
    """organisation or component."""
    names: tuple[str, ...]


class Not(msgspec.Struct, frozen=True):
    """The opposite; of unknown, unknown."""

    of: "Predicate"


class Every(msgspec.Struct, frozen=True):
    """All of them."""

    of: tuple["Predicate", ...]


class Some(msgspec.Struct, frozen=True):
    """At least one of them."""

    of: tuple["Predicate", ...]


Predicate = Test | Among | Not | Every | Some


class Facts(msgspec.Struct, frozen=True):
    """What a predicate may read of a use at a moment."""

    roles: tuple[str, ...]
    has_grant: bool
    attributes: Mapping[str, Fact]
    """Only assertions that stand; a name that is absent is unknown."""
    organisation: str = ""
    component: str = ""
    assurances: Mapping[str, int] = msgspec.field(default_factory=dict)
    """How well each was established; a name that is absent, not at all."""


def truth_of(predicate: Predicate, facts: Facts) -> Truth:
    """What a predicate answers of these facts."""
    match predicate:
        case Test():
            return answer(predicate, facts)
        case Among("organisation", names):
            return _known(facts.organisation in names)
        case Among("component", names):
            return _known(facts.component in names)
        case Among():
            return Truth.UNKNOWN
        case Not(of):
            return opposite(truth_of(of, facts))
        case Every(of):
            return all_of(truth_of(part, facts) for part in of)
        case Some(of):
            return opposite(all_of(opposite(truth_of(part, facts)) for part in of))


def truth_for_all(predicate: Predicate, component: str) -> Truth:
    """What a predicate answers for a component whoever asks for it; unknown where that depends on who does."""
    match predicate:
        case Among("component", names):
            return _known(component in names)
        case Test() | Among():
            return Truth.UNKNOWN
        case Not(of):
            return opposite(truth_for_all(of, component))
        case Every(of):
            return all_of(truth_for_all(part, component) for part in of)
        case Some(of):
            return opposite(all_of(opposite(truth_for_all(part, component)) for part in of))


def all_of(truths: Iterable[Truth]) -> Truth:
    """Conjunction: no as soon as one says no, else unknown as soon as one is unknown."""
    said = set(truths)
    if Truth.NO in said:
        return Truth.NO
    return Truth.UNKNOWN if Truth.UNKNOWN in said else Truth.YES


def opposite(truth: Truth) -> Truth:
    """No for yes, yes for no; what is unknown stays so."""
    return {Truth.YES: Truth.NO, Truth.NO: Truth.YES}.get(truth, Truth.UNKNOWN)


def tests_in(predicate: Predicate) -> Iterator[Test | Among]:
    """Every comparison in a predicate."""
    match predicate:
        case Not(of):
            yield from tests_in(of)
        case Every(parts) | Some(parts):
            for part in parts:
                yield from tests_in(part)
        case _:
            yield predicate


def attributes_in(predicate: Predicate) -> frozenset[Sought]:
    """The asserted attributes that a predicate asks for."""
    return attributes_of(test for test in tests_in(predicate) if isinstance(test, Test))


def attributes_of(tests: Iterable[Test]) -> frozenset[Sought]:
    """The asserted attributes that these tests ask for."""
    return frozenset(test.sought for test in tests if test.attribute not in ("role", "grant"))


def answer(test: Test, facts: Facts) -> Truth:
    """One test. A grant and the roles are always known; what is absent, impossible or less sure than asked is not."""
    if test.attribute == "grant":
        return _known(test.op == "=" and test.value == "required" and facts.has_grant)
    if test.attribute == "role":
        return _known(test.op in ("=", "in") and any(role in wanted(test) for role in facts.roles))
    fact = facts.attributes.get(test.attribute)
    if fact is None or (test.assurance and facts.assurances.get(test.attribute, 0) < test.assurance):
        return Truth.UNKNOWN
    if test.op in ORDERED:
        return _ordered(test, fact)
    return _compared(test, fact)


def wanted(test: Test) -> tuple[str | int | bool, ...]:
    """The values that a test compares with."""
    return test.value if isinstance(test.value, tuple) else (test.value,)


def kind_of(attribute: str, value: Fact) -> str:
    """What values must share to be compared at all; empty for a value that the attribute cannot have."""
    if fault_of(attribute, value):
        return ""
    return type(value).__name__


def rank_of(attribute: str, value: Fact) -> int | None:
    """Where a value stands in its attribute's order; None where it has none."""
    if attribute == "kyc":
        return KYC_LEVELS.index(value) if value in KYC_LEVELS else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _compared(test: Test, fact: Fact) -> Truth:
    held = fact if isinstance(fact, tuple) else (fact,)
    kinds = {kind_of(test.attribute, value) for value in (*wanted(test), *held)}
    if len(kinds) > 1 or "" in kinds:
        return Truth.UNKNOWN
    matches = any(value in wanted(test) for value in held)
    if test.op in ("=", "in"):
        return _known(matches)
    return _known(not matches) if test.op in ("!=", "not_in") else Truth.UNKNOWN


def _ordered(test: Test, fact: Fact) -> Truth:
    ours, theirs = rank_of(test.attribute, fact), rank_of(test.attribute, test.value)
    if ours is None or theirs is None:
        return Truth.UNKNOWN
    return _known({"<": ours < theirs, "<=": ours <= theirs, ">=": ours >= theirs, ">": ours > theirs}[test.op])


def _known(holds: bool) -> Truth:
    return Truth.YES if holds else Truth.NO
