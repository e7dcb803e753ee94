"""Python gathers: the facts of one kind of use at one moment, and how long they hold."""

import msgspec

from gateway.access.grants import Grant, Holdings
from gateway.access.questions import AudienceFact, Question, StageFact
from gateway.access.snapshot import InForce
from gateway.clock import NEVER, Instant, Moment
from gateway.identity.attributes import standing
from gateway.identity.callers import Caller
from gateway.releases.audiences import PUBLIC, Facts, attributes_read, evaluate, wants_grant
from gateway.releases.components import Component
from gateway.releases.strategies import Stage, Strategy

EVERYBODY = AudienceFact(name=PUBLIC, truth="yes", on_unknown="deny", wants_grant=False)


class Use(msgspec.Struct, frozen=True):
    """A kind of use: this caller, this component, this release, with what its organisation holds."""

    caller: Caller
    component: Component
    in_force: InForce
    holdings: Holdings


class Gathered(msgspec.Struct, frozen=True):
    """A question, what the record wants beside it, and the instant from which it must be asked anew."""

    question: Question
    stage: Stage | None
    """In force."""
    coming: Stage | None
    """The next to open."""
    grant: Grant | None
    grant_to_come: Grant | None
    """Where none is active: the one that begins next."""
    terms: list[str]
    """Digests of the terms that bind this use."""
    assertions: list[str]
    """Ids of the assertions that the audiences read."""
    holds_until: Instant


def gather(use: Use, moment: Moment) -> Gathered:
    """Everything that stands about a use at a moment. Pure: the same values give the same question."""
    strategy = use.in_force.strategy
    stage, coming = strategy.stage_at(moment), strategy.next_stage(moment)
    grant = use.holdings.grant_for(strategy.release, moment)
    attributes = standing(use.caller.attributes, moment)
    facts = Facts(
        roles=use.caller.roles,
        has_grant=grant is not None,
        attributes={name: assertion.value for name, assertion in attributes.items()},
    )
    needed = stage.conditions.terms if stage is not None else ()
    accepted = use.holdings.accepted.get(strategy.release, frozenset())
    question = Question(
        release=strategy.release,
        strategy=use.in_force.digest,
        listed=strategy.listed,
        component=use.component,
        roles=use.caller.roles,
        in_scope=use.caller.in_scope(door_of(use.component), strategy.release),
        stage=None
        if stage is None
        else StageFact(name=stage.name, access=stage.access, offers=stage.offers, conditions=stage.conditions),
        future=coming is not None,
        future_access=None if coming is None else coming.access,
        audiences=_audience_facts(strategy, stage, facts),
        future_audiences=_audience_facts(strategy, coming, facts),
        grant="active" if grant else "ended" if use.holdings.had_grant(strategy.release, moment) else "none",
        terms_missing=tuple(name for name in needed if strategy.terms[name] not in accepted),
    )
    return Gathered(
        question=question,
        stage=stage,
        coming=coming,
        grant=grant,
        grant_to_come=None if grant is not None else use.holdings.grant_to_come(strategy.release, moment),
        terms=[strategy.terms[name] for name in needed],
        assertions=[attributes[name].id for name in _attributes_read(strategy, stage, coming) if name in attributes],
        holds_until=_holds_until(use, moment),
    )


def door_of(component: Component) -> str:
    """The door that gives a component, as key scopes name it."""
    return "weights" if component is Component.WEIGHTS else "inference"


def _audience_facts(strategy: Strategy, stage: Stage | None, facts: Facts) -> tuple[AudienceFact, ...]:
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


def _attributes_read(strategy: Strategy, *stages: Stage | None) -> list[str]:
    return sorted(
        {
            attribute
            for stage in stages
            if stage is not None
            for name in stage.to
            if name != PUBLIC
            for attribute in attributes_read(strategy.audiences[name])
        }
    )


def _holds_until(use: Use, moment: Moment) -> Instant:
    instants = [use.in_force.strategy.next_boundary(moment), use.caller.expires_at]
    instants += [assertion.expires_at for assertion in use.caller.attributes]
    instants += [assertion.asserted_at for assertion in use.caller.attributes]
    instants += use.holdings.boundaries(use.in_force.strategy.release)
    return min((instant for instant in instants if not moment.surely_reached(instant)), default=NEVER)
