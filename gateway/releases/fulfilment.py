"""Whether a requirement holds on what is known, with one exact sentence that says why. Pure.

Unknown counts as not met. Numbers are compared as the decimals that were written, never as floats.
"""

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal

import msgspec

from gateway import spelling
from gateway.clock import DAY, NEVER, Instant, Moment, text_from
from gateway.identity.lineages import Lineage
from gateway.releases.evidence.records import Approval, Concurrence, Evidence, Measurement
from gateway.releases.observed import counted, has_headroom, is_within_budget, stated
from gateway.releases.pauses import Pause, paused_since, without
from gateway.releases.requirements import (
    Approvals,
    Below,
    Concurs,
    Headroom,
    IncidentFree,
    MisuseBudget,
    Published,
    Requirement,
    Soak,
    Within,
    title,
)

_EXACT = Context(prec=200)
"""Wide enough that no sum of what may be written is rounded."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known for opening one stage."""

    snapshot: str
    evidence: tuple[Evidence, ...] = ()
    """Of the release, not withdrawn."""
    approvals: tuple[Approval, ...] = ()
    """Of the stage as it stands, in the order in which they were given."""
    basis: str = ""
    """What an approval must have been given on."""
    authors: frozenset[Lineage] = frozenset()
    """Whoever planned or applied the stage as it stands: theirs is no second opinion."""
    concurrences: tuple[Concurrence, ...] = ()
    """With the stage as it stands."""
    incidents: tuple[str, ...] = ()
    """Ids of those open."""
    soaking_since: Instant | None = None
    """Since when the stage before, as it stands, has been open; None where it is not."""
    soaking_until: Instant = NEVER
    """When it closes by itself."""
    pauses: tuple[Pause, ...] = ()
    """When something that the stage before offers was narrowed for everybody."""
    barred: tuple[Pause, ...] = ()
    """When something that the stage itself offers was."""
    soaking_calls: int = 0
    """How many calls were admitted meanwhile; not counted before the days have passed."""


class Answer(msgspec.Struct, frozen=True):
    """Whether a requirement holds, and why."""

    met: bool
    said: str


def answers(requirements: Iterable[Requirement], known: Known, moment: Moment) -> list[tuple[str, Answer]]:
    """Each requirement in words, and whether it holds; and that nothing narrows what it offers, where something does.

    What one person gives back, two have agreed to: no stage opens meanwhile behind what was taken.
    """
    found = [(title(each), answer(each, known, moment)) for each in requirements]
    since = paused_since(known.barred, moment)
    if since is not None:
        found.append(
            ("no narrowing", _unmet(f"what it offers has been narrowed for everybody since {text_from(since)}"))
        )
    return found


def answer(requirement: Requirement, known: Known, moment: Moment) -> Answer:
    """Whether a requirement holds at a moment, on what is known."""
    match requirement:
        case Within():
            return _within(requirement, known, moment)
        case Below():
            return _below(requirement, known)
        case Approvals():
            return _approved(requirement, known)
        case Soak():
            return _soaked(requirement, known, moment)
        case Published():
            found = [each for each in known.evidence if each.findings.document == requirement.name]
            held = _about(found, known.snapshot)
            return _latest(held) or _missing(f"document {requirement.name}", found, known.snapshot)
        case Concurs():
            return _concurred(requirement, known, moment)
        case IncidentFree():
            said = f"{', '.join(known.incidents)} is open" if known.incidents else "no incident is open"
            return Answer(met=not known.incidents, said=said)
        case Headroom():
            found = [each for each in known.evidence if stated(requirement, each) is not None]
            held = _about(found, known.snapshot)
            if not held:
                return _missing(f"a capacity of {requirement.of}", found, known.snapshot)
            return Answer(*has_headroom(requirement, held, moment))
        case MisuseBudget():
            found = [each for each in known.evidence if counted(requirement, each) is not None]
            held = _about(found, known.snapshot)
            if not held:
                return _missing(f"misuse in {requirement.domain}", found, known.snapshot)
            return Answer(*is_within_budget(requirement, held, moment))


