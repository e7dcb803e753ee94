"""Reading at leisure: apart from those who must be quick, whichever engine is behind it."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, text

from gateway.database.engine import Database
from gateway.database.leisure import CONNECTIONS, THREAD, Leisure

SLOW_S = 0.4


@pytest.fixture
async def leisure(database_url: str) -> AsyncIterator[Leisure]:
    opened = Leisure(database_url)
    yield opened
    await opened.close()


def one(connection: Connection) -> int:
    return int(connection.execute(text("SELECT 1")).scalar_one())


def slow(connection: Connection) -> int:
    answer = one(connection)
    time.sleep(SLOW_S)
    return answer


async def test_what_is_read_at_leisure_holds_up_neither_the_loop_nor_the_database(
    leisure: Leisure, database: Database
) -> None:
    reading = [asyncio.ensure_future(leisure.read(slow, deadline_s=10)) for _ in range(CONNECTIONS + 2)]
    await asyncio.sleep(SLOW_S / 4)

    asked = time.monotonic()
    answers = [await database.read(one) for _ in range(10)] + [await database.write(one) for _ in range(10)]
    took = time.monotonic() - asked

    assert answers == [1] * 20
    assert took < SLOW_S / 2
    assert await asyncio.gather(*reading) == [1] * len(reading)


async def test_rows_read_at_leisure_are_decoded_on_another_thread(leisure: Leisure) -> None:
    assert await leisure.read(lambda _: threading.get_ident()) != threading.get_ident()


async def test_what_takes_too_long_at_leisure_is_an_error_in_time(leisure: Leisure) -> None:
    asked = time.monotonic()

    with pytest.raises(TimeoutError):
        await leisure.read(slow, deadline_s=SLOW_S / 4)

    assert time.monotonic() - asked < SLOW_S


async def test_what_a_reading_raises_is_raised_to_whoever_asked(leisure: Leisure) -> None:
    def failing(_: Connection) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await leisure.read(failing)


async def test_what_was_never_read_from_closes_and_leaves_no_thread(database_url: str) -> None:
    before = set(threading.enumerate())  # other tests may have a house open
    read_from, unused = Leisure(database_url), Leisure(database_url)
    await read_from.read(one)
    begun = [thread for thread in threading.enumerate() if thread.name == THREAD and thread not in before]

    await read_from.close()
    await unused.close()

    assert len(begun) == 1
    assert not begun[0].is_alive()
