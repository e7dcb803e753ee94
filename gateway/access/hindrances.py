"""What keeps out whom a stage is for, as things that could be otherwise: its grant stands still, an authority has not
agreed, no place is free, a review was missed. Pure.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.access.candidates import Asked, Candidate, with_holdings, with_release
from gateway.access.concurrences.records import OwnConcurrence
from gateway.access.entering import Entering
from gateway.access.explanations import Kind, Step
from gateway.access.grants import LASTING, Grant
from gateway.access.in_force import stages_of
from gateway.access.questions import StageFact
from gateway.clock import NEVER, text_from
from gateway.releases.lines import NOBODY, Line
from gateway.releases.strategies import Stage


def grants_at_rest(start: Asked) -> Iterator[Candidate]:
    """Grants that last, and are paused or must be looked at again."""
    release = start.use.in_force.strategy.release
    for grant in start.use.holdings.grants.get(release, ()):
        if grant.state(start.moment) not in LASTING:
            continue
        if grant.paused_at is not None:
            step = Step(kind=Kind.RESUMPTION, subject=grant.id, says=f"The grant {grant.id} is resumed.")
            yield _changing(grant, step, paused_at=None)
        if grant.recertify_by is not None and start.moment.maybe_reached(grant.recertify_by):
            due = text_from(grant.recertify_by)
            says = f"Somebody has looked at the grant {grant.id} again and recertified it; that was due by {due}."
            step = Step(kind=Kind.RECERTIFICATION, subject=grant.id, says=says)
            yield _changing(grant, step, recertify_by=None)


def _changing(grant: Grant, step: Step, **becomes: Any) -> Candidate:
    def change(asked: Asked) -> Asked:
        held = asked.use.holdings.grants
        changed = tuple(
            msgspec.structs.replace(each, **becomes) if each.id == grant.id else each for each in held[grant.release]
        )
        return with_holdings(asked, grants={**held, grant.release: changed})

    return Candidate(step, change)


def concurrences(start: Asked) -> Iterator[Candidate]:
    """Authorities that some stage wants to agree, and that do not, or no longer."""
    in_force = start.use.in_force
    release = in_force.strategy.release
    told: set[str] = set()
    for stage in stages_of(in_force.strategy, in_force.narrowings):
        authority, fact = stage.conditions.concurrence, _fact(start, stage)
        if authority in told or fact.concurrence in ("not_needed", "standing"):
            continue
        told.add(authority)

        def agree(asked: Asked, authority: str = authority) -> Asked:
            held = asked.use.holdings.concurrences
            given = OwnConcurrence(
                id="", organisation="", release=release, authority=authority, reference="", expires_at=NEVER,
                given_at=asked.moment.latest, given_by="",
            )  # fmt: skip
            return with_holdings(asked, concurrences={**held, release: (*held.get(release, ()), given)})

        agrees = "agrees anew" if fact.concurrence == "ended" else "agrees"
        says = f"`{authority}` {agrees} to the organisation's use of {release}."
        asked_by = tuple(each.name for each in in_force.strategy.stages if each.conditions.concurrence == authority)
        yield Candidate(Step(kind=Kind.CONCURRENCE, subject=authority, says=says, asked_by=asked_by), agree)


def places(start: Asked) -> Iterator[Candidate]:
    """Stages that admit only so many, and are full; one line is told once."""
    told: set[str] = set()
    for stage in start.use.in_force.strategy.stages:
        if stage.cap is None or stage.line in told or _fact(start, stage).place != "full":
            continue
        told.add(stage.line)

        def let_in(asked: Asked, name: str = stage.line) -> Asked:
            lines = asked.use.in_force.lines
            line = lines.get(name, NOBODY)
            first = Line({**line.places, asked.use.caller.organisation: 1}, line.standing)
            return with_release(asked, lines={**lines, name: first})

        admits = f"stage `{stage.name}` admits {stage.cap.organisations}"
        says = f"The organisation moves up in the line until it holds a place: {admits}, and all are taken."
        yield Candidate(Step(kind=Kind.PLACE, subject=stage.name, says=says, stages=(stage.name,)), let_in)


def reviews(start: Asked) -> Iterator[Candidate]:
    """Stages that take nobody new from their review date on, until they have another."""
    for stage in start.use.in_force.strategy.stages:
        review = stage.review
        if review is None or review.if_overdue != "freeze" or _fact(start, stage).place != "free":
            continue

        def look_at_it(asked: Asked, name: str = stage.name) -> Asked:
            strategy = asked.use.in_force.strategy
            stages = tuple(
                msgspec.structs.replace(each, review=None) if each.name == name else each for each in strategy.stages
            )
            return with_release(asked, strategy=msgspec.structs.replace(strategy, stages=stages))

        says = f"Stage `{stage.name}` is reviewed and has a later date than {text_from(review.by)}: until then it is"
        says = f"{says} frozen, and takes nobody new."
        step = Step(kind=Kind.REVIEW, subject=stage.name, says=says, stages=(stage.name,))
        yield Candidate(step, look_at_it)


def _fact(start: Asked, stage: Stage) -> StageFact:
    """How the organisation stands towards a stage."""
    use = start.use
    agreed = use.holdings.concurrences.get(use.in_force.strategy.release, ())
    fact = Entering(use.caller.organisation, use.in_force.lines, agreed, start.moment).fact(stage)
    assert fact is not None
    return fact
