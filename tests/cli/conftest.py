"""What the tests of the commands share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.terminal import Terminal, terminal


@pytest.fixture
def shell(sqlite_url: str, tmp_path: Path) -> Iterator[Terminal]:
    """A terminal in front of a furnished gateway."""
    assert str(tmp_path) in sqlite_url, "the database lies in this very folder"
    with terminal(tmp_path) as opened:
        yield opened
