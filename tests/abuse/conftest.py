"""What the tests of abuse share: one gateway for those that change nothing in it, and one of their own for the rest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.house import House, open_house
from tests.fakes.provider import FakeProvider, an_identity_provider


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway that many tests share: they may call it, and add to it, but take nothing away from it."""
    with open_house(tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    """A gateway for one test alone."""
    with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def providers() -> Iterator[tuple[FakeProvider, FakeProvider]]:
    """Two identity providers, that the tests of one file teach what to answer."""
    with an_identity_provider() as first, an_identity_provider() as second:
        yield first, second