def read_by(requirements: Iterable[Requirement], evidence: Iterable[Evidence], snapshot: str) -> list[Evidence]:
    """The evidence about a snapshot that any of these requirements reads."""
    wanted = tuple(requirements)
    return [each for each in evidence if each.snapshot == snapshot and any(_reads(one, each) for one in wanted)]


def seen(requirements: Iterable[Requirement], evidence: Iterable[Evidence], snapshot: str) -> list[str]:
    """What evidence whoever approves has before them, as texts to be digested: also what was withdrawn by then.

    So a result that came and went makes another list for good: who approved before it came has not seen it.
    """
    # NOTE: approvals are kept by digests of this; where nothing was withdrawn it is the ids alone, as it was before.
    read = read_by(requirements, evidence, snapshot)
    return sorted(f"{each.id} withdrawn" if each.is_withdrawn else each.id for each in read)


def soaked_for(since: Instant | None, until: Instant, moment: Moment, pauses: Iterable[Pause] = ()) -> int:
    """For how long a stage has surely been open to those whom it admits, in microseconds."""
    return 0 if since is None else without(pauses, since, min(moment.earliest, until))


def approving(approvals: Iterable[Approval], authors: Iterable[Lineage]) -> list[Approval]:
    """The approvals that are shown as counting: one a person, none by an author.

    Nothing opens without as many; whether they are enough is judged when it opens (policies/changes/stages.rego).
    """
    wrote = [(author.person, *author.issuers) for author in authors]
    counted: list[Approval] = []
    for each in approvals:
        others = [*wrote, *(other.persons for other in counted)]
        if not any(each.persons[0] in other or other[0] in each.persons for other in others):
            counted.append(each)
    return counted


def _within(wanted: Within, known: Known, moment: Moment) -> Answer:
    found = [each for each in known.evidence if _measured(wanted, each) is not None]
    held = _about(found, known.snapshot)
    if not held:
        return _missing(wanted.name, found, known.snapshot)
    answers = [_measurement_within(wanted, each, moment) for each in _counting(held)]
    return next((each for each in answers if not each.met), answers[0])


def _measurement_within(wanted: Within, counting: Evidence, moment: Moment) -> Answer:
    measurement = _measured(wanted, counting)
    assert measurement is not None
    if wanted.max_age_days is not None:
        if counting.findings.run_at is None:
            return _unmet(f"{counting.id} does not say when it was run")
        if moment.maybe_reached(counting.dated + wanted.max_age_days * DAY):
            ran = text_from(counting.dated)
            return _unmet(
                f"{counting.id} was run at {ran}, more than {spelling.counted(wanted.max_age_days, 'day')} ago"
            )
    value, margin = Decimal(measurement.value), Decimal(wanted.margin)
    told = measurement.value if not margin else f"{measurement.value}, with the margin of {wanted.margin},"
    if wanted.at_most and _EXACT.add(value, margin) > Decimal(wanted.at_most):
        return _unmet(f"{told} is above {wanted.at_most} ({counting.id})")
    if wanted.at_least and _EXACT.subtract(value, margin) < Decimal(wanted.at_least):
        return _unmet(f"{told} is below {wanted.at_least} ({counting.id})")
    return _met(f"{measurement.value} ({counting.id})")


def _below(wanted: Below, known: Known) -> Answer:
    found = [each for each in known.evidence if _determined(wanted, each)]
    held = _about(found, known.snapshot)
    if not held:
        return _missing(wanted.name, found, known.snapshot)
    answers = [_level_below(wanted, each) for each in _counting(held)]
    return next((each for each in answers if not each.met), answers[0])


def _level_below(wanted: Below, counting: Evidence) -> Answer:
    level = _determined(wanted, counting)
    if level not in wanted.levels:
        return _unmet(f"{level} is none of the levels {', '.join(wanted.levels)} ({counting.id})")
    met = wanted.levels.index(level) < wanted.levels.index(wanted.below)
    return Answer(met=met, said=f"{level} is {'' if met else 'not '}below {wanted.below} ({counting.id})")


