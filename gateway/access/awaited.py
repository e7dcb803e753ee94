"""What waits for people: stages whose date has come, and changes to decide on.

It is looked at in the background and told by the metrics, so that somebody is called before a launch is late.
"""

import structlog
from sqlalchemy import Connection

from gateway.access.current import Current
from gateway.access.looking import keep_looking
from gateway.clock import SECOND, Instant
from gateway.database.leisure import Leisure
from gateway.releases.changes.change import NOTHING, Base
from gateway.releases.changes.store import undecided
from gateway.releases.store import version_in_force

log = structlog.get_logger()

LOOK_S = 15.0


class Awaited:
    """What waits for people, as it was when it was last looked at."""

    def __init__(self, database: Leisure, current: Current) -> None:
        self._database = database
        self._current = current
        self._oldest: Instant | None = None

    async def run(self) -> None:
        """Look until cancelled; what fails is logged and tried again."""
        await keep_looking(self.look, LOOK_S, "waiting_unlooked")

    async def look(self) -> None:
        """Look once. Raises Unavailable while it cannot be known."""
        snapshot, _ = self._current.now()

        def work(connection: Connection) -> Instant | None:
            for release, base, policy, planned_at in undecided(connection):
                # What was planned against another version or other policies waits for nobody: it is stale.
                if policy == snapshot.policy and base == _in_force(connection, release):
                    return planned_at
            return None

        self._oldest = await self._database.read(work)

    def stages(self) -> int:
        """Stages whose date has surely come and whose requirements do not hold."""
        snapshot, moment = self._current.now()
        return sum(
            each.strategy.waiting_stage(moment, each.openings) is not None for each in snapshot.releases.values()
        )

    def change_s(self) -> float:
        """How long the oldest change that nobody has decided waits; 0 where there is none."""
        if self._oldest is None:
            return 0.0
        _, moment = self._current.now()
        return max(0, moment.earliest - self._oldest) / SECOND


def _in_force(connection: Connection, release: str) -> Base:
    version = version_in_force(connection, release)
    return NOTHING if version is None else Base(version.number, version.digest)
