"""What every database keeps, whichever engine is behind it."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Connection, LargeBinary, MetaData, Table, Text, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from gateway.database.durability import check_durability
from gateway.database.engine import Database, database_now, open_database

drawer = Table(
    "drawer",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("number", BigInteger),
    Column("blob", LargeBinary),
)


@pytest.fixture
async def chest(database: Database) -> Database:
    """A database with an empty drawer in it."""
    await database.write(drawer.create)
    return database


def put(name: str, number: int = 0, blob: bytes = b"") -> object:
    return lambda connection: connection.execute(insert(drawer).values(name=name, number=number, blob=blob))


def names(connection: Connection) -> list[str]:
    return list(connection.execute(select(drawer.c.name).order_by(drawer.c.name)).scalars())


def add_one(connection: Connection) -> None:
    lock = select(drawer.c.number).where(drawer.c.name == "counter").with_for_update()
    number = connection.execute(lock).scalar_one()
    connection.execute(update(drawer).where(drawer.c.name == "counter").values(number=number + 1))


async def test_what_was_written_is_there_for_a_new_connection(chest: Database, database_url: str) -> None:
    await chest.write(put("a"))

    other = open_database(database_url)
    try:
        assert await other.read(names) == ["a"]
    finally:
        await other.close()


async def test_a_write_that_raises_leaves_no_trace(chest: Database) -> None:
    def half(connection: Connection) -> None:
        connection.execute(insert(drawer).values(name="half"))
        raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError):
        await chest.write(half)

    assert await chest.read(names) == []


async def test_a_write_that_breaks_a_constraint_leaves_no_trace_and_the_next_one_works(chest: Database) -> None:
    def twice(connection: Connection) -> None:
        connection.execute(insert(drawer).values(name="same"))
        connection.execute(insert(drawer).values(name="same"))

    with pytest.raises(IntegrityError):
        await chest.write(twice)
    await chest.write(put("after"))

    assert await chest.read(names) == ["after"]


async def test_tables_made_by_a_write_that_raises_are_gone(database: Database) -> None:
    def make_and_fail(connection: Connection) -> None:
        drawer.create(connection)
        raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError):
        await database.write(make_and_fail)

    await database.write(drawer.create)


async def test_a_read_cannot_write(chest: Database) -> None:
    with pytest.raises(DBAPIError):
        await chest.read(put("a"))

    assert await chest.read(names) == []


async def test_a_read_sees_one_state_while_others_write(chest: Database) -> None:
    await chest.write(put("first"))
    loop = asyncio.get_running_loop()
    seen_once, written = asyncio.Event(), asyncio.Event()

    def count(connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(drawer)).scalar_one())

    def twice(connection: Connection) -> tuple[int, int]:
        before = count(connection)
        _meet(connection, loop, seen_once, written)
        return before, count(connection)

    reading = asyncio.ensure_future(chest.read(twice, deadline_s=20))
    await asyncio.wait_for(seen_once.wait(), 10)
    await chest.write(put("second"))
    written.set()

    assert await reading == (1, 1)
    assert await chest.read(count) == 2


async def test_racing_writers_keep_a_counter_exact(chest: Database, database_url: str) -> None:
    await chest.write(put("counter"))
    other = open_database(database_url)

    await asyncio.gather(*[place.write(add_one) for _ in range(15) for place in (chest, other)])
    await other.close()

    assert await chest.read(lambda c: c.execute(select(drawer.c.number)).scalar_one()) == 30


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(-(2**63), 2**63 - 1), blob=st.binary(max_size=300), name=st.text(st.characters(codec="utf-8"))
)
async def test_large_integers_bytes_and_texts_come_back_as_they_went(
    chest: Database, number: int, blob: bytes, name: str
) -> None:
    name = name.replace("\0", "")  # PostgreSQL keeps no NUL in texts

    def round_trip(connection: Connection) -> tuple[str, int, bytes]:
        connection.execute(insert(drawer).values(name=name, number=number, blob=blob))
        row = connection.execute(select(drawer).where(drawer.c.name == name)).one()
        connection.execute(drawer.delete())
        return row.name, row.number, row.blob

    assert await chest.write(round_trip) == (name, number, blob)


async def test_the_databases_clock_is_in_microseconds_and_goes_forward(database: Database) -> None:
    before = time.time_ns() // 1000

    first = await database.read(database_now)
    second = await database.read(database_now)

    after = time.time_ns() // 1000
    millisecond = 1000  # SQLite's clock has no finer ticks
    assert before - millisecond <= first <= second <= after + millisecond


async def test_an_unanswered_transaction_is_an_error_in_time(chest: Database) -> None:
    await chest.write(put("counter"))
    loop = asyncio.get_running_loop()
    begun, never = asyncio.Event(), asyncio.Event()

    def stuck(connection: Connection) -> None:
        connection.execute(select(drawer)).all()
        _meet(connection, loop, begun, never)

    asked = time.monotonic()
    with pytest.raises(TimeoutError):
        await chest.read(stuck, deadline_s=0.2)
    waited = time.monotonic() - asked
    never.set()

    assert begun.is_set()
    assert waited < 1
    assert await chest.read(names) == ["counter"]


async def test_an_error_does_not_quote_its_parameters(chest: Database) -> None:
    await chest.write(put("attack at dawn"))

    with pytest.raises(IntegrityError) as error:
        await chest.write(put("attack at dawn", blob=b"secret"))

    assert "secret" not in str(error.value)


async def test_both_engines_as_opened_are_durable(database: Database) -> None:
    await check_durability(database)


async def test_a_reader_of_the_file_itself_sees_what_a_finished_write_wrote(
    sqlite_database: Database, sqlite_url: str
) -> None:
    await sqlite_database.write(drawer.create)
    await sqlite_database.write(put("a"))

    with sqlite3.connect(Path(sqlite_url.removeprefix("sqlite:///"))) as plain:
        assert plain.execute("SELECT name FROM drawer").fetchall() == [("a",)]


def _meet(
    connection: Connection, loop: asyncio.AbstractEventLoop, arrived: asyncio.Event, leave: asyncio.Event
) -> None:
    """Stop in the middle of a transaction until told to go on: on SQLite this is a thread, on PostgreSQL the loop."""
    if connection.dialect.name == "sqlite":
        loop.call_soon_threadsafe(arrived.set)
        asyncio.run_coroutine_threadsafe(leave.wait(), loop).result(10)
    else:
        from sqlalchemy.util import await_only

        arrived.set()
        await_only(asyncio.wait_for(leave.wait(), 10))
