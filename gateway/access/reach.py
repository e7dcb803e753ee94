"""Whom a narrowing would reach, before it is taken: counted over every organisation, a few of them named."""

from gateway.access import search
from gateway.access.search import Reached
from gateway.clock import Moment
from gateway.database.engine import Readable
from gateway.errors import DatabaseUnavailable
from gateway.releases.narrowings import Narrowing, scope_of
from gateway.releases.strategies import Strategy

COUNT_DEADLINE_S = 30.0
"""Counting a million organisations takes seconds, where a call's own readings take milliseconds."""


class Reach:
    """Counts organisations by a scope's three answers."""

    def __init__(self, database: Readable) -> None:
        self._database = database

    async def of(self, narrowing: Narrowing, strategy: Strategy, moment: Moment) -> Reached:
        """Whom this narrowing is for. A customer is asked as its developer's call would be, for any component offered.

        Raises DatabaseUnavailable where the count does not come in time.
        """
        components = tuple(sorted({component for stage in strategy.stages for component in stage.offers}))
        scope = scope_of(narrowing.scope)
        try:
            return await self._database.read(
                lambda connection: search.reached(connection, scope, components, narrowing.release, moment),
                deadline_s=COUNT_DEADLINE_S,
            )
        except TimeoutError as error:
            raise DatabaseUnavailable from error
