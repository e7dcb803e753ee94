"""An explanation as it is told: whole to those who oversee, to others without what the provider keeps to itself."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from gateway.access.decisions import Obligations
from gateway.access.explanations import Explanation, Kind, Step, Way
from gateway.access.standing import Gathered, Use, own_stages
from gateway.clock import NEVER
from gateway.control.wire import shown, when
from gateway.identity.attributes import standing
from gateway.releases.strategies import Stage


class ShownStage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage, open or to open."""

    name: str
    access: str
    offers: list[str]
    opens_at: datetime | None
    """null for a stage that waits for its requirements."""
    not_before: datetime
    """Its date."""


class ShownFact(msgspec.Struct, frozen=True, kw_only=True):
    """What is asserted of the organisation under one name, where it stood."""

    id: str
    name: str
    value: str | int | bool | list[str]
    issuer: str
    assurance: int
    assurance_asked: int
    """The most that was asked of it; above `assurance`, it counted as unknown there. To others than overseers 0."""
    asserted_at: datetime
    expires_at: datetime | None


class ShownAudience(msgspec.Struct, frozen=True):
    """Whether the caller belonged to an audience of the stage."""

    name: str
    truth: str
    """yes, no or unknown."""
    on_unknown: str


class TouchingNarrowing(msgspec.Struct, frozen=True, kw_only=True):
    """A narrowing that the judge was shown."""

    id: str
    verb: str
    scope: str
    touches: str
    """Whether the use was in its scope: yes, no or unknown."""
    restored: str
    """Whether it had been restored for it."""
    taken_at: datetime
    until: datetime | None


class ShownGrantHeld(msgspec.Struct, frozen=True, kw_only=True):
    """The grant that admitted, or the one to come."""

    id: str
    authority: str
    starts_at: datetime
    ends_at: datetime | None


class ShownTerms(msgspec.Struct, frozen=True):
    """Terms that bind the use."""

    digest: str
    accepted: bool


