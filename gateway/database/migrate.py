"""Brings a database's schema to what this code needs: all of it or nothing, by one process at a time.

The migrations run in one transaction, so that a failure leaves the schema as it was. On PostgreSQL
an advisory lock makes processes that start together take turns; on SQLite its write lock does.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, NullPool, exc, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.database.engine import sqlite_engine
from gateway.database.reaching import located, unopened, unreachable
from gateway.errors import SettingsInvalid
from gateway.shipped import shipped

T = TypeVar("T")

_LOCK = 0x67617465
"""Names the advisory lock: the ASCII letters `gate`."""

LOCK_WAIT_MS = 60_000
"""How long a process waits for another one's migration."""


def head() -> str:
    """The revision that this code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise SettingsInvalid("No migrations came with this gateway.", next_step="Install it again.")
    return revision


async def current(url: str) -> str | None:
    """The revision of the database, None when it is empty."""
    return await _run(located(url), lambda connection: MigrationContext.configure(connection).get_current_revision())


async def upgrade(url: str) -> None:
    """Bring the schema to `head()`; does nothing when it is there."""
    await _run(located(url), _with_config(lambda config: command.upgrade(config, "head")))


async def downgrade(url: str, revision: str) -> None:
    """Take the schema back to a revision, `base` for an empty database. What was in dropped tables is lost."""
    await _run(located(url), _with_config(lambda config: command.downgrade(config, revision)))


async def prepare(url: str) -> None:
    """Make the schema of an empty database; refuse one that is older or newer than this code."""
    revision = await current(url)
    if revision is None:
        await upgrade(url)
    elif revision != head():
        raise _misfit(revision)


def _misfit(revision: str) -> SettingsInvalid:
    try:
        ScriptDirectory.from_config(_config()).get_revision(revision)
    except CommandError:
        return SettingsInvalid(
            f"The database has the schema {revision}, which this gateway does not know.",
            next_step="It was written by a newer gateway: run that one, or restore a backup.",
        )
    return SettingsInvalid(
        f"The database has the schema {revision}, and this gateway needs {head()}.",
        next_step="Make a backup, then run `gateway db upgrade`.",
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _with_config(act: Callable[[Config], None]) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        with _alone(connection):
            act(config)

    return work


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    yield


async def _run(url: URL, work: Callable[[Connection], T]) -> T:
    if url.get_backend_name() == "sqlite":
        return await asyncio.to_thread(_run_on_sqlite, url, work)
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        poolclass=NullPool,
        connect_args={"timeout": 2, "server_settings": {"application_name": "release-gateway migration"}},
    )
    try:
        connection = await _connected(engine)
        try:
            async with connection.begin():
                return await connection.run_sync(work)
        finally:
            await connection.close()
    finally:
        await engine.dispose()


async def _connected(engine: AsyncEngine) -> AsyncConnection:
    try:
        return await engine.connect()
    except Exception as error:  # whatever a driver raises
        raise unreachable(_origin(error)) from None


def _origin(error: Exception) -> Exception:
    """What the driver raised, beneath what it was wrapped in."""
    while isinstance(inner := getattr(error, "orig", None) or error.__cause__, Exception):
        error = inner
    return error


def _run_on_sqlite(url: URL, work: Callable[[Connection], T]) -> T:
    engine = sqlite_engine(url, begin="BEGIN IMMEDIATE", pragmas={"foreign_keys": "OFF", "busy_timeout": LOCK_WAIT_MS})
    try:
        with engine.begin() as connection:
            return work(connection)
    except exc.DBAPIError as error:
        misplaced = unopened(url, error)
        if misplaced is None:
            raise
        raise misplaced from None
    finally:
        engine.dispose()
