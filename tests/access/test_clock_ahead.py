"""After a start with a clock that ran ahead: the record never goes back, and limits do not wait for it."""

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.access.limits import take_limits
from gateway.access.quotas import Exceeded, Take, Taken
from gateway.clock import DAY, SECOND, Instant
from gateway.database.engine import Database
from gateway.ledger.entries import AccessBody, Draft
from gateway.ledger.events import Event
from gateway.ledger.intents import Intent, Verdict
from gateway.ledger.writer import Writer
from tests.ledger.builders import NOON, FakeClock, a_ledger, a_writer

CLAIM = Take("acme:acme/atlas-1", requests_per_minute=3)


async def ran_ahead(database: Database, by: int) -> None:
    """Leave the record as a process does whose clock was ahead."""
    async with a_writer(database, ledger=a_ledger(database, FakeClock(NOON + by))) as writer:
        await writer.append(Intent(Draft("call_of_the_future", Event.ACCESS_REFUSED, AccessBody())))


async def calls(writer: Writer, names: str) -> list[type]:
    answers: list[type] = []
    for name in names:
        receipt = await writer.append(Intent(Draft(f"call_{name}", Event.ACCESS_ADMITTED, AccessBody()), CLAIM))
        assert receipt.at >= NOON + DAY, "the record goes back"
        answers.append(type(receipt.answer))
    return answers


async def test_limits_go_on_though_the_record_is_ahead_of_the_clock(database: Database) -> None:
    await ran_ahead(database, DAY)
    clock = FakeClock()

    async with a_writer(database, take_limits, ledger=a_ledger(database, clock)) as writer:
        first = await calls(writer, "abcd")
        clock.move(61 * SECOND)
        a_minute_later = await calls(writer, "efgh")

    assert first == a_minute_later == [Taken, Taken, Taken, Exceeded]


async def test_a_record_ahead_of_the_clock_is_noticed_and_forgotten_when_the_clock_has_caught_up(
    database: Database,
) -> None:
    await ran_ahead(database, DAY)
    clock = FakeClock()

    async with a_writer(database, ledger=a_ledger(database, clock)) as writer:
        at_the_start = writer.is_ahead
        clock.move(DAY)
        await writer.append(Intent(Draft("call_1", Event.ACCESS_REFUSED, AccessBody())))
        caught_up = not writer.is_ahead

    assert at_the_start
    assert caught_up


async def test_processes_that_differ_by_little_take_limits_in_the_records_own_time(database: Database) -> None:
    await ran_ahead(database, 2 * SECOND)
    metered: list[Instant] = []

    def noting(connection: Connection, intents: Sequence[Intent], instant: Instant) -> Sequence[Verdict]:
        metered.append(instant)
        return take_limits(connection, intents, instant)

    async with a_writer(database, noting, ledger=a_ledger(database, FakeClock())) as writer:
        receipt = await writer.append(Intent(Draft("call_1", Event.ACCESS_ADMITTED, AccessBody()), CLAIM))

    assert metered == [receipt.at] == [NOON + 2 * SECOND]
    assert not writer.is_ahead
