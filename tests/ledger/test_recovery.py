"""What a dead process left open is closed once, and what the living have open is left alone."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, select, update

from gateway.clock import SECOND, Instant
from gateway.database.engine import Database, open_database
from gateway.errors import LedgerUnavailable
from gateway.ledger import recovery
from gateway.ledger.entries import Draft, Entry, FinishedBody
from gateway.ledger.events import Event
from gateway.ledger.intents import Intent, Verdict
from gateway.ledger.recovery import DEAD_AFTER, Recovery
from gateway.ledger.store import Ledger
from gateway.ledger.tables import entry_table, writer_table
from gateway.ledger.writer import Writer
from tests.ledger.builders import FakeClock, a_ledger, a_writer, admitted, agree, entries_of, finished, refused


def closing(entry: Entry) -> Intent:
    reserved = entry.body.get("tokens_reserved", 0)
    body = FinishedBody(admitted=entry.id, outcome="unknown_after_crash", tokens_settled=reserved)
    return Intent(Draft(f"{entry.id}.end", Event.ACCESS_FINISHED, body), claim=reserved)


def a_recovery(database: Database, ledger: Ledger | None = None) -> Recovery:
    return Recovery(ledger or a_ledger(database), agree, closing)


async def left_by_a_dead_process(database: Database, *intents: Intent) -> str:
    """Append and vanish: the writer's row stays as it is when a process is killed."""
    ledger = a_ledger(database)
    async with a_writer(database, ledger=ledger) as writer:
        for intent in intents:
            await writer.append(intent)
        row = await database.read(lambda connection: connection.execute(select(writer_table)).all())
    mine = next(writer_row for writer_row in row if writer_row.id == ledger.process)
    undone = update(writer_table).where(writer_table.c.id == ledger.process)
    await database.write(
        lambda connection: connection.execute(undone.values(oldest_open=mine.oldest_open, closed_at=None))
    )
    return ledger.process


async def endings(database: Database) -> list[tuple[str, str, int]]:
    entries = [entry for entry in await entries_of(database) if entry.event == Event.ACCESS_FINISHED]
    return [(e.body["admitted"], e.body["outcome"], e.body.get("tokens_settled", 0)) for e in entries]


async def test_calls_left_open_are_closed_at_what_they_had_reserved(database: Database) -> None:
    await left_by_a_dead_process(
        database,
        refused("call_0"),
        admitted("call_1", tokens_reserved=5),
        admitted("call_2", tokens_reserved=6),
        finished("call_1"),
        admitted("call_3", tokens_reserved=7),
    )

    closed = await a_recovery(database).run(0, alone=True)

    assert closed == 2
    assert await endings(database) == [
        ("call_1", "complete", 0),
        ("call_2", "unknown_after_crash", 6),
        ("call_3", "unknown_after_crash", 7),
    ]


async def test_calls_finished_after_the_oldest_open_one_are_not_closed_again(database: Database) -> None:
    await left_by_a_dead_process(database, admitted("call_1"), admitted("call_2"), finished("call_2"))

    closed = await a_recovery(database).run(0, alone=True)

    assert closed == 1
    assert [(call, outcome) for call, outcome, _ in await endings(database)] == [
        ("call_2", "complete"),
        ("call_1", "unknown_after_crash"),
    ]


async def test_calls_that_the_living_have_open_are_left_alone(database: Database) -> None:
    await left_by_a_dead_process(database, admitted("of_the_dead"))
    living = a_ledger(database)
    async with a_writer(database, ledger=living) as writer:
        await writer.append(admitted("of_the_living"))

        await a_recovery(database, living).run(0, alone=True)

        assert [call for call, _, _ in await endings(database)] == ["of_the_dead"]


async def test_closing_settles_through_the_participant_in_the_same_transaction(database: Database) -> None:
    await left_by_a_dead_process(database, admitted("call_1", tokens_reserved=5))
    settled: list[tuple[object, int]] = []

    def settle(connection: Connection, intents: Sequence[Intent], at: Instant) -> list[Verdict]:
        entries = len(connection.execute(select(entry_table.c.index)).all())
        settled.extend((intent.claim, entries) for intent in intents)
        return agree(connection, intents, at)

    await Recovery(a_ledger(database), settle, closing).run(0, alone=True)

    assert settled == [(5, 1)]


async def test_a_second_run_finds_nothing_more(database: Database) -> None:
    await left_by_a_dead_process(database, admitted("call_1"))
    recovered = a_recovery(database)
    await recovered.run(0, alone=True)

    again = await recovered.run(1, alone=True) + await a_recovery(database).run(2, alone=True)

    assert again == 0
    assert len(await endings(database)) == 1


