"""The database: one transaction is one function of a connection, the same on both engines.

SQLite runs each function on a thread, the writing ones on one thread of their own, so that a
transaction costs one hand-over and not one a statement (docs/decisions/0002). PostgreSQL runs it
over asyncpg through SQLAlchemy's greenlet bridge. Whatever the database does, its caller hears back
in time: a server that stands still is a TimeoutError, never a wait.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.database.plainly import run_plainly
from gateway.database.reaching import located

T = TypeVar("T")
Work = Callable[[Connection], T]

READ_DEADLINE_S = 1.5
"""A call that needs a reading can still be refused within two seconds."""

WRITE_DEADLINE_S = 5.0

STATEMENT_TIMEOUT_MS = 5_000
"""PostgreSQL: longer than any statement of the data plane, short enough to notice a stuck server."""

CONNECT_TIMEOUT_S = 2
"""PostgreSQL: how long to wait for a connection, be it a new one or one that is in use."""

SQLITE_READERS = 2
STATEMENTS_KEPT = 1024
"""SQLite: prepared statements of one connection; more than there are different ones (ledger/rows.py has the most)."""
POSTGRESQL_CONNECTIONS = 16

SERVER_SETTINGS = {
    "application_name": "release-gateway",
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": str(STATEMENT_TIMEOUT_MS),
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
"""A process that stops or vanishes inside a transaction loses its locks within seconds."""

SQLITE_PRAGMAS: Mapping[str, str | int] = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "busy_timeout": 2000,
}
"""`busy_timeout` concerns other processes alone (a backup, a migration): writers of this one queue."""


class Readable(Protocol):
    """What can be read: the database itself, or the same at leisure (leisure.py)."""

    async def read(self, work: Work[T], *, deadline_s: float = READ_DEADLINE_S) -> T:
        """Run `work` in one transaction that sees one state and writes nothing."""


class Database(Readable, Protocol):
    """A database that runs whole transactions."""

    @property
    def dialect(self) -> str:
        """sqlite or postgresql."""

    async def write(self, work: Work[T], *, deadline_s: float = WRITE_DEADLINE_S) -> T:
        """Run `work` in one transaction; durable when this returns, without trace when `work` raises.

        A TimeoutError or a lost connection leaves open whether it was committed.
        """

    async def close(self) -> None:
        """Wait for what is under way and let go of every connection."""


def open_database(url: str, *, connections: int | None = None) -> Database:
    """The database behind an SQLAlchemy URL, `sqlite:///path` or `postgresql://…`; nothing is contacted yet.

    `connections` is how many may read at once, where it is not left to the engine.
    """
    parsed = located(url)
    if parsed.get_backend_name() == "sqlite":
        return SQLiteDatabase(parsed, connections or SQLITE_READERS)
    return PostgreSQLDatabase(parsed, connections or POSTGRESQL_CONNECTIONS)


class SQLiteDatabase:
    """SQLite in WAL mode, `synchronous=FULL`: a commit survives the loss of power."""

    dialect = "sqlite"

    def __init__(self, url: URL, readers: int) -> None:
        pragmas: Mapping[str, str | int] = {**SQLITE_PRAGMAS, "query_only": "ON"}
        self._reading = sqlite_engine(url, begin="BEGIN", pragmas=pragmas, connections=readers)
        self._writing = sqlite_engine(url, begin="BEGIN IMMEDIATE", pragmas=SQLITE_PRAGMAS)
        self._readers = ThreadPoolExecutor(readers, "sqlite-read")
        self._writer = ThreadPoolExecutor(1, "sqlite-write")

    async def read(self, work: Work[T], *, deadline_s: float = READ_DEADLINE_S) -> T:
        async with asyncio.timeout(deadline_s):
            return await asyncio.get_running_loop().run_in_executor(self._readers, _rolled_back, self._reading, work)

    async def write(self, work: Work[T], *, deadline_s: float = WRITE_DEADLINE_S) -> T:
        async with asyncio.timeout(deadline_s):
            return await asyncio.get_running_loop().run_in_executor(self._writer, _committed, self._writing, work)

    async def close(self) -> None:
        for threads in (self._readers, self._writer):
            await asyncio.to_thread(threads.shutdown)
        self._reading.dispose()
        self._writing.dispose()


class PostgreSQLDatabase:
    """PostgreSQL over asyncpg."""

    dialect = "postgresql"

    def __init__(self, url: URL, connections: int) -> None:
        kept = -(-connections // 2)
        self._engine: AsyncEngine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"),
            pool_size=kept,
            max_overflow=connections - kept,
            pool_timeout=CONNECT_TIMEOUT_S,
            hide_parameters=True,
            connect_args={
                "timeout": CONNECT_TIMEOUT_S,
                "command_timeout": STATEMENT_TIMEOUT_MS / 1000 + 0.5,
                "server_settings": SERVER_SETTINGS,
            },
        )
        self._under_way: set[asyncio.Task[Any]] = set()
        self._connections: WeakSet[Any] = WeakSet()
        event.listen(self._engine.sync_engine, "connect", self._remember)
        event.listen(self._engine.sync_engine, "checkout", _refuse_closed)

    async def read(self, work: Work[T], *, deadline_s: float = READ_DEADLINE_S) -> T:
        return await self._within(deadline_s, self._read(work))

    async def write(self, work: Work[T], *, deadline_s: float = WRITE_DEADLINE_S) -> T:
        return await self._within(deadline_s, self._write(work))

    async def close(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=WRITE_DEADLINE_S)
        for connection in list(self._connections):
            connection.terminate()  # a farewell to a server that stands still would wait for its answer
        await self._engine.dispose()

    def _remember(self, raw: Any, _record: Any) -> None:
        self._connections.add(raw.driver_connection)

    async def _read(self, work: Work[T]) -> T:
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            return await connection.run_sync(work)

    async def _write(self, work: Work[T]) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def _within(self, deadline_s: float, transaction: Coroutine[Any, Any, T]) -> T:
        """Letting go of a connection that does not answer takes seconds too: nobody waits for it."""
        task = asyncio.get_running_loop().create_task(transaction)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.shield(task)
        finally:
            task.cancel()


def sqlite_engine(url: URL, *, begin: str, pragmas: Mapping[str, str | int], connections: int = 1) -> Engine:
    """An engine whose every transaction starts with `begin` and whose every connection has the pragmas."""
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "cached_statements": STATEMENTS_KEPT},
    )

    @event.listens_for(engine, "connect")
    def configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # pysqlite must not open transactions of its own
        raw.create_function("sha256_of", 2, _sha256_of, deterministic=True)  # PostgreSQL has its own
        for name, value in pragmas.items():
            raw.execute(f"PRAGMA {name}={value}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        run_plainly(connection, begin)

    return engine


def _sha256_of(before: bytes, text: str) -> bytes:
    return sha256(before + text.encode()).digest()


def _committed(engine: Engine, work: Work[T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _rolled_back(engine: Engine, work: Work[T]) -> T:
    with engine.connect() as connection:
        return work(connection)


def _refuse_closed(raw: Any, _record: Any, _proxy: Any) -> None:
    """A connection that the server has closed is seen so without asking; the pool then opens another."""
    if raw.driver_connection.is_closed():
        raise DisconnectionError


def database_now(connection: Connection) -> int:
    """The database's own clock, as an instant in microseconds."""
    if connection.dialect.name == "sqlite":
        statement = (
            "SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000000"
            " + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000"
        )
    else:
        statement = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    return int(connection.execute(text(statement)).scalar_one())
