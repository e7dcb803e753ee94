"""Brings a database's schema to what this code needs: all of it or nothing, by one process at a time.

The migrations run in one transaction, so that a failure leaves the schema as it was. On PostgreSQL
an advisory lock makes processes that start together take turns; on SQLite its write lock does.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, exc, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.database.compatibility import Schema, oldest_code, revisions, schema_of, stamp
from gateway.database.engine import sqlite_engine
from gateway.database.reaching import located, unopened, unreachable
from gateway.errors import SettingsInvalid
from gateway.shipped import shipped

T = TypeVar("T")


class Parting(NamedTuple):
    """An upgrade after which code that serves now can no longer be started."""

    revision: str
    """The schema as it is."""
    needed: str
    """As it would be."""
    oldest_code: str
    """The revision of the oldest code that may serve from it then."""


_LOCK = 0x67617465
"""Names the advisory lock: the ASCII letters `gate`."""

LOCK_WAIT_MS = 60_000
"""How long a process waits for another one's migration."""


def head() -> str:
    """The revision that this code was written for."""
    revision = _scripts().get_current_head()
    if revision is None:
        raise SettingsInvalid("No migrations came with this gateway.", next_step="Install it again.")
    return revision


async def schema(url: str) -> Schema:
    """What schema the database has, and whether this code may serve from it."""
    scripts = _scripts()
    return await _run(located(url), lambda connection: schema_of(connection, scripts, head()))


async def current(url: str) -> str | None:
    """The revision of the database, None when it is empty."""
    return (await schema(url)).revision


async def shut_out(url: str) -> Parting | None:
    """Whom an upgrade would keep from being started afterwards; None where it keeps out nobody who may serve now."""
    scripts = _scripts()
    found = await schema(url)
    if found.revision is None or found.is_ahead or found.revision == found.needed:
        return None
    oldest = oldest_code(scripts, found.needed)
    older = {script.revision for script in scripts.iterate_revisions(found.revision, "base")}
    return None if oldest in older else Parting(found.revision, found.needed, oldest)


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema to a revision; does nothing when it is there, or ahead of this code, which may serve from it."""
    await _run(located(url), _changing(lambda config: command.upgrade(config, revision)))


async def downgrade(url: str, revision: str) -> None:
    """Take the schema back to a revision, `base` for an empty database. What was in dropped tables is lost."""
    await _run(located(url), _changing(lambda config: command.downgrade(config, revision)))


async def prepare(url: str) -> None:
    """Make the schema of an empty database; refuse one that is older than this code, or too new for it."""
    found = await schema(url)
    if found.revision is None:
        await upgrade(url)
    elif not found.may_serve:
        raise misfit(found)


def misfit(found: Schema) -> SettingsInvalid:
    """Why this code cannot serve from a schema, and what to do."""
    if found.is_ahead:
        return SettingsInvalid(
            f"The database has the schema {found.revision}, which this gateway does not know, and from which code of"
            f" {found.oldest_code or 'an unknown revision'} and newer serves.",
            next_step="It was written by a newer gateway: run that one, or restore a backup.",
        )
    return SettingsInvalid(
        f"The database has the schema {found.revision}, and this gateway needs {found.needed}.",
        next_step="Make a backup, then run `gateway db upgrade`.",
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _changing(act: Callable[[Config], None]) -> Callable[[Connection], None]:
    """Act alone, unless the schema is ahead, and stamp in the same transaction whose code may serve from the outcome.

    All that takes time is done before: behind a change of a table, every reader of the table waits for the commit.
    """
    config, scripts, needed = _config(), _scripts(), head()
    stamps = {revision: oldest_code(scripts, revision) for revision in revisions(scripts)}

    def work(connection: Connection) -> None:
        config.attributes["connection"] = connection
        with _alone(connection):
            found = schema_of(connection, scripts, needed)
            if not found.is_ahead:
                act(config)
                stamp(connection, stamps)
            elif not found.may_serve:
                raise misfit(found)

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
