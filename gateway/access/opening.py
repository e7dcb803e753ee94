"""Opening stages as soon as they may: every process looks, about once a second, and one of them does."""

import structlog

from gateway.access.current import Current
from gateway.access.looking import keep_looking
from gateway.releases.openings import Openings

log = structlog.get_logger()

LOOK_S = 1.0


class Opener:
    """Opens what waits for its requirements only: whose date, by the clock of the database, has surely come."""

    def __init__(self, current: Current, openings: Openings) -> None:
        self._current = current
        self._openings = openings

    async def run(self) -> None:
        """Look until cancelled. What fails is logged and tried again: until then the stage stays shut."""
        await keep_looking(self.look, LOOK_S, "stages_unlooked")

    async def look(self) -> None:
        """Look once at every release. Raises Unavailable while the time, or what is in force, is not known."""
        snapshot, moment = self._current.now()
        for name, in_force in snapshot.releases.items():
            if in_force.strategy.waiting_stage(moment, in_force.openings) is None:
                continue
            try:
                opened = await self._openings.open_due(name)
            except Exception as error:
                log.warning("stage_not_opened", release=name, error=type(error).__name__)
                continue
            if opened:
                log.info("stage_opened", release=name, stage=opened)
