"""The database: one transaction is one function of a connection, the same on both engines.

SQLite runs each function on a thread, the writing ones on one thread of their own, so that a
transaction costs one hand-over and not one a statement (docs/decisions/0002). PostgreSQL runs it
over asyncpg through SQLAlchemy's greenlet bridge.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.errors import SettingsInvalid

T = TypeVar("T")
Work = Callable[[Connection], T]

STATEMENT_TIMEOUT_MS = 5_000
"""PostgreSQL: longer than any statement of the data plane, short enough to notice a stuck server."""


class Database(Protocol):
    """A database that runs whole transactions."""

    @property
    def dialect(self) -> str:
        """sqlite or postgresql."""

    async def read(self, work: Work[T]) -> T:
        """Run `work` in one transaction that sees one state and writes nothing."""

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction; durable when this returns, without trace when it raises."""

    async def close(self) -> None:
        """Wait for what is under way and let go of every connection."""


def open_database(url: str) -> Database:
    """The database behind an SQLAlchemy URL, `sqlite:///path` or `postgresql://…`; nothing is contacted yet."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return SQLiteDatabase(parsed)
    if backend == "postgresql":
        return PostgreSQLDatabase(parsed)
    raise SettingsInvalid(
        f"The database `{backend}` is not supported.", next_step="Use sqlite:///PATH or postgresql://USER@HOST/NAME."
    )


class SQLiteDatabase:
    """SQLite in WAL mode, `synchronous=FULL`: a commit survives the loss of power."""

    dialect = "sqlite"

    def __init__(self, url: URL) -> None:
        url = url.set(drivername="sqlite+pysqlite")
        self._reading = _sqlite_engine(url, begin="BEGIN", connections=2)
        self._writing = _sqlite_engine(url, begin="BEGIN IMMEDIATE", connections=1)
        self._readers = ThreadPoolExecutor(2, "sqlite-read")
        self._writer = ThreadPoolExecutor(1, "sqlite-write")

    async def read(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, _rolled_back, self._reading, work)

    async def write(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, _committed, self._writing, work)

    async def close(self) -> None:
        for threads in (self._readers, self._writer):
            await asyncio.to_thread(threads.shutdown)
        self._reading.dispose()
        self._writing.dispose()


class PostgreSQLDatabase:
    """PostgreSQL over asyncpg."""

    dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"),
            pool_size=8,
            max_overflow=8,
            pool_timeout=2,
            pool_pre_ping=False,
            connect_args={
                "timeout": 2,
                "command_timeout": STATEMENT_TIMEOUT_MS / 1000,
                "server_settings": {
                    "application_name": "release-gateway",
                    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                },
            },
        )

    async def read(self, work: Work[T]) -> T:
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            return await connection.run_sync(work)

    async def write(self, work: Work[T]) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


def _sqlite_engine(url: URL, begin: str, connections: int) -> Engine:
    engine = create_engine(url, pool_size=connections, max_overflow=0, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # pysqlite must not open transactions of its own
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=2000"):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _committed(engine: Engine, work: Work[T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _rolled_back(engine: Engine, work: Work[T]) -> T:
    with engine.connect() as connection:
        return work(connection)


def database_now(connection: Connection) -> int:
    """The database's own clock, as an instant in microseconds."""
    if connection.dialect.name == "sqlite":
        statement = "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000"
    else:
        statement = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    return int(connection.execute(text(statement)).scalar_one())