async def test_processes_that_recover_at_once_close_each_call_once(database_url: str) -> None:
    databases = [open_database(database_url) for _ in range(3)]
    await left_by_a_dead_process(databases[0], *(admitted(f"call_{number}") for number in range(5)))

    closed = await asyncio.gather(*(a_recovery(database).run(0, alone=True) for database in databases))

    ended = await endings(databases[0])
    for database in databases:
        await database.close()
    assert sum(closed) == 5
    assert sorted(call for call, _, _ in ended) == [f"call_{number}" for number in range(5)]


async def test_many_calls_are_closed_step_by_step(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "STEP", 3)
    await left_by_a_dead_process(database, *(admitted(f"call_{number}") for number in range(8)))

    closed = await a_recovery(database).run(0, alone=True)

    assert closed == 8
    assert [call for call, _, _ in await endings(database)] == [f"call_{number}" for number in range(8)]


async def test_a_recovery_that_dies_half_way_is_taken_over(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "STEP", 3)
    await left_by_a_dead_process(database, *(admitted(f"call_{number}") for number in range(8)))
    turns = 0

    def die_at_the_second(connection: Connection, intents: Sequence[Intent], at: Instant) -> list[Verdict]:
        nonlocal turns
        turns += 1
        if turns == 2:
            raise KeyError("died")
        return agree(connection, intents, at)

    with pytest.raises(KeyError):
        await Recovery(a_ledger(database), die_at_the_second, closing).run(0, alone=True)
    assert len(await endings(database)) == 3

    closed = await a_recovery(database).run(0, alone=True)

    assert closed == 5
    assert [call for call, _, _ in await endings(database)] == [f"call_{number}" for number in range(8)]


async def test_a_process_does_not_take_itself_for_dead(database: Database) -> None:
    ledger = a_ledger(database)
    async with a_writer(database, ledger=ledger) as writer:
        await writer.append(admitted("call_1"))

        closed = await a_recovery(database, ledger).run(0, alone=True)
        await writer.append(finished("call_1"))

    assert closed == 0


async def watched(recovered: Recovery, seconds: Sequence[int]) -> int:
    return sum([await recovered.run(second * SECOND, alone=False) for second in seconds])


async def test_among_several_processes_a_silent_writer_is_dead_after_its_time(database: Database) -> None:
    await left_by_a_dead_process(database, admitted("call_1"))
    recovered = a_recovery(database)
    last = DEAD_AFTER // SECOND

    before = await watched(recovered, range(0, last, 5))
    after = await watched(recovered, [last])

    assert (before, after) == (0, 1)


async def test_a_writer_that_goes_on_speaking_is_never_taken_for_dead(database: Database) -> None:
    recovered = a_recovery(database)
    clock = FakeClock()
    async with a_writer(database, ledger=a_ledger(database, clock)) as writer:
        await writer.append(admitted("call_1"))
        for second in range(0, 90, 5):
            assert await recovered.run(second * SECOND, alone=False) == 0
            clock.move(5 * SECOND)
            await writer.append(refused(f"call_at_{second}"))

        await writer.append(finished("call_1"))


async def test_looking_every_ten_seconds_and_a_bit_is_often_enough(database: Database) -> None:
    await left_by_a_dead_process(database, admitted("call_1"))
    recovered = a_recovery(database)

    closed = sum([await recovered.run(look * (10 * SECOND + 400_000), alone=False) for look in range(4)])

    assert closed == 1


async def test_an_outage_of_the_database_makes_nobody_dead(database: Database) -> None:
    await left_by_a_dead_process(database, admitted("call_1"))
    recovered = a_recovery(database)
    await watched(recovered, range(0, 25, 5))

    closed = await watched(recovered, [200, 205, 210])

    assert closed == 0


async def test_a_writer_taken_for_dead_that_lives_can_write_nothing_more(database: Database) -> None:
    async with a_writer(database) as writer:
        await writer.append(admitted("call_1", tokens_reserved=4))
        assert await a_recovery(database).run(0, alone=True) == 1

        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("call_2"))

        assert writer.fenced
    assert await endings(database) == [("call_1", "unknown_after_crash", 4)]


async def test_calls_open_at_an_orderly_stop_are_closed_by_the_next_process(database: Database) -> None:
    writer = Writer(a_ledger(database), agree)
    await writer.start()
    await writer.append(admitted("call_1"))
    await writer.append(refused("call_2"))
    await writer.stop()

    closed = await a_recovery(database).run(0, alone=False)

    assert closed == 1


async def test_a_line_that_was_tampered_with_does_not_keep_the_rest_open(database: Database) -> None:
    await left_by_a_dead_process(database, admitted("call_1"), refused("call_2"), admitted("call_3"))
    broken = update(entry_table).where(entry_table.c.index == 1).values(line=b"\xff{")
    await database.write(lambda connection: connection.execute(broken))

    closed = await a_recovery(database).run(0, alone=True)

    assert closed == 2
