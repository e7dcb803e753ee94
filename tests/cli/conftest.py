"""What the tests of the commands share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.postgresql import elsewhere
from tests.fakes.premises import furnished_once
from tests.fakes.terminal import Terminal, terminal


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> tuple[Path, dict[str, str]]:
    """A furnished gateway's folder, to be copied, and the tokens of its keys."""
    folder = tmp_path_factory.mktemp("furnished")
    shutil.copyfile(migrated_file, folder / "gateway.sqlite")
    return folder, elsewhere(furnished_once(folder))


@pytest.fixture
def shell(furnished: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Terminal]:
    """A terminal in front of a furnished gateway."""
    folder, tokens = furnished
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with terminal(tmp_path, tokens) as opened:
        yield opened
