"""Asking for a place, and freeing one: each in one transaction with its entry, under the lock of the ledger's head.

A place is taken before the call that needs it is recorded, and kept: whoever dies in between finds it the
next time. So no cap is exceeded by calls that race, and none is lost.
"""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from gateway.access.places import store
from gateway.access.places.freeing import free
from gateway.access.places.records import Listed, Place, Turn
from gateway.clock import Moment
from gateway.database.engine import Readable
from gateway.errors import LedgerUnavailable, NotFound
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger, Touch
from gateway.releases.store import version_in_force
from gateway.releases.strategies import Stage

log = structlog.get_logger()

GATEWAY = Actor(key="", organisation="")
"""Whoever asks stands in each entry by itself: one transaction records many."""

ASK_DEADLINE_S = 1.5
"""A caller hears within two seconds that nothing passes."""
TOGETHER_MAX = 100
"""How many join their lines in one transaction."""


class _Asked(NamedTuple):
    actor: Actor
    release: str
    stage: str


class Places:
    """The lines of every release."""

    def __init__(self, database: Readable, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger
        self._joining: dict[_Asked, asyncio.Future[Turn | None]] = {}
        self._work: asyncio.Task[None] | None = None

    async def ask(self, actor: Actor, release: str, stage: str) -> Turn | None:
        """Where the actor's organisation stands in line for a stage, at the end of it where it did not stand before.

        None where the version in force, which may be another by now, counts nobody in such a stage. Raises
        LedgerUnavailable where that cannot be recorded in time.
        """
        asked = _Asked(actor, release, stage)
        if asked not in self._joining:
            self._joining[asked] = joining = asyncio.get_running_loop().create_future()
            joining.add_done_callback(_notice)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._join_all())
        try:
            async with asyncio.timeout(ASK_DEADLINE_S):
                return await asyncio.shield(self._joining[asked])
        except TimeoutError:
            raise LedgerUnavailable from None

    async def _join_all(self) -> None:
        """Put whoever asks into line, many in one transaction: those who ask meanwhile come next."""
        while self._joining:
            batch = dict(islice(self._joining.items(), TOGETHER_MAX))
            try:
                turns = await self._turns(list(batch))
            except Exception as error:
                log.warning("no_place_taken", error=type(error).__name__)
                for joining in batch.values():
                    joining.set_exception(LedgerUnavailable())
            else:
                for asked, joining in batch.items():
                    joining.set_result(turns[asked])
            for asked in batch:
                del self._joining[asked]

    async def _turns(self, asking: Sequence[_Asked]) -> dict[_Asked, Turn | None]:
        """Read first, which holds nobody up: most who ask stand in line already."""
        turns = await self._database.read(partial(_stand, asking))
        fresh = [asked for asked in asking if turns[asked] is None]
        return turns | await self._ledger.administer(GATEWAY, partial(self._join, fresh)) if fresh else turns

    def _join(self, asking: Sequence[_Asked], connection: Connection) -> tuple[dict[_Asked, Turn | None], list[Act]]:
        turns = _stand(asking, connection)
        acts: list[Act] = []
        for (release, name), group in _by_stage(asked for asked in asking if turns[asked] is None):
            stage = _capped(connection, release, name)
            if stage is None or stage.cap is None:
                continue
            number = store.next_number(connection, release, stage.line)
            stands_at = store.ahead(connection, release, stage.line, number) + 1
            joining: dict[str, tuple[Place, Turn]] = {}
            for asked in group:
                organisation = asked.actor.organisation
                if organisation not in joining:
                    place = self._place(asked, stage.line, number + len(joining))
                    joining[organisation] = place, Turn(stands_at + len(joining), stage.cap.organisations)
                turns[asked] = joining[organisation][1]
            store.add_places(connection, [place for place, _ in joining.values()])
            acts += [_joined(place, turn, stage) for place, turn in joining.values()]
        return turns, acts

    def _place(self, asked: _Asked, line: str, number: int) -> Place:
        return Place(
            id=f"place_{secrets.token_hex(12)}",
            release=asked.release,
            line=line,
            number=number,
            organisation=asked.actor.organisation,
            asked_at=self._ledger.now().latest,
            asked_by=asked.actor.key,
        )

    async def turn(self, release: str, stage: str, organisation: str) -> Turn | None:
        """Where an organisation stands in line for a stage; None where it does not."""
        asked = _Asked(Actor(key="", organisation=organisation), release, stage)
        return (await self._database.read(partial(_stand, [asked])))[asked]

    async def counts(self, release: str) -> dict[str, int]:
        """How many stand in each line of a release."""
        return await self._database.read(lambda connection: store.counts(connection, release))

    async def listed(self, release: str, line: str, *, after: int, limit: int) -> list[Listed]:
        """Places of a line in order, after a number."""
        return await self._database.read(
            lambda connection: store.listed(connection, release, line, after=after, limit=limit)
        )

    async def free(self, actor: Actor, place_id: str, cause: str, moment: Moment) -> tuple[Place, tuple[str, ...]]:
        """Take an organisation out of its line. Answers with whoever is let in by it. Raises NotFound or Conflict.

        It may ask again, and stands last then.
        """

        def work(connection: Connection) -> tuple[tuple[Place, tuple[str, ...]], list[Act]]:
            place = store.place_by_id(connection, place_id)
            if place is None:
                raise NotFound(f"There is no place `{place_id}`.", next_step="See `gateway release places RELEASE`.")
            freed, let_in, act = free(connection, place, moment.latest, actor.key, cause)
            return (freed, let_in), [act]

        return await self._ledger.administer(actor, work)


def _stand(asking: Sequence[_Asked], connection: Connection) -> dict[_Asked, Turn | None]:
    """Where each of them stands already."""
    turns: dict[_Asked, Turn | None] = dict.fromkeys(asking)
    for (release, name), group in _by_stage(asking):
        stage = _capped(connection, release, name)
        if stage is None or stage.cap is None:
            continue
        held = store.places_of(connection, release, stage.line, [asked.actor.organisation for asked in group])
        for asked in group:
            place = held.get(asked.actor.organisation)
            if place is not None:
                ahead = store.ahead(connection, release, stage.line, place.number)
                turns[asked] = Turn(ahead + 1, stage.cap.organisations)
    return turns


def _by_stage(asking: Iterable[_Asked]) -> Iterable[tuple[tuple[str, str], list[_Asked]]]:
    grouped: dict[tuple[str, str], list[_Asked]] = {}
    for asked in asking:
        grouped.setdefault((asked.release, asked.stage), []).append(asked)
    return grouped.items()


def _capped(connection: Connection, release: str, stage: str) -> Stage | None:
    version = version_in_force(connection, release)
    stages = () if version is None else version.strategy.stages
    return next((each for each in stages if each.name == stage and each.cap is not None), None)


def _joined(place: Place, turn: Turn, stage: Stage) -> Act:
    """Whoever waits changes nothing of what may pass: only a place that is taken touches the release."""
    return Act(
        event=Event.PLACE_AWAITED if turn.waiting else Event.PLACE_TAKEN,
        subject=place.id,
        organisation=place.organisation,
        key=place.asked_by,
        release=place.release,
        detail={"stage": stage.name, "line": place.line, "number": place.number, "place": turn.place, "cap": turn.cap},
        touches=() if turn.waiting else (Touch("release", place.release),),
    )


def _notice(joining: "asyncio.Future[Turn | None]") -> None:
    """Take note of a failure that whoever asked has left behind, so that the loop does not report it."""
    if not joining.cancelled():
        joining.exception()
