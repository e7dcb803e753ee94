"""What happens when the database is not well."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Connection, text

from gateway.database.durability import check_durability
from gateway.database.engine import Database, open_database
from gateway.errors import SettingsInvalid
from tests.fakes.postgresql import PostgreSQLServer


@pytest.fixture(scope="module")
def server(postgresql_server: PostgreSQLServer) -> Iterator[PostgreSQLServer]:
    """A server that nobody else is using: it may be frozen, killed and misconfigured."""
    alone = PostgreSQLServer()
    yield alone
    alone.close()


@pytest.fixture
async def opened(server: PostgreSQLServer) -> AsyncIterator[Database]:
    database = open_database(server.url())
    await database.read(one)
    yield database
    await database.close()


def one(connection: Connection) -> int:
    return int(connection.execute(text("SELECT 1")).scalar_one())


async def test_a_restarted_server_fails_nobody_who_comes_later(opened: Database, server: PostgreSQLServer) -> None:
    await asyncio.gather(*[opened.write(one) for _ in range(12)])

    await asyncio.to_thread(server.restart)

    assert await asyncio.gather(*[opened.write(one) for _ in range(12)]) == [1] * 12


async def test_a_frozen_server_is_an_error_in_time_and_works_again_when_it_goes_on(
    opened: Database, server: PostgreSQLServer
) -> None:
    server.freeze()
    try:
        asked = time.monotonic()
        answers = await asyncio.gather(*[opened.read(one, deadline_s=0.5) for _ in range(30)], return_exceptions=True)
        waited = time.monotonic() - asked
    finally:
        server.thaw()

    assert {type(answer) for answer in answers} == {TimeoutError}
    assert waited < 1.5
    assert await _recovered(opened) == 1


async def test_a_frozen_server_does_not_keep_the_gateway_from_closing(server: PostgreSQLServer) -> None:
    database = open_database(server.url())
    await asyncio.gather(*[database.read(one) for _ in range(5)])
    server.freeze()
    try:
        asked = time.monotonic()
        await database.close()
        assert time.monotonic() - asked < 2
    finally:
        server.thaw()


async def test_a_server_that_is_not_there_is_an_error_at_once() -> None:
    database = open_database("postgresql://nobody@127.0.0.1:1/nothing")
    asked = time.monotonic()

    with pytest.raises(OSError):
        await database.write(one)

    assert time.monotonic() - asked < 2
    await database.close()


async def test_a_session_that_stops_inside_a_transaction_loses_it(opened: Database) -> None:
    setting = await opened.read(lambda c: c.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one())

    assert setting == "5s"


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit"])
async def test_a_server_that_may_lose_commits_is_refused(server: PostgreSQLServer, setting: str) -> None:
    server.execute(f"ALTER SYSTEM SET {setting} = off", "SELECT pg_reload_conf()")
    database = open_database(server.url())
    try:
        with pytest.raises(SettingsInvalid, match=f"{setting} is off"):
            await _until_refused(database)
    finally:
        await database.close()
        server.execute(f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()")


async def test_a_database_in_memory_is_refused() -> None:
    database = open_database("sqlite:///file:nowhere?mode=memory&cache=shared&uri=true")

    with pytest.raises(SettingsInvalid, match="journal_mode is memory"):
        await check_durability(database)

    await database.close()


@pytest.mark.parametrize("url", ["mysql://root@localhost/x", "sqlite://", "sqlite:///:memory:"])
def test_a_database_that_would_not_do_is_refused_with_what_would(url: str) -> None:
    with pytest.raises(SettingsInvalid, match=url.partition(":")[0]) as refusal:
        open_database(url)

    assert "sqlite:///PATH" in refusal.value.next_step


def test_the_password_of_a_database_is_not_in_the_refusal() -> None:
    with pytest.raises(SettingsInvalid) as refusal:
        open_database("mysql://root:hunter2@localhost/x")

    assert "hunter2" not in refusal.value.sentence()


async def _recovered(database: Database) -> int:
    """Those who waited in the frozen server are still letting go when it goes on: ask until one answer comes."""
    for _ in range(20):
        try:
            return await database.read(one, deadline_s=0.5)
        except TimeoutError:
            continue
    raise AssertionError("the database did not recover")


async def _until_refused(database: Database) -> None:
    """The server takes a new setting up a moment after it was told to."""
    for _ in range(200):
        await check_durability(database)
