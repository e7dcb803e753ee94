"""Who gains and who loses by a change, by the same judge that will decide, before anybody agrees to it.

Organisations are grouped by the facts that the judge reads, and each group is judged once for each component and each
interval between boundaries of either version, as the gate would put it (`gather`). The facts of an interval are those
at its beginning: that an assertion or a grant ends later in it is not foreseen. Requirements are taken to be met at
their stages' dates, which is said.
"""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise

import msgspec
from sqlalchemy import Connection

from gateway.access.consequences import Consequence, Consequences, Judged, Tally, Unknown
from gateway.access.group_answers import NOTHING, Answered, Asking
from gateway.access.judging import Judging
from gateway.access.lasting import lasts
from gateway.access.naming import organisations_of
from gateway.access.places.store import fronts
from gateway.access.populations import Group, Read, groups
from gateway.access.representatives import Versions, caller_of, components_of, holdings_of
from gateway.access.snapshot import InForce
from gateway.access.standing import Use, gather
from gateway.clock import NEVER, Instant, Moment, at
from gateway.database.engine import Readable
from gateway.releases.components import Component
from gateway.releases.effects import instants
from gateway.releases.strategies import Stage, Strategy

GROUPS_MAX = 5_000
INTERVALS_MAX = 40
NAMED_MAX = 20
"""Organisations named for each line."""
READ_S = 120.0
"""How long one grouping may take: a million organisations are read whole, on a machine that may be busy."""


class Interval(msgspec.Struct, frozen=True):
    """The time between two boundaries, and the groups of organisations at its beginning."""

    moment: Moment
    begins: Instant
    until: Instant
    groups: Sequence[Group]


class Foresight:
    """Asks the judge what it will say."""

    def __init__(self, database: Readable, judging: Judging) -> None:
        self._database = database
        self._judging = judging

    async def consequences(self, before: Strategy | None, after: Strategy, moment: Moment) -> Consequences:
        """What becomes of every organisation. Raises JudgeUnavailable where it cannot be judged."""
        versions = await self._in_line(Versions.of(before, after))
        beginnings = instants(versions.strategies, moment)
        steps: list[Consequence] = []
        unknown: dict[tuple[str, str], int] = {}
        reached: dict[str, bool] = {}
        is_complete = len(beginnings) <= INTERVALS_MAX
        interval = None
        for begins, until in list(pairwise([*beginnings, NEVER]))[:INTERVALS_MAX]:
            here = moment if begins == moment.earliest else at(begins)
            interval = Interval(here, begins, until, await self._groups(versions.read, here, interval))
            is_complete = is_complete and len(interval.groups) < GROUPS_MAX
            for component in components_of(versions.strategies):
                steps += await self._step(versions, interval, component, reached)
            for audience, organisations in await _unknown(versions, interval):
                unknown[audience] = max(organisations, unknown.get(audience, 0))
        return Consequences(
            steps=tuple(_joined(steps)),
            unknown=tuple(Unknown(*audience, organisations) for audience, organisations in unknown.items()),
            unreached=tuple(name for name, is_reached in reached.items() if not is_reached),
            is_complete=is_complete,
        )

    async def _in_line(self, versions: Versions) -> Versions:
        """The versions, with how far their caps reach into lines as they stand now."""
        stages = [stage for strategy in versions.strategies for stage in strategy.stages]
        reach = await self._database.read(lambda connection: fronts(connection, versions.read.release, stages))
        return msgspec.structs.replace(versions, read=msgspec.structs.replace(versions.read, fronts=reach))

    async def _groups(self, read: Read, moment: Moment, before: Interval | None) -> Sequence[Group]:
        """The groups at a moment: those of the interval before, where nothing has begun or ended since."""

        def work(connection: Connection) -> Sequence[Group]:
            if before is not None and lasts(connection, read, before.moment, moment):
                return before.groups
            return groups(connection, read, moment, limit=GROUPS_MAX)

        return await self._database.read(work, deadline_s=READ_S)

    async def _step(
        self, versions: Versions, interval: Interval, component: Component, reached: dict[str, bool]
    ) -> list[Consequence]:
        stage = _stage_of(versions.after, interval.moment)
        total, audiences = Tally(), dict[str, Tally]()
        gaining: list[Group] = []
        losing: list[Group] = []
        if stage is not None:
            reached.setdefault(stage.name, False)
        for group in interval.groups:
            judged = await self._judged(versions, interval.moment, group, component)
            own = _stage_of(versions.after, interval.moment, group)
            if own is not None:
                reached[own.name] = reached.get(own.name, False) or judged.after or judged.after_accepting
            tally = judged.tally(group.organisations)
            total += tally
            if tally.gain or tally.may_gain:
                gaining.append(group)
            if tally.lose or tally.may_lose:
                losing.append(group)
            for name, part in judged.by_audience(group.organisations):
                audiences[name] = audiences.get(name, Tally()) + part
        if total.is_nothing:
            return []
        return [
            Consequence(
                begins=interval.begins,
                until=interval.until,
                stage=None if stage is None else stage.name,
                component=component,
                tally=total,
                audiences=dict(sorted(audiences.items())),
                gaining=await self._named(versions.read, interval.moment, gaining),
                losing=await self._named(versions.read, interval.moment, losing),
            )
        ]

    async def _judged(self, versions: Versions, moment: Moment, group: Group, component: Component) -> Judged:
        answers = [await self._answered(versions.read, version, moment, group, component)
                   for version in (versions.before, versions.after)]  # fmt: skip
        before, after = answers
        return Judged(
            before=before.as_it_is,
            before_accepting=before.accepting,
            after=after.as_it_is,
            after_accepting=after.accepting,
            audiences_before=before.audiences,
            audiences_after=after.audiences,
        )

    async def _answered(
        self, read: Read, version: InForce | None, moment: Moment, group: Group, component: Component
    ) -> Answered:
        if version is None:
            return NOTHING
        return await Asking(self._judging, read, version, moment).answer(group, component)

    async def _named(self, read: Read, moment: Moment, found: Sequence[Group]) -> tuple[str, ...]:
        """Some organisations of these groups, in order of id."""
        if not found:
            return ()
        work = partial(organisations_of, read=read, moment=moment, found=found, limit=NAMED_MAX)
        return tuple(await self._database.read(work, deadline_s=READ_S))


