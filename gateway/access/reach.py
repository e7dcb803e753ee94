"""Whom a narrowing would reach, before it is taken: counted over every organisation, a few of them named."""

import msgspec
from sqlalchemy import Connection

from gateway.access import store
from gateway.clock import Moment
from gateway.database.engine import Database
from gateway.errors import DatabaseUnavailable
from gateway.releases.narrowings import Narrowing, scope_of
from gateway.releases.strategies import Strategy

COUNT_DEADLINE_S = 30.0
"""Counting a million organisations takes seconds, where a call's own readings take milliseconds."""

NAMED = 5


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How the organisations that are not disabled answer to a scope."""

    inside: int
    """Surely in it."""
    unknown: int
    """Of whom it is unknown."""
    outside: int
    """Surely not."""
    named: list[str]
    """Ids of the first inside."""
    named_unknown: list[str]
    """Ids of the first of whom it is unknown."""


class Reach:
    """Counts organisations by a scope's three answers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, narrowing: Narrowing, strategy: Strategy, moment: Moment) -> Reached:
        """Whom this narrowing is for. A customer is asked as its developer's call would be, for any component offered.

        Raises DatabaseUnavailable where the count does not come in time.
        """
        components = tuple(sorted({component for stage in strategy.stages for component in stage.offers}))
        scope = scope_of(narrowing.scope)

        def work(connection: Connection) -> Reached:
            asked = store.asking(scope, components, narrowing.release, moment)
            counts = store.counts_by_answer(connection, asked)
            return Reached(
                inside=counts.get(True, 0),
                unknown=counts.get(None, 0),
                outside=counts.get(False, 0),
                named=store.named_by_answer(connection, asked, answer=True, limit=NAMED) if counts.get(True) else [],
                named_unknown=store.named_by_answer(connection, asked, answer=None, limit=NAMED)
                if counts.get(None)
                else [],
            )

        try:
            return await self._database.read(work, deadline_s=COUNT_DEADLINE_S)
        except TimeoutError as error:
            raise DatabaseUnavailable from error
