"""Attributes of an organisation: what somebody asserted, and which assertion stands at a moment.

A name that nobody asserts is absent: unknown, which is neither true nor false.
"""

from collections.abc import Iterable

import msgspec

from gateway.clock import NEVER, Instant, Moment
from gateway.errors import Invalid
from gateway.identity.callers import Assertion
from gateway.identity.facts import ASSURANCE_MAX, fault_of, fault_of_name, is_name
from gateway.identity.organisations import checked_text

_SEE_FACTS = "See docs/reference.md, Audiences, for what each can be; one of your own begins with `x_`."
_NOT_ASSERTED = frozenset({"role", "grant"})
"""Names that an audience reads from elsewhere: an assertion must not be taken for a role or a grant."""
INTEGER_MAX = 2**53 - 1
_LIST_MAX = 64


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be asserted of an organisation."""

    name: str
    value: str | int | bool | tuple[str, ...]
    issuer: str
    """Who established it: a provider of checks, a person, a register."""
    assurance: int
    asserted_at: Instant | None = None
    """When it was established; None: now."""
    expires_at: Instant = NEVER


def standing(assertions: Iterable[Assertion], moment: Moment) -> dict[str, Assertion]:
    """By name, in order, the strongest assertion that surely holds now; of equals, the latest.

    It holds once the earliest possible now has reached it, and until the latest possible now reaches its end.
    """
    strongest: dict[str, Assertion] = {}
    for assertion in assertions:
        if not moment.surely_reached(assertion.asserted_at) or moment.maybe_reached(assertion.expires_at):
            continue
        other = strongest.get(assertion.name)
        if other is None or _strength(assertion) > _strength(other):
            strongest[assertion.name] = assertion
    return dict(sorted(strongest.items()))


def stands_until(assertions: Iterable[Assertion], moment: Moment) -> Instant:
    """The instant from which `standing` may answer otherwise, once the latest possible now has reached it."""
    ahead = [assertion.asserted_at for assertion in assertions if not moment.surely_reached(assertion.asserted_at)]
    ahead += [assertion.expires_at for assertion in assertions if not moment.maybe_reached(assertion.expires_at)]
    return min(ahead, default=NEVER)


def check_claim(claim: Claim, moment: Moment) -> None:
    """Raise Invalid for a claim that cannot be asserted now."""
    if not is_name(claim.name) or claim.name in _NOT_ASSERTED:
        raise Invalid(
            "An attribute's name is lower-case letters, digits and `_`, at most 64, and neither `role` nor `grant`.",
            param="name",
        )
    if fault := fault_of_name(claim.name):
        raise Invalid(f"The attribute `{claim.name}` {fault}.", param="name", next_step=_SEE_FACTS)
    checked_text(claim.issuer, "issuer")
    _check_value(claim.value)
    if fault := fault_of(claim.name, claim.value):
        raise Invalid(f"The value of `{claim.name}` {fault}.", param="value", next_step=_SEE_FACTS)
    if not 0 <= claim.assurance <= ASSURANCE_MAX:
        raise Invalid(f"Assurance is between 0 (self-declared) and {ASSURANCE_MAX}.", param="assurance")
    if claim.asserted_at is not None and not 0 <= claim.asserted_at <= moment.latest:
        raise Invalid("An attribute cannot be asserted as of a time to come.", param="asserted_at")
    if not moment.latest < claim.expires_at <= NEVER:
        raise Invalid(
            "An assertion must end in the future.",
            param="expires_at",
            next_step="Name a later end, or leave it out for one that does not end.",
        )


def _check_value(value: str | int | bool | tuple[str, ...]) -> None:
    if isinstance(value, str):
        checked_text(value, "value")
    elif isinstance(value, tuple):
        if len(value) > _LIST_MAX:
            raise Invalid(f"A list has at most {_LIST_MAX} values.", param="value")
        for each in value:
            checked_text(each, "value")
    elif not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise Invalid("A number must fit in 53 bits.", param="value")


def _strength(assertion: Assertion) -> tuple[int, Instant, str]:
    return assertion.assurance, assertion.asserted_at, assertion.id
