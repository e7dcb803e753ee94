"""Python gathers: the facts of one kind of use at one moment, and how long they hold."""

import msgspec

from gateway.access.entering import Entering
from gateway.access.facts import (
    Narrowed,
    attributes_asked,
    audience_facts,
    last_until,
    narrowed,
    put_to_judge,
)
from gateway.access.grants import Grant, Holdings
from gateway.access.questions import NarrowingFact, Question
from gateway.access.snapshot import InForce
from gateway.clock import NEVER, Instant, Moment
from gateway.identity.attributes import standing
from gateway.identity.callers import Caller
from gateway.identity.predicates import Facts, Sought
from gateway.releases.components import Component
from gateway.releases.strategies import Stage, Strategy


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
    """The next to open; None where it gives this use nothing: it can open no more, or will still be narrowed."""
    opens_at: Instant
    """When that one does; NEVER while it waits for its requirements."""
    narrowed: list[Narrowed]
    """The narrowings that the question tells of."""
    grant: Grant | None
    grant_to_come: Grant | None
    """Where none is active: the one that begins next."""
    terms: list[str]
    """Digests of the terms that bind this use."""
    sought: tuple[Sought, ...]
    """The attributes that audiences and scopes read, each as it is asked for."""
    assertions: list[str]
    """Ids of the assertions by which those are known."""
    holds_until: Instant

    @property
    def narrowings(self) -> list[str]:
        """Ids of those narrowings."""
        return [each.source.narrowing.id for each in self.narrowed] if self.narrowed else []


def gather(use: Use, moment: Moment) -> Gathered:
    """Everything that stands about a use at a moment. Pure: the same values give the same question."""
    strategy = use.in_force.strategy
    opened, organisation = use.in_force.openings, use.caller.organisation or None  # of nobody, any is meant
    stage = strategy.stage_at(moment, opened, organisation)
    coming = strategy.next_stage(moment, opened, organisation)
    opens_at = next((opens for each, opens in strategy.openings(opened, organisation) if each is coming), NEVER)
    grant = use.holdings.grant_for(strategy.release, moment)
    attributes = standing(use.caller.attributes, moment)
    facts = _facts(use, moment)
    audiences = audience_facts(strategy, stage, facts)
    concurrences = use.holdings.concurrences.get(strategy.release, ())
    grants = use.holdings.grants.get(strategy.release, ())
    entering = Entering(use.caller.organisation, use.in_force.lines, concurrences, moment, grants)
    stage_fact = entering.fact(stage)
    touching = narrowed(use.in_force, stage, use.component, facts, entering)
    narrowing = put_to_judge(touching, stage_fact, audiences)
    terms = _terms(strategy, stage, narrowing)
    accepted = use.holdings.accepted.get(strategy.release, frozenset())
    question = Question(
        release=strategy.release,
        strategy=use.in_force.digest,
        listed=strategy.listed,
        component=use.component,
        roles=use.caller.roles,
        in_scope=use.caller.in_scope(door_of(use.component), strategy.release),
        stage=stage_fact,
        future=coming is not None,
        future_access=None if coming is None else coming.access,
        audiences=audiences,
        future_audiences=audience_facts(strategy, coming, facts),
        grant=use.holdings.grant_standing(strategy.release, moment),
        terms_missing=tuple(name for name, digest in terms.items() if digest not in accepted),
        narrowings=_once(narrowing),
    )
    sought = attributes_asked(strategy, (stage, coming), narrowing)
    read = dict.fromkeys(each.name for each in sought)
    gives = coming is not None and strategy.can_open(coming, moment, opened) and not last_until(touching, opens_at)
    return Gathered(
        question=question,
        stage=stage,
        coming=coming if gives else None,
        opens_at=opens_at,
        narrowed=narrowing,
        grant=grant,
        grant_to_come=None if grant is not None else use.holdings.grant_to_come(strategy.release, moment),
        terms=list(terms.values()),
        sought=sought,
        assertions=[attributes[name].id for name in read if name in attributes],
        holds_until=_holds_until(use, moment),
    )


def own_stages(use: Use, moment: Moment) -> frozenset[str]:
    """Names of the stages that are surely for the caller, and of the one in force: it may be told of these."""
    strategy, organisation = use.in_force.strategy, use.caller.organisation or None
    facts, open_now = _facts(use, moment), strategy.stage_at(moment, use.in_force.openings, organisation)
    return frozenset(
        stage.name
        for stage in strategy.stages
        if stage is open_now
        or (stage.reaches(organisation) and any(each.truth == "yes" for each in audience_facts(strategy, stage, facts)))
    )


def _facts(use: Use, moment: Moment) -> Facts:
    attributes = standing(use.caller.attributes, moment)
    return Facts(
        roles=use.caller.roles,
        has_grant=use.holdings.grant_for(use.in_force.strategy.release, moment) is not None,
        attributes={name: assertion.value for name, assertion in attributes.items()},
        assurances={name: assertion.assurance for name, assertion in attributes.items()},
        organisation=use.caller.organisation,
    )


def door_of(component: Component) -> str:
    """The door that gives a component, as key scopes name it."""
    return "weights" if component is Component.WEIGHTS else "inference"


def _terms(strategy: Strategy, stage: Stage | None, narrowing: list[Narrowed]) -> dict[str, str]:
    """Digests of the terms that bind, by name: those of the stage, and of each stage that it is narrowed to."""
    terms = {name: strategy.terms[name] for name in (stage.conditions.terms if stage is not None else ())}
    for each in narrowing:
        held, older = each.left, each.source.strategy
        if held is None or older is None or each.lets_pass:
            continue
        for name in held.conditions.terms:
            # Where the text was renewed since, the new one counts: the old one cannot be accepted any more.
            terms.setdefault(name, strategy.terms.get(name, older.terms[name]))
    return terms


def _once(narrowing: list[Narrowed]) -> tuple[NarrowingFact, ...]:
    alike: list[NarrowingFact] = []
    for each in narrowing:
        if each.fact not in alike:
            alike.append(each.fact)
    return tuple(alike)


def _holds_until(use: Use, moment: Moment) -> Instant:
    instants = [use.in_force.strategy.next_boundary(moment, use.in_force.openings), use.caller.expires_at]
    instants += [assertion.expires_at for assertion in use.caller.attributes]
    instants += [assertion.asserted_at for assertion in use.caller.attributes]
    instants += [each.narrowing.until for each in use.in_force.narrowings]
    instants += use.holdings.boundaries(use.in_force.strategy.release)
    return min((instant for instant in instants if not moment.surely_reached(instant)), default=NEVER)
