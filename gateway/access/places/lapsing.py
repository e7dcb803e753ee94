"""Places whose organisations were admitted by grants that are all over: freed, so that whoever waits next is let in.

Nobody does anything when a grant expires, so every process looks now and then, and one of them frees it. Only lines in
which customers stand by grants alone are looked at: elsewhere one may be admitted without.
"""

import asyncio
from functools import partial

import structlog
from sqlalchemy import Connection

from gateway.access.current import Current
from gateway.access.feed import GATEWAY
from gateway.access.looking import keep_looking
from gateway.access.past import in_force_by
from gateway.access.places import store
from gateway.access.places.freeing import free
from gateway.access.snapshot import InForce
from gateway.database.engine import Readable
from gateway.ledger.store import Act, Ledger
from gateway.releases.audiences import is_internal, wants_grant
from gateway.releases.strategies import Stage, Strategy

log = structlog.get_logger()

LOOK_S = 10.0
BATCH = 100
"""Freed in one transaction: the ledger's lock is held for a short commit only."""
CAUSE = "Its grants are over."


class PlaceChaser:
    """Looks for places that their organisations cannot use any more."""

    def __init__(self, current: Current, database: Readable, ledger: Ledger) -> None:
        self._current = current
        self._database = database
        self._ledger = ledger

    async def run(self) -> None:
        """Look until cancelled. What fails is logged and tried again."""
        await keep_looking(self._look_through, LOOK_S, "places_unlooked")

    async def _look_through(self) -> None:
        while await self.look() == BATCH:
            await asyncio.sleep(0)

    async def look(self) -> int:
        """Free what has lapsed in some line; how much it was. Raises Unavailable while the time is not known."""
        snapshot, moment = self._current.now()
        for release, in_force in snapshot.releases.items():
            for line in lines_by_grant(in_force):
                find = partial(store.lapsed, release=release, line=line, instant=moment.earliest, limit=BATCH)
                if await self._database.read(find):
                    freed = await self._ledger.administer(GATEWAY, partial(self._free, release=release, line=line))
                    log.info("places_lapsed", release=release, line=line, count=freed)
                    return freed
        return 0

    def _free(self, connection: Connection, release: str, line: str) -> tuple[int, list[Act]]:
        moment, in_force = self._ledger.now(), in_force_by(connection, release, None)
        if in_force is None or line not in lines_by_grant(in_force):
            return 0, []
        lapsed = store.lapsed(connection, release, line, moment.earliest, BATCH)
        return len(lapsed), [free(connection, place, moment.latest, GATEWAY.key, CAUSE)[2] for place in lapsed]


def lines_by_grant(in_force: InForce) -> list[str]:
    """The lines of a release in which customers stand by grants alone, whichever of its stages may be in force."""
    stages = [(in_force.strategy, stage) for stage in in_force.strategy.stages]
    stages += [
        (each.strategy, stage)
        for each in in_force.narrowings
        if each.strategy is not None
        for stage in each.stages_left
    ]
    by_grant: dict[str, bool] = {}
    for strategy, stage in stages:
        if stage.cap is not None:
            by_grant[stage.line] = by_grant.get(stage.line, True) and _is_by_grant(strategy, stage)
    return sorted(line for line, is_so in by_grant.items() if is_so)


def _is_by_grant(strategy: Strategy, stage: Stage) -> bool:
    """Whether every audience wants a grant, or is the provider's own; everybody is no audience that is declared."""
    audiences = [strategy.audiences.get(name) for name in stage.to]
    return all(each is not None and (wants_grant(each) or is_internal(each)) for each in audiences)
