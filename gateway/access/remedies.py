"""What would have to change for a use to be admitted: found by asking the judge again with facts changed.

Nothing here knows what admits: each thing that could be otherwise is tried alone, then with one other,
then with two, and a set is told only where no part of it is enough.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import msgspec

from gateway.access.candidates import Asked, Candidate, with_caller, with_holdings, with_release
from gateway.access.explanations import Kind, Step, Way
from gateway.access.grants import Grant
from gateway.access.hindrances import concurrences, grants_at_rest, places, reviews
from gateway.access.judging import Judging
from gateway.access.standing import gather
from gateway.access.witnesses import Witness, witnesses
from gateway.clock import NEVER, Instant, at, text_from
from gateway.identity.callers import Assertion
from gateway.releases.strategies import Stage

STEPS_MAX = 3
WAYS_MAX = 6
JUDGED_MAX = 600


async def ways(judging: Judging, start: Asked) -> tuple[tuple[Way, ...], bool]:
    """Every least set of changes that gets the use admitted, and whether all of them were tried."""
    found: list[tuple[Candidate, ...]] = []
    tried = 0
    listed = candidates(start)
    for size in range(1, STEPS_MAX + 1):
        for chosen in combinations(listed, size):
            if not _together(chosen) or any(set(map(id, each)) <= set(map(id, chosen)) for each in found):
                continue
            if tried >= JUDGED_MAX or len(found) >= WAYS_MAX:
                return _told(found), False
            tried += 1
            asked = start
            for candidate in chosen:
                asked = candidate.change(asked)
            question = gather(asked.use, asked.moment).question
            if (await judging.decide(question, question.hash())).allow:
                found.append(chosen)
    return _told(found), True


def candidates(start: Asked) -> list[Candidate]:
    """Everything that is tried, what the caller can do first."""
    return [
        *_terms(start),
        *(list(grants_at_rest(start)) or _grant(start)),
        *_facts(start),
        *concurrences(start),
        *places(start),
        *reviews(start),
        *_dates(start),
        *_narrowings(start),
        *_key(start),
        *_version(start),
    ]


def _terms(start: Asked) -> Iterator[Candidate]:
    strategy = start.use.in_force.strategy
    accepted = start.use.holdings.accepted.get(strategy.release, frozenset())
    texts = {name: digest for name, digest in strategy.terms.items() if digest not in accepted}
    if not texts:
        return

    def accept(asked: Asked) -> Asked:
        every = {**asked.use.holdings.accepted, strategy.release: accepted | set(strategy.terms.values())}
        return with_holdings(asked, accepted=every)

    names = ", ".join(sorted(texts))
    yield Candidate(Step(kind=Kind.TERMS, subject=names, says=f"The terms are accepted: {names}."), accept)


def _grant(start: Asked) -> Iterator[Candidate]:
    release = start.use.in_force.strategy.release
    if start.use.holdings.grant_for(release, start.moment) is not None:
        return

    def give(asked: Asked) -> Asked:
        held = asked.use.holdings
        now = asked.moment.latest  # a hold leaves nothing to whom is admitted later
        grant = Grant("", held.organisation, release, now, "", "", 0, NEVER)
        return with_holdings(asked, grants={**held.grants, release: (grant,)})

    yield Candidate(Step(kind=Kind.GRANT, subject=release, says=f"The organisation holds a grant for {release}."), give)


def _facts(start: Asked) -> Iterator[Candidate]:
    for witness in witnesses(start.use.in_force, start.use.caller, start.moment):

        def assert_it(asked: Asked, shown: Witness = witness) -> Asked:
            others = [each for each in asked.use.caller.attributes if each.name != shown.name]
            assertion = Assertion("", shown.name, shown.value, issuer="", assurance=shown.assurance, asserted_at=0)
            return with_caller(asked, attributes=(*others, assertion))

        says = f"It is established of the organisation that `{witness.says}`; {witness.now}."
        step = Step(kind=Kind.FACT, subject=witness.name, says=says, asked_by=witness.asked_by)
        yield Candidate(step, assert_it, excludes=f"fact {witness.name}")


def _dates(start: Asked) -> Iterator[Candidate]:
    """Stages that are to open, the grant that is to begin, narrowings that end by themselves."""
    strategy, opened = start.use.in_force.strategy, dict(start.use.in_force.openings)
    waiting: list[str] = []
    at_once: dict[tuple[Instant, tuple[str, ...]], Candidate] = {}
    for stage in strategy.stages:
        if stage.is_gated and stage.name not in opened and not start.moment.surely_reached(stage.closes):
            opened[stage.name] = max(stage.opens, start.moment.latest)
            waiting.append(stage.name)
        reached = dict(_openings(start, opened))
        opens = reached.get(stage.name, NEVER)
        if opens < NEVER and (waiting or not start.moment.surely_reached(opens)):
            # What opens together is told once, by the last of them: that is the one in force then.
            dates = [stage.opens, *(each.opens for each in strategy.stages if each.name in waiting)]
            at_once[opens, tuple(waiting)] = _opening(stage, opens, max(dates), tuple(waiting), dict(opened))
    yield from at_once.values()
    ends = {each.narrowing.until for each in start.use.in_force.narrowings}
    grant = start.use.holdings.grant_to_come(strategy.release, start.moment)
    begins = set() if grant is None else {grant.starts_at}
    for instant in sorted(ends | begins):
        if instant < NEVER and not start.moment.surely_reached(instant):
            what = "The grant has begun" if instant in begins else "What narrows the release is over"
            step = Step(kind=Kind.DATE, subject="", says=f"{what} ({text_from(instant)}).", not_before=instant)
            yield Candidate(step, lambda asked, instant=instant: _later(asked, instant), excludes="when")  # type: ignore[misc]


def _openings(start: Asked, opened: dict[str, Instant]) -> Iterator[tuple[str, Instant]]:
    """When each stage that reaches the organisation opens, by name."""
    organisation = start.use.caller.organisation
    for stage, opens in start.use.in_force.strategy.openings(opened, organisation):
        yield stage.name, opens


def _opening(
    stage: Stage, opens: Instant, dated: Instant, waiting: tuple[str, ...], opened: dict[str, Instant]
) -> Candidate:
    """That a stage has opened; `dated` is when those that wait may open at the earliest, by the file."""

    def open_it(asked: Asked) -> Asked:
        return _later(with_release(asked, openings=opened), opens)

    if not waiting:
        step = Step(
            kind=Kind.DATE,
            subject=stage.name,
            says=f"Stage `{stage.name}` has opened, by its date ({text_from(opens)}).",
            stages=(stage.name,),
            not_before=opens,
        )
    else:
        names = ", ".join(f"`{name}`" for name in waiting)
        step = Step(
            kind=Kind.REQUIREMENTS,
            subject=waiting[-1],
            says=f"Stage `{stage.name}` has opened, not before {text_from(dated)} and once the requirements of "
            f"{names} are met.",
            stages=(*waiting, stage.name),
            not_before=dated,
            waits=waiting,
        )
    return Candidate(step, open_it, excludes="when")


def _narrowings(start: Asked) -> Iterator[Candidate]:
    for each in start.use.in_force.narrowings:
        if each.is_over(start.moment):
            continue

        def restore(asked: Asked, id_: str = each.narrowing.id) -> Asked:
            left = tuple(other for other in asked.use.in_force.narrowings if other.narrowing.id != id_)
            return with_release(asked, narrowings=left)

        verb = each.narrowing.verb.replace("_", " ")
        step = Step(kind=Kind.NARROWING, subject=each.narrowing.id, says=f"The {verb} {each.narrowing.id} is restored.")
        yield Candidate(step, restore)


def _key(start: Asked) -> Iterator[Candidate]:
    if start.use.caller.scopes is None:
        return

    def widen(asked: Asked) -> Asked:
        return with_caller(asked, scopes=None)

    yield Candidate(Step(kind=Kind.KEY, subject="", says="It is asked with a key whose scopes reach this."), widen)


def _version(start: Asked) -> Iterator[Candidate]:
    """What only another version of the release gives: the component in a stage that does not offer it."""
    component, strategy = start.use.component, start.use.in_force.strategy
    if all(component in stage.offers for stage in strategy.stages):
        return

    def offer(asked: Asked) -> Asked:
        stands = asked.use.in_force.strategy
        stages = tuple(
            msgspec.structs.replace(stage, offers=tuple(sorted({*stage.offers, component}))) for stage in stands.stages
        )
        return with_release(asked, strategy=msgspec.structs.replace(stands, stages=stages))

    says = f"Another version of the release offers `{component}` in the stage that is open."
    yield Candidate(Step(kind=Kind.VERSION, subject=component.value, says=says), offer)


def _later(asked: Asked, instant: Instant) -> Asked:
    return msgspec.structs.replace(asked, moment=at(max(instant, asked.moment.latest)))


def _together(chosen: Sequence[Candidate]) -> bool:
    """Whether all of these can be so at once."""
    excluded = [candidate.excludes for candidate in chosen if candidate.excludes]
    return len(set(excluded)) == len(excluded)


def _told(found: Sequence[tuple[Candidate, ...]]) -> tuple[Way, ...]:
    return tuple(tuple(candidate.step for candidate in chosen) for chosen in found)
