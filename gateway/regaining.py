"""`gateway key recover`: a provider's key for whoever runs the gateway and holds no other any more.

It needs what only they have, the database and the peppers; no door leads here, and the ledger says that it was done.
"""

import asyncio
from contextlib import ExitStack

from gateway.belonging import check_peppers
from gateway.clock import DatabaseClock, Moment, elapsed_us
from gateway.database.engine import open_database
from gateway.database.exclusive import exclusively
from gateway.database.migrate import current, prepare
from gateway.errors import SettingsInvalid
from gateway.identity.directory import Directory
from gateway.identity.keyring import Issued
from gateway.identity.peppers import open_peppers
from gateway.identity.store import is_empty
from gateway.ledger.store import Ledger
from gateway.settings import Settings


def recover(settings: Settings, *, lost_peppers: bool = False) -> Issued:
    """Make the key and record it. Raises SettingsInvalid where there is nothing to recover, or SQLite is in use.

    With peppers that are lost for good, every key is ended that they signed.
    """
    _check_begun(settings, lost_peppers=lost_peppers)
    with ExitStack() as held:
        if settings.database.startswith("sqlite"):
            held.enter_context(exclusively(settings.data))
        return asyncio.run(_recover(settings, lost_peppers=lost_peppers))


async def _recover(settings: Settings, *, lost_peppers: bool) -> Issued:
    if await current(settings.database) is None:
        raise _not_begun(settings)
    await prepare(settings.database)
    database = open_database(settings.database)
    try:
        if await database.read(is_empty):
            raise _not_begun(settings)
        clock = DatabaseClock()
        ledger = Ledger(database, clock.now)
        moment = await _time(ledger, clock)
        peppers = open_peppers(settings.peppers_path)
        if not lost_peppers:
            await check_peppers(database, peppers)
        return await Directory(database, ledger, peppers).reissue(moment, lost_peppers=lost_peppers)
    finally:
        await database.close()


async def _time(ledger: Ledger, clock: DatabaseClock) -> Moment:
    asked_at = elapsed_us()
    news = await ledger.news(-1)
    clock.observe(news.database_now, asked_at, elapsed_us())
    return clock.now()


def _check_begun(settings: Settings, *, lost_peppers: bool) -> None:
    """Nothing is made where nothing is: neither a folder nor peppers that would verify no key."""
    if not settings.database_url and not (settings.data / "gateway.sqlite").exists():
        raise _not_begun(settings)
    if not lost_peppers and not settings.peppers_path.exists():
        raise SettingsInvalid(
            f"The peppers file {settings.peppers_path} is missing: a key made without it would be none.",
            next_step="Put it back from the backup, or name it with GATEWAY_KEY_PEPPER_FILE. Where it is lost for good:"
            " `gateway key recover --lost-peppers` ends every key that was signed by it.",
        )


def _not_begun(settings: Settings) -> SettingsInvalid:
    where = "the database" if settings.database_url else f"{settings.data}"
    return SettingsInvalid(
        f"No gateway was ever started on {where}, so there is no key to recover.",
        next_step="Name the directory with --data or GATEWAY_DATA; a first `gateway serve` shows the first key.",
    )
