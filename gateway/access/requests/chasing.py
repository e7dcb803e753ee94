"""Time limits of requests and grants, chased: every process looks, and what is due is done once.

Looked for without the ledger's lock, so that waiting costs nobody anything, and again under it: whoever comes
second finds nothing left to do. That a grant admits nobody any more while it is overdue needs no turn of this:
the gate reads the time itself.
"""

import asyncio
from typing import NamedTuple

import msgspec
import structlog
from sqlalchemy import Connection

from gateway.access import store as grants
from gateway.access.current import Current
from gateway.access.feed import GATEWAY
from gateway.access.grants import Grant
from gateway.access.looking import keep_looking
from gateway.access.requests import store
from gateway.access.requests.acting import act_on
from gateway.access.requests.granting import act_on_grant
from gateway.access.requests.moving import emptied, entered
from gateway.access.requests.request import AccessRequest, RequestState
from gateway.clock import Instant, Moment, text_from
from gateway.database.engine import Readable
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Ledger

log = structlog.get_logger()

LOOK_S = 10.0
BATCH = 100
"""Done in one transaction: the ledger's lock is held for a short commit only."""


class Standing(NamedTuple):
    """What waits for people, when it was last looked at."""

    requests_open: int = 0
    requests_late: int = 0
    grants_to_recertify: int = 0
    """Overdue, so that they admit nobody."""


class RequestChaser:
    """Marks late reviews, ends requests that nobody touched, forgets old answers, notes overdue grants."""

    def __init__(self, current: Current, database: Readable, ledger: Ledger) -> None:
        self._current = current
        self._database = database
        self._ledger = ledger
        self.standing = Standing()

    async def run(self) -> None:
        """Look until cancelled. What fails is logged and tried again."""
        await keep_looking(self._look_through, LOOK_S, "requests_unlooked")

    async def _look_through(self) -> None:
        while await self.look() == BATCH:
            await asyncio.sleep(0)

    async def look(self) -> int:
        """Do what is due now; how much it was. Raises Unavailable while the time is not known."""
        _, moment = self._current.now()
        done = 0
        if await self._database.read(lambda connection: _due(connection, moment)):
            done = await self._ledger.administer(GATEWAY, self._chase)
        self.standing = await self._database.read(lambda connection: _standing(connection, moment))
        return done

    def _chase(self, connection: Connection) -> tuple[int, list[Act]]:
        moment = self._ledger.now()
        due = _due(connection, moment)
        return len(due), [_done(connection, each, moment.latest) for each in due]


def _due(connection: Connection, moment: Moment) -> list[AccessRequest | Grant]:
    """What is surely due."""
    requests = store.due(connection, moment.earliest, BATCH)
    left = BATCH - len(requests)
    noted = grants.grants_to_note(connection, moment.earliest, left) if left else []
    return [*requests, *noted]


def _done(connection: Connection, due: AccessRequest | Grant, now: Instant) -> Act:
    if isinstance(due, Grant):
        noted = msgspec.structs.replace(due, recertification_noted=now)
        grants.change_grant(connection, noted, due)
        by = "" if due.recertify_by is None else text_from(due.recertify_by)
        return act_on_grant(Event.GRANT_RECERTIFICATION_DUE, noted, {"recertify_by": by})
    moved, event = _next(due, now)
    store.move_request(connection, moved, due.acts)
    return act_on(event, moved, {"since": text_from(due.touched_at)})


def _next(request: AccessRequest, now: Instant) -> tuple[AccessRequest, Event]:
    """What becomes of a request whose time is up."""
    if request.expires_at is not None and request.expires_at <= now:
        return entered(request, RequestState.EXPIRED_UNREVIEWED, now), Event.REQUEST_EXPIRED
    if request.drop_at is not None:
        return emptied(request), Event.REQUEST_ANSWERS_DROPPED
    return msgspec.structs.replace(request, late_since=now, acts=request.acts + 1), Event.REQUEST_OVERDUE


def _standing(connection: Connection, moment: Moment) -> Standing:
    return Standing(
        requests_open=store.count_open(connection),
        requests_late=store.count_late(connection, moment.latest),
        grants_to_recertify=grants.count_overdue(connection, moment.latest),
    )
