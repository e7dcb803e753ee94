"""Who could use a release at an instant: every organisation, judged once for each group of which the same is so."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.access import past
from gateway.access.explaining import Explaining
from gateway.access.group_answers import Answered, Asking
from gateway.access.in_force import stages_of
from gateway.access.instants import AsOf
from gateway.access.naming import organisations_of
from gateway.access.places.store import fronts
from gateway.access.populations import Group, Read, groups, one_by_one
from gateway.access.representatives import components_of, what_is_read
from gateway.access.snapshot import InForce
from gateway.clock import Instant
from gateway.database.engine import Readable
from gateway.releases.components import Component

GROUPS_MAX = 5_000
NAMED_MAX = 20
"""Organisations named for each component."""
READ_S = 120.0
"""How long one grouping may take: a million organisations are read whole, on a machine that may be busy."""
STEP = 2_000
"""Organisations looked at in one reading of a page."""
STEPS_MAX = 10


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many organisations could use one component."""

    component: Component
    admitted: int
    accepting: int
    """More that could, once they accepted the terms."""
    audiences: dict[str, int]
    """Of the admitted, by audience of the stage that admitted them; of several, each counts."""
    named: tuple[str, ...]
    """Some of the admitted, in order of id."""


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who could use a release."""

    as_of: AsOf
    in_force: InForce | None
    """None where nothing was in force: then nobody could."""
    policy: str
    organisations: int
    counts: tuple[Count, ...]
    is_complete: bool
    """False where there were more groups than are judged."""


class Admitted(msgspec.Struct, frozen=True):
    """One organisation that could use a component, and the audiences by which."""

    organisation: str
    audiences: tuple[str, ...]


class Page(msgspec.Struct, frozen=True):
    """Some of them, in order of id."""

    as_of: AsOf
    admitted: tuple[Admitted, ...]
    looked_at: str
    """The organisation from which to go on; empty at the end."""


class Counting:
    """Counts and names them."""

    def __init__(self, database: Readable, explaining: Explaining) -> None:
        self._database = database
        self._explaining = explaining

    async def census(self, release: str, instant: Instant | None) -> Census:
        """Everybody, counted. Raises JudgeUnavailable, or PolicyNotKept where it cannot be told who could."""
        asked = await self._explaining.when(instant)
        in_force, read = await self._read(release, asked)
        if in_force is None or read is None:
            return Census(as_of=asked, in_force=None, policy="", organisations=0, counts=(), is_complete=True)
        judging = await self._explaining.judging(asked)
        work = partial(groups, read=read, moment=asked.moment, limit=GROUPS_MAX, known=asked.known)
        found = await self._database.read(work, deadline_s=READ_S)
        asking = Asking(await self._explaining.aside(judging), read, in_force, asked.moment)
        return Census(
            as_of=asked,
            in_force=in_force,
            policy=judging.policy,
            organisations=sum(group.organisations for group in found),
            counts=tuple(
                [await self._count(asking, asked, found, each) for each in components_of([in_force.strategy])]
            ),
            is_complete=len(found) < GROUPS_MAX,
        )

    async def page(self, release: str, component: Component, instant: Instant | None, after: str, limit: int) -> Page:
        """Those who could use a component, after one of them. A page that finds few says from where to go on."""
        asked = await self._explaining.when(instant)
        in_force, read = await self._read(release, asked)
        if in_force is None or read is None:
            return Page(asked, (), "")
        aside = await self._explaining.aside(await self._explaining.judging(asked))
        asking = Asking(aside, read, in_force, asked.moment)
        admitted: list[Admitted] = []
        alike: dict[tuple[Any, ...], Answered] = {}
        for _ in range(STEPS_MAX):
            step = partial(one_by_one, read=read, moment=asked.moment, after=after, limit=STEP, known=asked.known)
            found, last = await self._database.read(step, deadline_s=READ_S)
            for group in found:
                if group.row not in alike:
                    alike[group.row] = await asking.answer(group, component)
                answer = alike[group.row]
                if answer.as_it_is:
                    admitted.append(Admitted(group.first, answer.audiences))
                if len(admitted) >= limit:
                    return Page(asked, tuple(admitted), group.first)
            after = last
            if not last:
                break
        return Page(asked, tuple(admitted), after)

    async def _read(self, release: str, asked: AsOf) -> tuple[InForce, Read] | tuple[None, None]:
        """What was in force, and what is read of organisations for it; None where nothing was."""

        def work(connection: Connection) -> tuple[InForce, Read] | tuple[None, None]:
            in_force = past.in_force_by(connection, release, asked.known)
            if in_force is None:
                return None, None
            read = what_is_read([in_force.strategy], in_force.narrowings)
            stages = stages_of(in_force.strategy, in_force.narrowings)
            reach = fronts(connection, release, stages, asked.known)
            return in_force, msgspec.structs.replace(read, fronts=reach)

        return await self._database.read(work)

    async def _count(self, asking: Asking, asked: AsOf, found: Sequence[Group], component: Component) -> Count:
        admitted = accepting = 0
        audiences: dict[str, int] = {}
        using: list[Group] = []
        for group in found:
            answer = await asking.answer(group, component)
            if answer.as_it_is:
                admitted += group.organisations
                using.append(group)
                for name in answer.audiences:
                    audiences[name] = audiences.get(name, 0) + group.organisations
            elif answer.accepting:
                accepting += group.organisations
        work = partial(
            organisations_of,
            read=asking.read,
            moment=asked.moment,
            found=using,
            limit=NAMED_MAX,
            known=asked.known,
        )
        return Count(
            component=component,
            admitted=admitted,
            accepting=accepting,
            audiences=dict(sorted(audiences.items())),
            named=tuple(await self._database.read(work, deadline_s=READ_S)),
        )
