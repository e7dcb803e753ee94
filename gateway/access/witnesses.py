"""Facts that would answer a test otherwise: for each comparison that could decide, one value that holds and one not.

Pure. Read from the audiences of the stages there are and the scopes of what narrows them.
"""

from collections.abc import Iterable, Iterator

import msgspec

from gateway.access.snapshot import InForce
from gateway.clock import Moment
from gateway.identity.as_text import text_of
from gateway.identity.attributes import standing
from gateway.identity.callers import Assertion, Caller
from gateway.identity.countries import COUNTRIES
from gateway.identity.facts import KYC_LEVELS
from gateway.identity.predicates import Facts, Not, Test, Truth, answer, tests_in, wanted
from gateway.releases.strategies import Strategy


class Witness(msgspec.Struct, frozen=True):
    """A value that answers a test in one way, at the assurance that the test asks for."""

    name: str
    value: str | int | bool
    assurance: int
    says: str
    """What would be established, as a predicate."""
    now: str
    """How it stands."""
    asked_by: tuple[str, ...] = ()
    """Stages with an audience that asks for this very thing; none where only what narrows the release does."""


def witnesses(in_force: InForce, caller: Caller, moment: Moment) -> list[Witness]:
    """For each test: a value with which it holds, and one with which it does not, but for what is so already."""
    stands = standing(caller.attributes, moment)
    facts = Facts(
        caller.roles,
        has_grant=False,
        attributes={name: each.value for name, each in stands.items()},
        assurances={name: each.assurance for name, each in stands.items()},
    )
    found: dict[str, Witness] = {}
    for test in _tests(in_force):
        is_now, now = answer(test, facts), _now(test, stands.get(test.attribute))
        for truth, says in ((Truth.YES, text_of(test)), (Truth.NO, text_of(Not(test)))):
            value = _value(test, truth)
            if is_now is not truth and value is not None and says not in found:
                asked_by = _asked_by(in_force.strategy, test)
                found[says] = Witness(test.attribute, value, test.assurance, says, now, asked_by)
    return list(found.values())


def _now(test: Test, held: Assertion | None) -> str:
    if held is None:
        return "nobody asserts it"
    if held.assurance < test.assurance:
        return f"it is known at assurance {held.assurance}, and {test.assurance} is asked"
    return "what is asserted is otherwise"


def _asked_by(strategy: Strategy, test: Test) -> tuple[str, ...]:
    asking = {name for name, audience in strategy.audiences.items() if test in audience.tests}
    return tuple(stage.name for stage in strategy.stages if asking.intersection(stage.to))


def _tests(in_force: InForce) -> Iterator[Test]:
    audiences = in_force.strategy.audiences
    named = {name for stage in in_force.strategy.stages for name in stage.to if name in audiences}
    found: list[Test] = [test for name in sorted(named) for test in audiences[name].tests]
    for each in in_force.narrowings:
        left = [] if each.strategy is None else list(each.strategy.audiences.values())
        found += [test for audience in left for test in audience.tests]
        scopes = (each.scope, *each.restored)
        found += [test for scope in scopes for test in tests_in(scope) if isinstance(test, Test)]
    yield from (test for test in found if test.attribute not in ("role", "grant"))


def _value(test: Test, truth: Truth) -> str | int | bool | None:
    """A value that answers so; None where none was found among the likely ones."""
    name = test.attribute
    for value in _likely(wanted(test)):
        known = Facts((), has_grant=False, attributes={name: value}, assurances={name: test.assurance})
        if answer(test, known) is truth:
            return value
    return None


def _likely(named: Iterable[str | int | bool]) -> Iterator[str | int | bool]:
    for value in named:
        if isinstance(value, bool):
            yield from (value, not value)
        elif isinstance(value, int):
            yield from (value, value + 1, value - 1)
        else:
            yield value
            yield from reversed(KYC_LEVELS)
            yield from (*COUNTRIES, "another")
