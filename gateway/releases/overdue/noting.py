"""Noting, once for each date, that a stage was to be reviewed and was not."""

from collections.abc import Mapping

from sqlalchemy import Connection

from gateway.clock import Instant, Moment, text_from
from gateway.database.engine import Readable
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger
from gateway.releases.evidence.store import openings
from gateway.releases.overdue import store
from gateway.releases.store import version_in_force
from gateway.releases.strategies import NOTHING_OPENED, Stage, Strategy

GATEWAY = Actor(key="", organisation="")
"""Acts that no caller asked for."""


def overdue_stages(
    strategy: Strategy, moment: Moment, opened: Mapping[str, Instant] = NOTHING_OPENED
) -> list[tuple[Stage, Instant]]:
    """Stages that surely were to be reviewed and have opened, with those dates. Whatever closed needs no review."""
    return [
        (stage, stage.review.by)
        for stage, opens in strategy.openings(opened)
        if stage.review is not None
        and moment.surely_reached(stage.review.by)
        and moment.surely_reached(opens)
        and not moment.maybe_reached(stage.closes)
    ]


class OverdueReviews:
    """Reviews that were missed, of every release."""

    def __init__(self, database: Readable, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def note(self, release: str) -> list[str]:
        """Record each review that was missed and is not recorded yet; answers with the stages' names.

        Asked first without the lock, and again under it, so that one process alone records it.
        """
        if not await self._database.read(lambda connection: self._missed(connection, release)):
            return []

        def work(connection: Connection) -> tuple[list[str], list[Act]]:
            missed, now = self._missed(connection, release), self._ledger.now().latest
            for stage, by in missed:
                store.note(connection, release, stage.name, by, now)
            return [stage.name for stage, _ in missed], [_act(release, stage, by) for stage, by in missed]

        return await self._ledger.administer(GATEWAY, work)

    def _missed(self, connection: Connection, release: str) -> list[tuple[Stage, Instant]]:
        version = version_in_force(connection, release)
        if version is None:
            return []
        opened = version.strategy.opened(openings(connection, release))
        noted = store.noted(connection, release)
        found = overdue_stages(version.strategy, self._ledger.now(), opened)
        return [(stage, by) for stage, by in found if (stage.name, by) not in noted]


def _act(release: str, stage: Stage, by: Instant) -> Act:
    """Touches nothing: what follows from a date that passed, every process sees by itself."""
    assert stage.review is not None
    detail = {"stage": stage.name, "review_by": text_from(by), "if_overdue": stage.review.if_overdue}
    return Act(event=Event.STAGE_OVERDUE, subject=stage.name, release=release, detail={**detail})
