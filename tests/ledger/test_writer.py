"""The writer against databases that fail, stand still, or lose the last word."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DataError, IntegrityError, InternalError, OperationalError, ProgrammingError

from gateway.database.engine import Database
from gateway.errors import ClockUnknown, Invalid, LedgerUnavailable
from gateway.ledger import aside
from gateway.ledger import writer as writing
from gateway.ledger.entries import FinishedBody
from gateway.ledger.intents import Intent, Participant, Verdict
from gateway.ledger.store import Ledger
from gateway.ledger.tables import writer_table
from gateway.ledger.writer import Writer
from tests.fakes.databases import FaultyDatabase
from tests.ledger.builders import NOON, FakeClock, a_ledger, a_writer, admitted, agree, entries_of, finished, refused

DISK_FULL = OperationalError("INSERT", {}, Exception("database or disk is full"))
SOON_S = 0.15


@pytest.fixture
def faulty(sqlite_database: Database) -> FaultyDatabase:
    return FaultyDatabase(sqlite_database)


async def ids(database: Database) -> list[str]:
    return [entry.id for entry in await entries_of(database)]


async def until_healthy(writer: Writer) -> None:
    async with asyncio.timeout(5):
        while not writer.healthy:
            await asyncio.sleep(0.005)


async def test_what_arrives_together_is_written_in_one_transaction(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        before = faulty.writes
        await asyncio.gather(*(writer.append(refused(f"call_{number}")) for number in range(300)))

        assert faulty.writes - before == 1


async def test_a_database_that_stands_still_frees_whoever_waits_at_the_deadline(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty, deadline_s=SOON_S) as writer:
        faulty.flows.clear()
        began = time.monotonic()

        answers = await asyncio.gather(
            *(writer.append(refused(f"call_{number}")) for number in range(3)), return_exceptions=True
        )

        waited_s = time.monotonic() - began
        assert all(isinstance(answer, LedgerUnavailable) for answer in answers)
        assert SOON_S <= waited_s < SOON_S + 0.5
        assert not writer.healthy
        assert writer.failing_s() > 0
        faulty.flows.set()


async def test_after_standing_still_the_writer_goes_on_without_a_restart(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty, deadline_s=SOON_S) as writer:
        faulty.flows.clear()
        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("early"))
        faulty.flows.set()
        await until_healthy(writer)

        receipt = await writer.append(refused("late"))

        assert receipt.draft.id == "late"


async def test_an_entry_written_after_its_waiter_gave_up_still_tells(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty, deadline_s=SOON_S) as writer:
        faulty.flows.clear()
        recorded = writer.submit(admitted("call_1"))
        with pytest.raises(LedgerUnavailable):
            await writer.wait(recorded)
        assert not recorded.done()

        faulty.flows.set()

        assert (await recorded).index == 0


async def test_an_entry_given_up_before_its_turn_is_withdrawn(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty, deadline_s=SOON_S) as writer:
        faulty.flows.clear()
        first = writer.submit(admitted("under_way"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second = writer.submit(admitted("queued"))
        for recorded in (first, second):
            with pytest.raises(LedgerUnavailable):
                await writer.wait(recorded)
        faulty.flows.set()

        await first
        with pytest.raises(LedgerUnavailable):
            await second

    assert await ids(faulty) == ["under_way"]


async def test_what_is_to_be_kept_is_written_though_its_waiter_gave_up(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty, deadline_s=SOON_S) as writer:
        faulty.flows.clear()
        writer.submit(refused("under_way"))
        await asyncio.sleep(0.01)
        kept = writer.submit(finished("call_1"), keep=True)
        with pytest.raises(LedgerUnavailable):
            await writer.wait(kept)
        faulty.flows.set()

        assert (await kept).draft.id == "call_1.end"


async def test_a_waiter_that_is_cancelled_does_not_undo_what_is_being_written(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        faulty.flows.clear()
        recorded = writer.submit(admitted("call_1"))
        waiting = asyncio.create_task(writer.wait(recorded))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        faulty.flows.set()

        assert (await recorded).draft.id == "call_1"


async def test_a_batch_that_fails_fails_its_waiters_at_once(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        faulty.refuses = DISK_FULL
        began = time.monotonic()

        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("call_1"))

        assert time.monotonic() - began < 0.5
        assert not writer.healthy
        faulty.refuses = None


async def test_the_next_batch_tries_anew(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        faulty.refuses = DISK_FULL
        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("call_1"))
        faulty.refuses = None

        await writer.append(refused("call_2"))

        assert writer.healthy
    assert await ids(faulty) == ["call_2"]


async def test_a_failing_writer_finds_out_by_itself_that_the_database_is_back(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        faulty.refuses = DISK_FULL
        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("call_1"))
        faulty.refuses = None

        await until_healthy(writer)

        assert writer.failing_s() == 0


async def test_what_is_to_be_kept_is_written_in_the_end_and_in_order(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        faulty.refuses = DISK_FULL
        kept = [writer.submit(finished(f"call_{number}"), keep=True) for number in range(3)]
        await asyncio.sleep(0.02)
        kept += [writer.submit(finished(f"call_{number}"), keep=True) for number in range(3, 5)]
        await asyncio.sleep(0.02)
        assert not any(recorded.done() for recorded in kept)

        faulty.refuses = None
        receipts = await asyncio.gather(*kept)

    assert [receipt.index for receipt in receipts] == list(range(5))
    assert await ids(faulty) == [f"call_{number}.end" for number in range(5)]


async def test_a_full_backlog_refuses_at_once_but_takes_what_must_be_kept(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty, backlog=2) as writer:
        faulty.flows.clear()
        writer.submit(refused("under_way"))
        await asyncio.sleep(0.01)
        writer.submit(refused("call_1"))
        writer.submit(refused("call_2"))

        with pytest.raises(LedgerUnavailable):
            writer.submit(refused("call_3"))
        writer.submit(finished("call_4"), keep=True)

        faulty.flows.set()
    assert await ids(faulty) == ["under_way", "call_1", "call_2", "call_4.end"]


async def test_a_commit_whose_word_was_lost_is_neither_repeated_nor_denied(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        faulty.loses = ConnectionResetError()

        recorded = [writer.submit(admitted("call_1")), writer.submit(finished("call_0"), keep=True)]

        assert [(await one).index for one in recorded] == [0, 1]
    assert await ids(faulty) == ["call_1", "call_0.end"]


async def test_a_commit_that_did_not_happen_is_repeated_only_for_what_must_be_kept(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        faulty.drops = ConnectionResetError()
        lost, kept = writer.submit(admitted("call_1")), writer.submit(finished("call_0"), keep=True)

        assert (await kept).index == 0
        with pytest.raises(LedgerUnavailable):
            await lost
    assert await ids(faulty) == ["call_0.end"]


async def test_a_transaction_that_goes_on_after_it_was_given_up_is_found_again(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        faulty.leaves = True
        recorded = [writer.submit(admitted("call_1")), writer.submit(finished("call_0"), keep=True)]

        assert [(await one).index for one in recorded] == [0, 1]
    assert await ids(faulty) == ["call_1", "call_0.end"]


async def test_an_intent_that_breaks_the_transaction_fails_alone(faulty: FaultyDatabase) -> None:
    def break_on_poison(connection: Connection, intents: list[Intent], instant: int) -> list[Verdict]:
        if any(intent.claim == "poison" for intent in intents):
            raise OverflowError("a claim that no column holds")
        return agree(connection, intents, instant)

    intents = [Intent(refused(f"call_{number}").draft, "poison" if number == 11 else None) for number in range(20)]
    async with a_writer(faulty, break_on_poison) as writer:
        answers = await asyncio.gather(*(writer.append(intent) for intent in intents), return_exceptions=True)
        await until_healthy(writer)

    written = await ids(faulty)
    assert [number for number, answer in enumerate(answers) if isinstance(answer, LedgerUnavailable)] == [11]
    assert sorted(written) == sorted(f"call_{number}" for number in range(20) if number != 11)


def poisoned_by(error: Exception, times: int = 1 << 30) -> Participant:
    """A participant that dies of the intents whose claim is `poison`, so many times."""
    left = [times]

    def answer(connection: Connection, intents: Sequence[Intent], instant: int) -> Sequence[Verdict]:
        if left[0] and any(intent.claim == "poison" for intent in intents):
            left[0] -= 1
            raise error
        return agree(connection, intents, instant)

    return answer


PASSING = (
    MemoryError(),
    OverflowError(),
    sqlite3.Warning(),
    ProgrammingError("INSERT", {}, Exception()),
    DataError("INSERT", {}, Exception()),
    IntegrityError("INSERT", {}, Exception()),
    InternalError("INSERT", {}, Exception()),
)


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("times", [1, 3])
async def test_a_kept_intent_outlives_an_error_that_passes(
    faulty: FaultyDatabase, error: Exception, times: int
) -> None:
    async with a_writer(faulty, poisoned_by(error, times)) as writer:
        kept = writer.submit(Intent(finished("call_1").draft, "poison"), keep=True)

        assert (await asyncio.wait_for(kept, 5)).draft.id == "call_1.end"
        assert (await writer.append(refused("call_2"))).index == 1
        assert writer.healthy
        assert writer.warnings == []


async def test_while_a_kept_intent_waits_for_its_next_attempt_the_others_are_written(
    faulty: FaultyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "PAUSES_S", (30,))
    async with a_writer(faulty, poisoned_by(MemoryError(), 1)) as writer:
        kept = writer.submit(Intent(finished("call_1").draft, "poison"), keep=True)
        await asyncio.sleep(0.02)

        await writer.append(refused("call_2"))

        assert writer.healthy
        assert not kept.done()
        assert writer.warnings == ["ledger_entry_put_aside"]
    assert await ids(faulty) == ["call_2", "call_1.end"], "stopping leaves it no time, but does not leave it out"


@pytest.mark.parametrize(
    "error", [MemoryError(), IntegrityError("INSERT", {}, Exception())], ids=["memory", "conflict"]
)
async def test_a_kept_intent_that_can_never_be_written_is_written_in_short(
    faulty: FaultyDatabase, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(aside, "PAUSES_S", (0.01, 0.01))
    monkeypatch.setattr(writing, "RETRY_S", (0.01,))
    short = finished("call_1", outcome="unrecordable")
    async with a_writer(faulty, poisoned_by(error)) as writer:
        kept = writer.submit(Intent(finished("call_1").draft, "poison"), keep=True, in_short=lambda: short)
        other = writer.submit(finished("call_2"), keep=True)

        assert (await asyncio.wait_for(other, 5)).draft.id == "call_2.end"
        assert (await asyncio.wait_for(kept, 5)).draft == short.draft
        await until_healthy(writer)
        assert writer.warnings == ["ledger_entry_in_short"]


async def test_a_kept_intent_that_can_never_be_written_does_not_stop_the_others(
    faulty: FaultyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "PAUSES_S", (0.01, 0.01))
    async with a_writer(faulty, poisoned_by(OverflowError())) as writer:
        poison = writer.submit(Intent(finished("call_1").draft, "poison"), keep=True)
        other = writer.submit(finished("call_2"), keep=True)

        assert (await other).draft.id == "call_2.end"
        with pytest.raises(LedgerUnavailable):
            await poison
        assert writer.warnings == ["ledger_call_left_open"]


@pytest.mark.parametrize("text", ["\ud800", "a\udfff"])
async def test_text_that_is_not_unicode_fails_before_it_is_queued(faulty: FaultyDatabase, text: str) -> None:
    async with a_writer(faulty) as writer:
        with pytest.raises(Invalid):
            writer.submit(refused("call_1", end_user=text))
        assert writer.backlog == 0


async def test_a_number_that_is_not_exact_everywhere_fails_before_it_is_queued(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        with pytest.raises(Invalid):
            writer.submit(finished("call_1", tokens_out=2**53), keep=True)


async def test_a_fenced_writer_appends_nothing_more(faulty: FaultyDatabase) -> None:
    ledger = a_ledger(faulty)
    async with a_writer(faulty, ledger=ledger) as writer:
        await writer.append(admitted("call_1"))
        dead = update(writer_table).where(writer_table.c.id == ledger.process).values(closed_at=NOON)
        await faulty.write(lambda connection: connection.execute(dead))

        kept = writer.submit(finished("call_1"), keep=True)
        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("call_2"))
        with pytest.raises(LedgerUnavailable):
            await kept
        with pytest.raises(LedgerUnavailable):
            writer.submit(finished("call_3"), keep=True)

        assert writer.fenced and writer.has_given_up
        assert not writer.healthy
        assert writer.failing_s() > 0
    assert await ids(faulty) == ["call_1"]


async def test_a_writer_says_where_its_oldest_open_call_is(faulty: FaultyDatabase) -> None:
    ledger = a_ledger(faulty)

    async def oldest_open() -> int | None:
        query = select(writer_table.c.oldest_open).where(writer_table.c.id == ledger.process)
        return await faulty.read(lambda connection: connection.execute(query).scalar_one())

    async with a_writer(faulty, ledger=ledger) as writer:
        seen = [await oldest_open()]
        for intent in (
            admitted("call_0"),
            admitted("call_1"),
            refused("call_2"),
            finished("call_0"),
            admitted("call_4"),
            finished("call_1"),
            finished("call_4"),
        ):
            await writer.append(intent)
            seen.append(await oldest_open())

    assert seen == [None, 0, 0, 0, 1, 1, 4, None]


async def test_a_call_admitted_and_finished_in_one_batch_is_not_left_open(faulty: FaultyDatabase) -> None:
    ledger = a_ledger(faulty)
    async with a_writer(faulty, ledger=ledger) as writer:
        await asyncio.gather(writer.append(admitted("call_0")), writer.append(finished("call_0")))

    query = select(writer_table.c.oldest_open, writer_table.c.closed_at)
    row = await faulty.read(lambda connection: connection.execute(query).one())
    assert row == (None, NOON)


async def test_stopping_writes_what_is_queued(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        recorded = [writer.submit(refused(f"call_{number}")) for number in range(2500)]

    assert all(one.done() for one in recorded)
    assert len(await ids(faulty)) == 2500


async def test_a_stopped_writer_takes_nothing_more(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty) as writer:
        pass

    with pytest.raises(LedgerUnavailable):
        writer.submit(finished("call_1"), keep=True)


async def test_stopping_before_a_database_that_stands_still_ends_at_the_deadline(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty, deadline_s=SOON_S) as writer:
        faulty.flows.clear()
        waiting = asyncio.create_task(writer.append(refused("call_1")))
        await asyncio.sleep(0.01)
        began = time.monotonic()

        await writer.stop()

        assert time.monotonic() - began < SOON_S + 0.5
        with pytest.raises(LedgerUnavailable):
            await waiting


async def test_a_clock_that_is_not_known_refuses_and_keeps(faulty: FaultyDatabase) -> None:
    clock = FakeClock()
    known = True

    def now() -> object:
        if not known:
            raise ClockUnknown
        return clock.now()

    async with a_writer(faulty, ledger=Ledger(faulty, now)) as writer:  # type: ignore[arg-type]
        known = False
        kept = writer.submit(finished("call_0"), keep=True)
        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("call_1"))
        known = True

        receipt = await kept

        assert isinstance(receipt.draft.body, FinishedBody)


async def test_a_participant_that_answers_too_few_is_not_believed(faulty: FaultyDatabase) -> None:
    async with a_writer(faulty, lambda connection, intents, instant: []) as writer:
        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("call_1"))

    assert await ids(faulty) == []


@pytest.mark.parametrize("blow", [asyncio.CancelledError(), GeneratorExit()])
async def test_a_writer_that_ended_by_itself_refuses_from_then_on(faulty: FaultyDatabase, blow: BaseException) -> None:
    async with a_writer(faulty, deadline_s=SOON_S) as writer:
        faulty.refuses = blow
        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("call_1"))

        with pytest.raises(LedgerUnavailable):
            writer.submit(refused("call_2"))

        assert writer.has_given_up and not writer.fenced
        assert not writer.healthy
        assert writer.failing_s() > 0