class ShownStep(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would have to be otherwise."""

    kind: str
    """grant, terms, fact, date, requirements, narrowing, version or key."""
    subject: str
    says: str
    not_before: datetime | None
    missing: list[str]
    """Of requirements: those that were not met, each with what was said of it; told to those who oversee."""


class ShownExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a use could pass at an instant, and everything that this rests on."""

    release: str
    component: str
    organisation: str
    key: str
    """Empty where an organisation was asked about, whatever its keys."""
    roles: list[str]
    at: datetime
    tense: str
    """past: by what was recorded then; now; future: by what is recorded now."""
    admitted: bool
    reasons: list[str]
    """Codes; empty where it is admitted."""
    ended: str
    """Why the caller could ask for nothing at all; empty where it could."""
    policy: str
    """Digest of the policies that decided."""
    question: str
    """Hash of what they were asked, as entries of the ledger name it."""
    strategy: str
    """Digest of the version in force; empty where none was."""
    stage: ShownStage | None
    coming: ShownStage | None
    """To open next; to those who do not oversee only where it is for them."""
    audiences: list[ShownAudience]
    facts: list[ShownFact]
    """Those that the decision read."""
    grant_state: str
    """active, ended or none."""
    grant: ShownGrantHeld | None
    terms: list[ShownTerms]
    narrowings: list[TouchingNarrowing]
    obligations: Obligations | None
    holds_until: datetime | None
    """From when the answer is another by dates alone, if nothing is recorded before; null where no date changes it."""
    ways: list[list[ShownStep]]
    """What it would take: each a least set of steps that together get the use admitted."""
    all_ways: bool
    """Whether every set of up to three steps was tried."""


def shown_explanation(told: Explanation, *, oversees: bool) -> ShownExplanation:
    """The explanation on the wire."""
    use, gathered = told.use, told.gathered
    return ShownExplanation(
        release=told.release,
        component=told.component,
        organisation=told.organisation,
        key=told.key,
        roles=[str(role) for role in told.roles],
        at=shown(told.as_of.moment.latest),
        tense=told.as_of.tense.value,
        admitted=told.admitted,
        reasons=[reason.value for reason in told.reasons],
        ended="" if told.ended is None else told.ended.says,
        policy=told.policy,
        question=told.question,
        strategy="" if told.in_force is None else told.in_force.digest,
        stage=None if use is None or gathered is None else _stage(use, gathered.stage),
        coming=None if use is None or gathered is None else _coming(use, gathered, oversees=oversees),
        audiences=[] if gathered is None or not oversees else _audiences(gathered),
        facts=[] if use is None or gathered is None else _facts(told, use, gathered, oversees=oversees),
        grant_state="none" if gathered is None else gathered.question.grant,
        grant=None if gathered is None else _grant(gathered),
        terms=[] if use is None or gathered is None else _terms(use, gathered),
        narrowings=[] if use is None or gathered is None or not oversees else _narrowings(use, gathered),
        obligations=None if told.decision is None or not told.admitted else told.decision.obligations,
        holds_until=when(told.holds_until if oversees else told.turns_at),
        ways=[[_step(step, oversees=oversees) for step in way] for way in _told(told, oversees=oversees)],
        all_ways=told.all_ways,
    )


def _coming(use: Use, gathered: Gathered, *, oversees: bool) -> ShownStage | None:
    """The stage to open next, for others only where it is for them: as refusals tell it."""
    is_theirs = any(each.truth == "yes" for each in gathered.question.future_audiences)
    return _stage(use, gathered.coming) if oversees or is_theirs else None


def _stage(use: Use, stage: Stage | None) -> ShownStage | None:
    if stage is None:
        return None
    openings = {each.name: opens for each, opens in use.in_force.strategy.openings(use.in_force.openings)}
    return ShownStage(
        name=stage.name,
        access=stage.access.value,
        offers=[component.value for component in stage.offers],
        opens_at=when(openings.get(stage.name, NEVER)),
        not_before=shown(stage.opens),
    )


def _audiences(gathered: Gathered) -> list[ShownAudience]:
    return [ShownAudience(each.name, each.truth, each.on_unknown) for each in gathered.question.audiences]


def _facts(told: Explanation, use: Use, gathered: Gathered, *, oversees: bool) -> list[ShownFact]:
    read = set(gathered.assertions)
    asked = {each.name: each.assurance for each in gathered.sought} if oversees else {}  # the most comes last
    return [
        ShownFact(
            id=each.id,
            name=each.name,
            value=list(each.value) if isinstance(each.value, tuple) else each.value,
            issuer=each.issuer,
            assurance=each.assurance,
            assurance_asked=asked.get(each.name, 0),
            asserted_at=shown(each.asserted_at),
            expires_at=when(each.expires_at),
        )
        for each in standing(use.caller.attributes, told.as_of.moment).values()
        if each.id in read
    ]


def _grant(gathered: Gathered) -> ShownGrantHeld | None:
    grant = gathered.grant or gathered.grant_to_come
    if grant is None:
        return None
    return ShownGrantHeld(
        id=grant.id, authority=grant.authority, starts_at=shown(grant.starts_at), ends_at=when(grant.ends_at)
    )


def _terms(use: Use, gathered: Gathered) -> list[ShownTerms]:
    accepted = use.holdings.accepted.get(use.in_force.strategy.release, frozenset())
    return [ShownTerms(digest, digest in accepted) for digest in gathered.terms]


def _narrowings(use: Use, gathered: Gathered) -> list[TouchingNarrowing]:
    """Those that could make a difference to this use."""
    return [
        TouchingNarrowing(
            id=each.source.narrowing.id,
            verb=each.source.narrowing.verb,
            scope=each.source.narrowing.scope,
            touches=each.fact.touches[use.component],
            restored=each.fact.restored[use.component],
            taken_at=shown(each.source.narrowing.taken_at),
            until=when(each.source.narrowing.until),
        )
        for each in gathered.narrowed
    ]


def _told(told: Explanation, *, oversees: bool) -> Iterable[Way]:
    """The ways, for others without those that tell of stages that are not theirs, or of what a narrowing asks."""
    if oversees or told.use is None:
        return told.ways
    theirs = own_stages(told.use, told.as_of.moment)
    return [way for way in told.ways if all(_may_be_told(step, theirs) for step in way)]


def _may_be_told(step: Step, theirs: frozenset[str]) -> bool:
    """Whether a step tells no date of a stage that is not theirs, and nothing that only such a stage asks for."""
    is_asked = step.kind in (Kind.FACT, Kind.CONCURRENCE)
    return theirs.issuperset(step.stages) and (not is_asked or not theirs.isdisjoint(step.asked_by))


def _step(step: Step, *, oversees: bool) -> ShownStep:
    if step.kind is Kind.NARROWING and not oversees:
        return ShownStep(
            kind=step.kind, subject="", says="The provider restores the release.", not_before=None, missing=[]
        )
    return ShownStep(
        kind=step.kind,
        subject=step.subject,
        says=step.says,
        not_before=when(step.not_before),
        missing=list(step.missing) if oversees else [],
    )