def _approved(wanted: Approvals, known: Known) -> Answer:
    standing = [each for each in known.approvals if each.basis == known.basis]
    counted = len(approving(standing, known.authors))
    void = len(known.approvals) - len(standing)
    before = f"; {void} given before the evidence changed no longer count" if void else ""
    return Answer(
        met=counted >= wanted.people, said=f"{counted} of {spelling.counted(wanted.people, 'approval')}{before}"
    )


def _soaked(wanted: Soak, known: Known, moment: Moment) -> Answer:
    since, until = known.soaking_since, known.soaking_until
    if since is None:
        return _unmet("the stage before has not opened as it stands")
    passed = soaked_for(since, until, moment, known.pauses)
    if passed < wanted.days * DAY:
        less = ", without the time for which it was narrowed" if passed < soaked_for(since, until, moment) else ""
        return _unmet(f"{passed // DAY} of {spelling.counted(wanted.days, 'day')} since {text_from(since)}{less}")
    if known.soaking_calls < wanted.calls:
        return _unmet(f"{known.soaking_calls} of {spelling.counted(wanted.calls, 'call')} since {text_from(since)}")
    calls = f" and {spelling.counted(wanted.calls, 'call')}" if wanted.calls else ""
    return _met(f"{spelling.counted(wanted.days, 'day')}{calls} since {text_from(since)}")


def _concurred(wanted: Concurs, known: Known, moment: Moment) -> Answer:
    given = [each for each in known.concurrences if each.authority == wanted.authority]
    standing = [each for each in given if each.stands(moment)]
    if standing:
        return _met(f"{standing[-1].reference} until {text_from(standing[-1].expires_at)}")
    if given:
        return _unmet(f"the concurrence {given[-1].reference} expired at {text_from(given[-1].expires_at)}")
    return _unmet(f"no concurrence of {wanted.authority} is recorded")


def _measured(wanted: Within, evidence: Evidence) -> Measurement | None:
    if evidence.findings.suite != wanted.suite:
        return None
    named = (m for m in evidence.findings.measurements if (m.task, m.metric) == (wanted.task, wanted.metric))
    return next(named, None)


def _determined(wanted: Below, evidence: Evidence) -> str:
    named = ((each.framework, each.category, each.level) for each in evidence.findings.determinations)
    return next((level for *name, level in named if name == [wanted.framework, wanted.category]), "")


def _reads(wanted: Requirement, evidence: Evidence) -> bool:
    match wanted:
        case Within():
            return _measured(wanted, evidence) is not None
        case Below():
            return bool(_determined(wanted, evidence))
        case Published():
            return evidence.findings.document == wanted.name
        case Headroom():
            return stated(wanted, evidence) is not None
        case MisuseBudget():
            return counted(wanted, evidence) is not None
        case _:
            return False


def _counting(held: Sequence[Evidence]) -> list[Evidence]:
    """The newest, and the newest of those that say when they were run, where that is another: all have to agree.

    One that does not say could be older than it seems: its date could have been taken out.
    """
    newest = max(held, key=lambda each: each.rank)
    dated = max((each for each in held if each.findings.run_at is not None), key=lambda each: each.rank, default=newest)
    return [newest] if dated is newest else [newest, dated]


def _about(evidence: Iterable[Evidence], snapshot: str) -> list[Evidence]:
    return [each for each in evidence if each.snapshot == snapshot]


def _latest(held: Sequence[Evidence]) -> Answer | None:
    return _met(held[-1].id) if held else None


def _missing(name: str, elsewhere: Sequence[Evidence], snapshot: str) -> Answer:
    if not elsewhere:
        return _unmet(f"no evidence of {name} was added")
    other = elsewhere[-1]
    return _unmet(f"the evidence of {name} is about another snapshot: {other.snapshot}, not {snapshot}")


def _met(said: str) -> Answer:
    return Answer(met=True, said=said)


def _unmet(said: str) -> Answer:
    return Answer(met=False, said=said)
