"""Whom a narrowing would reach, before it is taken: counted over every organisation, a few of them named."""

import structlog

from gateway.access import search
from gateway.access.search import Reached
from gateway.clock import Moment
from gateway.database.engine import Readable
from gateway.errors import DatabaseUnavailable
from gateway.releases.narrowings import Narrowing, Verb, scope_of
from gateway.releases.strategies import Strategy

log = structlog.get_logger()

COUNT_DEADLINE_S = 120.0
"""Counting a million organisations takes seconds, and a minute where the machine is busy with much else."""

WARNING_DEADLINE_S = 5.0
"""Once it is in force, whether it reaches anybody is worth a wait, and no long one."""


class Reach:
    """Counts organisations by a scope's three answers."""

    def __init__(self, database: Readable) -> None:
        self._database = database

    async def of(self, narrowing: Narrowing, strategy: Strategy, moment: Moment) -> Reached:
        """Whom this narrowing is for. A customer is asked as its developer's call would be, for any component offered.

        Raises DatabaseUnavailable where the count does not come in time.
        """
        try:
            return await self._count(narrowing, strategy, moment, COUNT_DEADLINE_S)
        except TimeoutError as error:
            raise DatabaseUnavailable from error

    async def warnings(self, narrowing: Narrowing, strategy: Strategy, moment: Moment) -> list[str]:
        """What is odd about whom a narrowing that was taken is for; nothing where that is not known in time."""
        if not narrowing.scope:
            return []
        try:
            return warned(narrowing, await self._count(narrowing, strategy, moment, WARNING_DEADLINE_S))
        except Exception as error:  # the narrowing is in force: nothing that is odd about it may say that it is not
            if not isinstance(error, TimeoutError | DatabaseUnavailable):
                log.exception("narrowing_not_counted", narrowing=narrowing.id)
            return []

    async def _count(self, narrowing: Narrowing, strategy: Strategy, moment: Moment, deadline_s: float) -> Reached:
        components = tuple(sorted({component for stage in strategy.stages for component in stage.offers}))
        scope = scope_of(narrowing.scope)
        return await self._database.read(
            lambda connection: search.reached(connection, scope, components, narrowing.release, moment),
            deadline_s=deadline_s,
        )


def warned(narrowing: Narrowing, reached: Reached) -> list[str]:
    """What is odd about how many a narrowing is for."""
    touches_unknown = narrowing.verb is not Verb.RESTORE and narrowing.on_unknown == "deny"
    if reached.inside or (reached.unknown and touches_unknown):
        return []
    if narrowing.verb is Verb.RESTORE:
        return ["The scope concerns 0 organisations: nobody gets anything back by it."]
    return ["The scope concerns 0 organisations: nobody is narrowed by it as things stand."]
