"""Faults of a cluster's database that no signal causes: a full disk, a lock that is held, a clock that jumps."""

import asyncio
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from tests.fakes.cluster import ClusterHouse
from tests.fakes.gateway import PATIENCE_S, until
from tests.fakes.postgresql import elsewhere
from tests.faults.disks import SmallDisk, can_mount, small_disk

LOG_DISK_BYTES = 384 << 20
"""Room for the segments that PostgreSQL keeps for later, and some over."""
MIB = 1 << 20
HELD_S = 0.65
"""How long each commit waits: longer than is well, and shorter than a gateway waits for it."""
LET_GO_S = 0.02

JUMPING_CLOCK = (
    "CREATE SCHEMA clocks",
    "CREATE TABLE clocks.ahead (by interval NOT NULL)",
    "INSERT INTO clocks.ahead VALUES ('0')",
    "CREATE FUNCTION clocks.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE"
    " AS 'SELECT pg_catalog.clock_timestamp() + by FROM clocks.ahead'",
    "ALTER ROLE release_gateway SET search_path = clocks, pg_catalog, public",
)
"""The machine's clock is not a test's to set: the database answers by one of its own, found before the usual one."""


def execute(house: ClusterHouse, *statements: str) -> None:
    """Run statements as the database's owner, each on its own."""

    async def run() -> None:
        connection = await asyncpg.connect(house.database_url, timeout=5)
        try:
            for statement in statements:
                await connection.execute(statement, timeout=10)
        finally:
            await connection.close(timeout=2)

    elsewhere(run())


@contextmanager
def log_disk() -> Iterator[SmallDisk | None]:
    """A disk of its own for the database's log; None where this machine lets us mount none."""
    if not can_mount():
        yield None
        return
    # Root's temporary folders are closed to the user that PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="rg-log-"))
    folder.chmod(0o755)
    try:
        with small_disk(folder / "disk", LOG_DISK_BYTES) as disk:
            yield disk
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prepare(house: ClusterHouse, disk: SmallDisk | None) -> None:
    """Let the database have a clock that can jump, and its log on a disk that can be filled, if there is one."""
    execute(house, *JUMPING_CLOCK)
    database = house.cluster.postgresql
    database.stop()
    if disk is not None:
        log = house.folder / "postgresql" / "data" / "pg_wal"
        subprocess.run(["cp", "-a", str(log), str(disk.folder)], check=True)
        shutil.rmtree(log)
        log.symlink_to(disk.folder / log.name)
    database.start()
    until(lambda: takes(house, "SELECT 1"), PATIENCE_S)
    house.await_ready()


@contextmanager
def full_disk(house: ClusterHouse, disk: SmallDisk) -> Iterator[None]:
    """Nothing is left on the disk of the write-ahead log, and what the database had put by is used up."""
    disk.fill()
    try:
        another_mib = f"SELECT pg_logical_emit_message(true, 'test', repeat('x', {MIB}))"
        until(lambda: not takes(house, another_mib), PATIENCE_S, lambda: "the database goes on writing")
        yield
    finally:
        disk.clear()
        house.await_ready()


def takes(house: ClusterHouse, statement: str) -> bool:
    """Whether the database does what it is told."""
    try:
        execute(house, statement)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        return False
    return True


@contextmanager
def held_lock(house: ClusterHouse) -> Iterator[None]:
    """Somebody holds the lock that every commit needs, again and again for longer than is well."""
    over = threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(house.database_url)
        while not over.is_set():
            async with connection.transaction():
                await connection.execute("SELECT size FROM ledger_head WHERE id = 1 FOR UPDATE")
                await connection.execute(f"SELECT pg_sleep({HELD_S})")
            await asyncio.sleep(LET_GO_S)
        await connection.close()

    holding = threading.Thread(target=elsewhere, args=(hold(),))
    holding.start()
    try:
        yield
    finally:
        over.set()
        holding.join(10)


def jump(house: ClusterHouse, by: str) -> None:
    """Set the database's clock ahead."""
    execute(house, f"UPDATE clocks.ahead SET by = by + '{by}'")


def take_on_its_time(house: ClusterHouse) -> None:
    """Restart the gateways one by one, as docs/alerts.md says when the clock is what it should be."""
    for gateway in house.cluster.gateways:
        gateway.stop()
        gateway.start()
        house.await_ready()


@contextmanager
def jumped_clock(house: ClusterHouse) -> Iterator[None]:
    jump(house, "1 hour")
    yield
    take_on_its_time(house)
