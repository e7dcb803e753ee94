"""Who would lose access by a narrowing, or get it back: judged with and without it, as a plan is (access/foresight.py).

A scope says whom a narrowing is for. Most of them may have nothing to lose: no grant, another stage, another narrowing.
"""

import asyncio
from functools import partial

import msgspec
from sqlalchemy import Connection

from gateway.access.group_answers import Asking
from gateway.access.in_force import left
from gateway.access.judging import Judging
from gateway.access.naming import organisations_of
from gateway.access.places.store import fronts
from gateway.access.populations import Group, Read, groups
from gateway.access.representatives import components_of, what_is_read
from gateway.access.snapshot import InForce
from gateway.clock import Moment
from gateway.database.engine import Readable
from gateway.errors import Unavailable
from gateway.releases.narrowings import Narrowing, as_drafted

GROUPS_MAX = 2_000
NAMED_MAX = 5
WITHIN_S = 8.0
"""Whoever narrows is in a hurry: what takes longer is told as not known."""


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """Organisations of which another answer is given about some component, as things stand."""

    losing: int
    gaining: int
    named: list[str]
    """Ids of the first of them."""


class Affecting:
    """Counts them."""

    def __init__(self, database: Readable, judging: Judging) -> None:
        self._database = database
        self._judging = judging

    async def of(self, drafted: Narrowing, in_force: InForce, moment: Moment) -> Affected | None:
        """Whom it would affect; None where that is not known in time, or there are more kinds than are judged."""
        narrowings = as_drafted(in_force.narrowings, drafted, in_force.strategy)
        then = msgspec.structs.replace(in_force, narrowings=narrowings)
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._count(in_force, then, moment)
        except (TimeoutError, Unavailable):
            return None

    async def _count(self, now: InForce, then: InForce, moment: Moment) -> Affected | None:
        every = (*now.narrowings, *then.narrowings)
        read = what_is_read([now.strategy], every)

        def work(connection: Connection) -> tuple[Read, list[Group]]:
            held = {each.line: each for each in left(every)}.values()
            reach = fronts(connection, read.release, now.strategy.stages, held)
            whole = msgspec.structs.replace(read, fronts=reach)
            return whole, groups(connection, whole, moment, limit=GROUPS_MAX + 1)

        read, found = await self._database.read(work, deadline_s=WITHIN_S)
        if len(found) > GROUPS_MAX:
            return None
        asking = [Asking(self._judging, read, each, moment) for each in (now, then)]
        losing, gaining = list[Group](), list[Group]()
        for group in found:
            answers = [[await each.answer(group, name) for name in components_of([now.strategy])] for each in asking]
            turns = {(was.as_it_is, becomes.as_it_is) for was, becomes in zip(*answers, strict=True)}
            losing += [group] if (True, False) in turns else []
            gaining += [group] if (False, True) in turns else []
        work_of = partial(organisations_of, read=read, moment=moment, found=[*losing, *gaining], limit=NAMED_MAX)
        return Affected(
            losing=sum(group.organisations for group in losing),
            gaining=sum(group.organisations for group in gaining),
            named=await self._database.read(work_of, deadline_s=WITHIN_S) if losing or gaining else [],
        )
