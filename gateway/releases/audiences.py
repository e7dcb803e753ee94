"""Audiences: named predicates over a caller's facts, with three truth values (identity/predicates.py)."""

import msgspec

from gateway.identity.callers import ABROAD, Role
from gateway.identity.predicates import Facts, Sought, Test, Truth, all_of, answer, attributes_of

PUBLIC = "public"
"""The audience that is everybody; built in, never declared."""


class Audience(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All tests must hold. `on_unknown` says what an unknown answer amounts to."""

    tests: tuple[Test, ...] = ()
    on_unknown: str = "deny"
    """deny or allow. The judge reads it; the predicate itself stays three-valued."""


def evaluate(audience: Audience, facts: Facts) -> Truth:
    """Whether the caller belongs: all tests together, in Kleene's logic."""
    return all_of(answer(test, facts) for test in audience.tests)


def wants_grant(audience: Audience) -> bool:
    """Whether belonging asks for a grant."""
    return any(test.attribute == "grant" for test in audience.tests)


def attributes_read(audience: Audience) -> frozenset[Sought]:
    """The asserted attributes that the predicate asks for."""
    return attributes_of(audience.tests)


def roles_of(audience: Audience) -> tuple[Role, ...]:
    """The roles by whose callers alone anybody can belong; empty where it asks for none."""
    tests = [test for test in audience.tests if test.attribute == "role"]
    return tuple(
        role
        for role in Role
        if tests and all(answer(test, Facts((role,), has_grant=False, attributes={})) is Truth.YES for test in tests)
    )


def is_internal(audience: Audience) -> bool:
    """Whether only the provider's own people can belong: it asks for a role that nobody holds outside."""
    roles = roles_of(audience)
    return bool(roles) and not {*roles} & {*ABROAD}
