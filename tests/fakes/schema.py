"""The schema as the stores declare it."""

import contextlib
import importlib

from gateway.database.engine import open_database
from gateway.database.naming import metadata

STORES = ("gateway.ledger.store", "gateway.identity.store", "gateway.releases.store", "gateway.access.store")


async def create_schema(url: str) -> None:
    """Make every declared table in an empty database."""
    for store in STORES:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(store)
    database = open_database(url)
    try:
        await database.write(metadata.create_all)
    finally:
        await database.close()
