"""The migrations make exactly what the stores declare, and processes that start together take turns."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from gateway.database import migrate
from gateway.database.engine import open_database
from gateway.database.naming import metadata
from gateway.errors import SettingsInvalid
from gateway.shipped import shipped
from tests.fakes.postgresql import PostgreSQLServer
from tests.fakes.schema import declare_tables


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    server: PostgreSQLServer = request.getfixturevalue("postgresql_server")
    return server.url(server.new_database())


async def look(url: str, what) -> object:
    database = open_database(url)
    try:
        return await database.read(what)
    finally:
        await database.close()


async def test_the_migrations_make_what_the_stores_declare(empty_url: str) -> None:
    declare_tables()

    await migrate.upgrade(empty_url)

    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    assert await look(empty_url, differences) == []


async def test_every_migration_can_be_taken_back(empty_url: str) -> None:
    await migrate.upgrade(empty_url)

    await migrate.downgrade(empty_url, "base")

    assert await look(empty_url, lambda c: inspect(c).get_table_names()) == ["alembic_version"]
    assert await migrate.current(empty_url) is None


async def test_an_upgraded_database_is_at_the_head(empty_url: str) -> None:
    await migrate.upgrade(empty_url)
    await migrate.upgrade(empty_url)

    assert await migrate.current(empty_url) == migrate.head()


async def test_processes_that_start_together_take_turns(empty_url: str) -> None:
    await asyncio.gather(*[migrate.prepare(empty_url) for _ in range(5)])

    assert await migrate.current(empty_url) == migrate.head()


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(empty_url: str) -> None:
    await _execute(empty_url, "CREATE TABLE access_grant (in_the_way INTEGER)")

    with pytest.raises(Exception, match="access_grant"):
        await migrate.upgrade(empty_url)

    assert await look(empty_url, lambda c: inspect(c).get_table_names()) == ["access_grant"]


async def test_an_older_schema_is_not_upgraded_unasked(empty_url: str) -> None:
    await migrate.upgrade(empty_url)
    await migrate.downgrade(empty_url, "0001_ledger")

    with pytest.raises(SettingsInvalid, match="0001_ledger") as refusal:
        await migrate.prepare(empty_url)

    assert "gateway db upgrade" in refusal.value.next_step


async def test_a_newer_schema_that_says_nothing_of_older_code_is_refused(empty_url: str) -> None:
    await migrate.upgrade(empty_url)
    await _execute(empty_url, "UPDATE alembic_version SET version_num = '9999_tomorrow'", "DROP TABLE schema_stamp")

    with pytest.raises(SettingsInvalid, match="9999_tomorrow"):
        await migrate.prepare(empty_url)


def test_ordinals_in_names_follow_the_order_of_the_migrations() -> None:
    names = sorted(path.stem for path in (shipped("migrations") / "versions").glob("*.py"))

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert names[-1] == migrate.head()


async def _execute(url: str, *statements: str) -> None:
    database = open_database(url)
    try:
        for statement in statements:
            await database.write(lambda connection, statement=statement: connection.execute(text(statement)))
    finally:
        await database.close()