async def _unknown(versions: Versions, interval: Interval) -> list[tuple[tuple[str, str], int]]:
    """Audiences of the stages that stand, and of how many organisations they do not know whether they belong."""
    read, doubted = versions.read, dict[tuple[str, str], int]()
    for group in interval.groups:
        await asyncio.sleep(0)  # there may be thousands: calls have their turn between
        use = Use(caller_of(read, group), Component.TEXT, versions.after, holdings_of(read, group, ()))
        gathered = gather(use, interval.moment)
        if gathered.stage is None:
            continue
        for fact in gathered.question.audiences:
            of = gathered.stage.name, fact.name
            doubted[of] = doubted.get(of, 0) + group.organisations * (fact.truth == "unknown")
    return [(of, organisations) for of, organisations in doubted.items() if organisations]


def _stage_of(version: InForce, moment: Moment, group: Group | None = None) -> Stage | None:
    """The stage that stands for a group, which a share may not reach; of none, for whoever every share reaches."""
    return version.strategy.stage_at(moment, version.openings, None if group is None else group.first)


def _joined(steps: Iterable[Consequence]) -> list[Consequence]:
    """Steps that follow one another and say the same, as one."""
    joined: list[Consequence] = []
    last: dict[Component, int] = {}
    for step in steps:
        place = last.get(step.component)
        if place is not None and _goes_on(joined[place], step):
            joined[place] = msgspec.structs.replace(joined[place], until=step.until)
        else:
            last[step.component] = len(joined)
            joined.append(step)
    return joined


def _goes_on(one: Consequence, other: Consequence) -> bool:
    return one.until == other.begins and other == msgspec.structs.replace(one, begins=other.begins, until=other.until)
