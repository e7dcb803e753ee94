"""The parts of a question: a stage, how its audiences answer, and what narrows a use. Pure."""

from collections.abc import Iterable

import msgspec

from gateway.access.entering import Entering
from gateway.access.questions import AudienceFact, NarrowingFact, StageFact
from gateway.access.snapshot import InForce
from gateway.clock import Instant
from gateway.identity.predicates import Facts, Some, Sought, Truth, attributes_in, truth_of
from gateway.releases.audiences import PUBLIC, attributes_read, evaluate, wants_grant
from gateway.releases.components import Component
from gateway.releases.narrowings import TO_A_STAGE, InEffect
from gateway.releases.strategies import Stage, Strategy

EVERYBODY = AudienceFact(name=PUBLIC, truth="yes", on_unknown="deny", wants_grant=False)


class Narrowed(msgspec.Struct, frozen=True):
    """A narrowing as it concerns one use."""

    source: InEffect
    left: Stage | None
    """The stage that it leaves to the caller, with what that still offers."""
    fact: NarrowingFact
    lets_pass: bool
    """Whether it surely takes nothing away from the component asked for, as policies/access/narrowings.rego has it."""


def audience_facts(strategy: Strategy, stage: Stage | None, facts: Facts) -> tuple[AudienceFact, ...]:
    """How each audience of a stage answers."""
    if stage is None:
        return ()
    return tuple(
        EVERYBODY
        if name == PUBLIC
        else AudienceFact(
            name=name,
            truth=evaluate(strategy.audiences[name], facts),
            on_unknown=strategy.audiences[name].on_unknown,
            wants_grant=wants_grant(strategy.audiences[name]),
        )
        for name in stage.to
    )


def narrowed(
    in_force: InForce, stage: Stage | None, component: Component, facts: Facts, entering: Entering
) -> list[Narrowed]:
    """Every narrowing that is not over and may touch this use of a release whose open stage this is."""
    components = sorted({component, *(stage.offers if stage is not None else ())})
    found = []
    for each in in_force.narrowings:
        if each.is_over(entering.moment):
            continue
        of = {name: msgspec.structs.replace(facts, component=name) for name in components}
        touches = {name: truth_of(each.scope, of[name]) for name in components}
        if set(touches.values()) == {Truth.NO}:
            continue
        restored = {name: truth_of(Some(each.restored), of[name]) for name in components}
        left = _left(each, in_force.strategy, entering.organisation or None)
        fact = NarrowingFact(
            verb=each.narrowing.verb,
            on_unknown=each.narrowing.on_unknown,
            touches={name: truth.value for name, truth in touches.items()},
            restored={name: truth.value for name, truth in restored.items()},
            stage=entering.as_of(each.narrowing.taken_at).fact(left),
            audiences=()
            if each.strategy is None
            else audience_facts(each.strategy, left, _as_of(each, facts, entering)),
        )
        is_let_in = touches[component] is Truth.UNKNOWN and fact.on_unknown == "allow"
        lets_pass = touches[component] is Truth.NO or restored[component] is Truth.YES or is_let_in
        found.append(Narrowed(each, left, fact, lets_pass))
    return found


def _left(each: InEffect, strategy: Strategy, organisation: str | None) -> Stage | None:
    """The stage that is left to an organisation, less what by now is another model or other files."""
    left = each.left_to(organisation)
    if left is None or each.strategy is None:
        return None
    older = each.strategy
    offers = tuple(name for name in left.offers if strategy.gives(name) == older.gives(name))
    return msgspec.structs.replace(left, offers=offers)


def _as_of(each: InEffect, facts: Facts, entering: Entering) -> Facts:
    """The facts of who had been admitted when it was taken: nobody is, since."""
    return msgspec.structs.replace(facts, has_grant=facts.has_grant and entering.had_grant(each.narrowing.taken_at))


def put_to_judge(
    found: Iterable[Narrowed], stage: StageFact | None, audiences: tuple[AudienceFact, ...]
) -> list[Narrowed]:
    """Those that can make a difference: not what leaves the very stage that is open, nor one beside none."""
    return [
        each
        for each in found
        if each.fact.verb not in TO_A_STAGE
        or (stage is not None and (each.fact.stage, each.fact.audiences) != (stage, audiences))
    ]


def last_until(found: Iterable[Narrowed], opens: Instant) -> bool:
    """Whether something that takes this use away lasts until a stage opens, so that its opening gives nothing."""
    return any(not each.lets_pass and each.source.narrowing.until > opens for each in found)


def attributes_asked(
    strategy: Strategy, stages: Iterable[Stage | None], found: Iterable[Narrowed]
) -> tuple[Sought, ...]:
    """The asserted attributes that a question was made of, in order."""
    sought: set[Sought] = set()
    for stage in stages:
        sought |= _attributes(strategy, stage)
    for each in found:
        for predicate in (each.source.scope, *each.source.restored):
            sought |= attributes_in(predicate)
        if each.source.strategy is not None:
            sought |= _attributes(each.source.strategy, each.left)
    return tuple(sorted(sought))


def _attributes(strategy: Strategy, stage: Stage | None) -> set[Sought]:
    audiences = [name for name in (stage.to if stage is not None else ()) if name != PUBLIC]
    return {attribute for name in audiences for attribute in attributes_read(strategy.audiences[name])}
