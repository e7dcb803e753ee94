"""What the tests of this door share."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.postgresql import elsewhere
from tests.fakes.premises import Premises, furnished_once, premises


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> tuple[Path, dict[str, str]]:
    """A furnished gateway's folder, to be copied, and the tokens of its keys."""
    folder = tmp_path_factory.mktemp("furnished")
    shutil.copyfile(migrated_file, folder / "gateway.sqlite")
    return folder, elsewhere(furnished_once(folder))


@pytest.fixture
async def house(furnished: tuple[Path, dict[str, str]], tmp_path: Path) -> AsyncIterator[Premises]:
    """A gateway with organisations, releases and a key for each role."""
    folder, tokens = furnished
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    async with premises(tmp_path, tokens) as opened:
        yield opened
