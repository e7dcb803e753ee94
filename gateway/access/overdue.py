"""Chasing what was to be done by a date: every process looks now and then, and one of them records it, once."""

import structlog

from gateway.access.current import Current
from gateway.access.looking import keep_looking
from gateway.clock import Instant
from gateway.releases.overdue.noting import OverdueReviews, overdue_stages

log = structlog.get_logger()

LOOK_S = 5.0


class StageChaser:
    """Looks for stages whose review is overdue."""

    def __init__(self, current: Current, reviews: OverdueReviews) -> None:
        self._current = current
        self._reviews = reviews
        self._noted: set[tuple[str, str, Instant]] = set()

    async def run(self) -> None:
        """Look until cancelled. What fails is logged and tried again."""
        await keep_looking(self.look, LOOK_S, "stage_reviews_unlooked")

    async def look(self) -> None:
        """Look once at every release. Raises Unavailable while the time, or what is in force, is not known."""
        for release, found in self._overdue().items():
            due = {(release, stage, by) for stage, by in found}
            if due <= self._noted:
                continue
            for stage in await self._reviews.note(release):
                log.warning("review_overdue", release=release, stage=stage)
            self._noted |= due

    def count(self) -> int:
        """How many stages are overdue for review. Raises Unavailable."""
        return sum(len(found) for found in self._overdue().values())

    def _overdue(self) -> dict[str, list[tuple[str, Instant]]]:
        snapshot, moment = self._current.now()
        return {
            name: [(stage.name, by) for stage, by in overdue_stages(in_force.strategy, moment, in_force.openings)]
            for name, in_force in snapshot.releases.items()
        }
