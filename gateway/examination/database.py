"""The database: reached, at the right schema, durable, and with a clock that can be relied on."""

import asyncio
import time
from collections.abc import AsyncIterator

from gateway.access.current import UNCERTAINTY_MAX_US
from gateway.clock import AHEAD_MAX, SECOND, DatabaseClock, elapsed_us
from gateway.database.compatibility import Schema
from gateway.database.durability import check_durability
from gateway.database.engine import Database, open_database
from gateway.database.migrate import misfit, schema
from gateway.database.reaching import is_absent
from gateway.errors import GatewayError
from gateway.examination.findings import Finding, amiss, odd, well, wrong
from gateway.identity.store import is_empty
from gateway.ledger.store import Ledger

READINGS = 8


async def look_at_database(url: str) -> AsyncIterator[Finding]:
    """Findings on the database; nothing is made where nothing is."""
    if is_absent(url):
        yield well("database", "It is not there yet: a first start makes it.")
        return
    try:
        found = await schema(url)
    except GatewayError as error:
        yield amiss("database", error)
        return
    yield well("database", "It can be reached.")
    yield _schema(found)
    if not found.may_serve:
        return
    database = open_database(url)
    try:
        yield await _durability(database)
        yield await _clock(database)
    finally:
        await database.close()


async def has_begun(url: str) -> bool:
    """Whether a gateway has served from this database. False where that cannot be known."""
    if is_absent(url):
        return False
    try:
        if not (await schema(url)).may_serve:
            return False
    except GatewayError:
        return False
    database = open_database(url)
    try:
        return not await database.read(is_empty)
    except Exception:
        return False
    finally:
        await database.close()


def _schema(found: Schema) -> Finding:
    if found.revision is None:
        return odd(
            "schema", f"It is empty; this version needs {found.needed}.", "Run `gateway db upgrade`, or just start."
        )
    if found.revision == found.needed:
        return well("schema", f"It is at {found.revision}, as this version needs.")
    if found.may_serve:
        return odd(
            "schema",
            f"It is at {found.revision}, ahead of this version's {found.needed}, which may serve from it.",
            "Bring this gateway to the newer version, unless you are rolling back.",
        )
    return amiss("schema", misfit(found))


async def _durability(database: Database) -> Finding:
    try:
        await check_durability(database)
    except GatewayError as error:
        return amiss("durability", error)
    except Exception as error:  # whatever a driver raises
        return wrong("durability", f"It cannot be written: {type(error).__name__}.", "Look at what its log says.")
    return well("durability", "What it has committed survives a loss of power.")


async def _clock(database: Database) -> Finding:
    """How well the time is known after a few readings, and how far this machine is from it."""
    clock = DatabaseClock()
    ledger = Ledger(database, clock.now)
    try:
        for _ in range(READINGS):
            asked_at = elapsed_us()
            news = await ledger.news(-1)
            clock.observe(news.database_now, asked_at, elapsed_us())
            await asyncio.sleep(0.01)
    except Exception as error:  # whatever a driver raises
        return wrong("clock", f"The time cannot be asked for: {type(error).__name__}.", "Look at the database.")
    now = clock.now()
    said = f"The time is known within {now.uncertainty / 1000:.1f} ms"
    if now.uncertainty > UNCERTAINTY_MAX_US:
        return wrong("clock", f"{said}, which is too little to judge by.", "Bring the database nearer, or ease it.")
    apart = int(time.time() * SECOND) - (now.earliest + now.latest) // 2
    if abs(apart) > AHEAD_MAX:
        return odd(
            "clock",
            f"{said}; this machine's own clock is {apart / SECOND:.0f} s away from the database's.",
            "The gateway goes by the database's. See that NTP runs on both.",
        )
    return well("clock", f"{said}.")
