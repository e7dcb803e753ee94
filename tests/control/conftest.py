"""What the tests of this door share."""

from collections.abc import AsyncIterator

import pytest

from gateway.database.engine import Database
from tests.fakes.premises import Premises, premises


@pytest.fixture
async def house(sqlite_database: Database) -> AsyncIterator[Premises]:
    """A gateway with organisations, releases and a key for each role."""
    async with premises(sqlite_database) as furnished:
        yield furnished
