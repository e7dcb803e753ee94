"""Intents, clocks and ledgers with good defaults, for tests of the ledger."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, select

from gateway.clock import Instant, Moment, at
from gateway.database.engine import Database
from gateway.ledger.entries import AccessBody, Draft, Entry, FinishedBody, entry_from
from gateway.ledger.events import Event
from gateway.ledger.intents import Intent, Participant, Verdict
from gateway.ledger.store import Ledger
from gateway.ledger.tables import entry_table
from gateway.ledger.writer import Writer

NOON: Instant = 1_800_000_000_000_000


class FakeClock:
    """A clock that stands where it was put."""

    def __init__(self, instant: Instant = NOON) -> None:
        self.moment: Moment = at(instant)

    def now(self) -> Moment:
        return self.moment

    def move(self, microseconds: int) -> None:
        self.moment = Moment(self.moment.earliest + microseconds, self.moment.latest + microseconds)


def agree(connection: Connection, intents: Sequence[Intent], instant: Instant) -> list[Verdict]:
    """A participant that lets everything be as it was meant."""
    return [Verdict(intent.draft) for intent in intents]


def admitted(call: str, **body: Any) -> Intent:
    return Intent(Draft(call, Event.ACCESS_ADMITTED, AccessBody(**{"organisation": "org_a", **body})))


def refused(call: str, **body: Any) -> Intent:
    return Intent(Draft(call, Event.ACCESS_REFUSED, AccessBody(**{"organisation": "org_a", **body})))


def finished(call: str, **body: Any) -> Intent:
    ended = FinishedBody(**{"organisation": "org_a", "admitted": call, "outcome": "complete", **body})
    return Intent(Draft(f"{call}.end", Event.ACCESS_FINISHED, ended))


def a_ledger(database: Database, clock: FakeClock | None = None) -> Ledger:
    return Ledger(database, (clock or FakeClock()).now)


@asynccontextmanager
async def a_writer(
    database: Database, participant: Participant = agree, *, ledger: Ledger | None = None, **settings: Any
) -> AsyncIterator[Writer]:
    writer = Writer(ledger or a_ledger(database), participant, **settings)
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


async def entries_of(database: Database) -> list[Entry]:
    """Every entry, in order."""
    query = select(entry_table.c.line, entry_table.c.leaf_hash).order_by(entry_table.c.index)
    rows = await database.read(lambda connection: connection.execute(query).all())
    return [entry_from(line, leaf_hash) for line, leaf_hash in rows]
