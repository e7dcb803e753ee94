"""What the tests of this door share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.premises import Premises, premises


@pytest.fixture
async def house(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Premises]:
    """A gateway with organisations, releases and a key for each role."""
    assert str(tmp_path) in sqlite_url, "the database lies in this very folder"
    async with premises(tmp_path) as furnished:
        yield furnished
