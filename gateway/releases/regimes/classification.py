"""Classification: every definition read on a subject at an instant, with its reasons and dates."""

from enum import StrEnum

import msgspec

from gateway.clock import NEVER, Instant, datetime_from, text_from
from gateway.releases.regimes import european_union, states, united_kingdom, united_states
from gateway.releases.regimes.findings import Finding, Ground
from gateway.releases.regimes.rules import Nature, Rule
from gateway.releases.regimes.subjects import Subject

RULES = (*united_states.RULES, *states.RULES, *european_union.RULES, *united_kingdom.RULES)


class Standing(StrEnum):
    """Where a text stands at an instant."""

    NOT_YET = "not yet"
    STANDS = "stands"
    ENDED = "ended"


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What one definition comes to."""

    regime: str
    label: str
    finding: Finding
    """At the instant: no, where the text does not stand then."""
    on_facts: Finding
    """The same, whenever the text stands."""
    nature: Nature
    standing: Standing
    since: str
    """The first day on which the text stands."""
    until: str | None
    """The first day on which it no longer does."""
    basis: str
    """Why, in a sentence."""
    branches: tuple[str, ...]
    """What follows either way, where it is possible; what follows, where it is so."""
    as_of: str
    source: str


def classify(subject: Subject) -> tuple[Label, ...]:
    """Every definition there is, in a fixed order."""
    return tuple(_label(rule, subject) for rule in RULES)


def _label(rule: Rule, subject: Subject) -> Label:
    ground = rule.test(subject)
    standing = _standing(rule, subject.at)
    return Label(
        regime=rule.regime,
        label=rule.label,
        finding=ground.finding if standing is Standing.STANDS else Finding.NO,
        on_facts=ground.finding,
        nature=rule.nature,
        standing=standing,
        since=_date(rule.since),
        until=None if rule.until >= NEVER else _date(rule.until),
        basis=_basis(rule, standing, ground, subject.at),
        branches=_branches(rule, ground),
        as_of=text_from(subject.at),
        source=rule.source,
    )


def _standing(rule: Rule, at: Instant) -> Standing:
    if at < rule.since:
        return Standing.NOT_YET
    return Standing.ENDED if at >= rule.until else Standing.STANDS


def _basis(rule: Rule, standing: Standing, ground: Ground, at: Instant) -> str:
    found = f"{ground.finding.value}: {ground.because}."
    since, until = _date(rule.since), _date(rule.until)
    if standing is Standing.ENDED:
        return f"The text was {rule.ended} on {until}; on these facts, before that, {found}"
    if standing is Standing.NOT_YET:
        begins = {Nature.BILL: "introduced", Nature.GUIDANCE: "published"}.get(rule.nature, "in force")
        return f"Not {begins} on {_date(at)} but from {since}; on these facts, from then, {found}"
    if rule.nature is Nature.BILL:
        return f"A bill of {since}, not law; {found}"
    return found[0].upper() + found[1:]


def _branches(rule: Rule, ground: Ground) -> tuple[str, ...]:
    if ground.finding is Finding.YES:
        return (f"So: {rule.follows}.",)
    if ground.finding is Finding.POSSIBLE:
        return (f"If it is: {rule.follows}.", f"If it is not: {rule.otherwise}.")
    return ()


def _date(instant: Instant) -> str:
    return datetime_from(instant).date().isoformat()
