"""The schema as the stores declare it."""

import contextlib
import importlib

from gateway.database.engine import open_database
from gateway.database.naming import metadata

STORES = ("gateway.ledger.store", "gateway.identity.store", "gateway.releases.store", "gateway.access.store")


def declare_tables() -> None:
    """Import every store, so that its tables stand in the metadata."""
    for store in STORES:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(store)


async def create_schema(url: str) -> None:
    """Make every declared table in an empty database."""
    declare_tables()
    database = open_database(url)
    try:
        await database.write(metadata.create_all)
    finally:
        await database.close()
