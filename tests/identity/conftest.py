"""What the tests of identity share."""

import pytest_asyncio

from gateway.database.engine import Database
from tests.fakes.installation import Installation, begun


@pytest_asyncio.fixture
async def installation(sqlite_database: Database) -> Installation:
    """An installation just begun, with the organisations `acme` and `bolt`."""
    return await begun(sqlite_database)
