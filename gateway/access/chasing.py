"""Chasing reviews that are late: every process looks; each is recorded once, and counted until it is done."""

import structlog

from gateway.access.current import Current
from gateway.access.feed import GATEWAY
from gateway.access.looking import keep_looking
from gateway.database.engine import Readable
from gateway.ledger.store import Ledger
from gateway.releases.reviews import acting, store

log = structlog.get_logger()

LOOK_S = 5.0


class ReviewChaser:
    """Knows how many reviews are late, as of its last look."""

    def __init__(self, current: Current, database: Readable, ledger: Ledger) -> None:
        self._current = current
        self._database = database
        self._ledger = ledger
        self.overdue = 0
        """Narrowings and changes that one person made and nobody else has looked at in time."""

    async def run(self) -> None:
        """Look until cancelled. What fails is logged and tried again."""
        await keep_looking(self.look, LOOK_S, "reviews_unlooked")

    async def look(self) -> None:
        """Look once: without the lock while there is nothing new to record. Raises Unavailable without the time."""
        _, moment = self._current.now()
        late = await self._database.read(lambda connection: store.missed(connection, moment))
        subjects = [each.subject for each in late]
        if late and await self._database.read(lambda connection: store.noticed(connection, subjects)) < set(subjects):
            late = await self._ledger.administer(GATEWAY, lambda connection: acting.notice(connection, moment))
            log.warning("reviews_overdue", count=len(late))
        self.overdue = len(late)
