"""What the tests of faults share: a nursery of gateways, so that starting one often costs little."""

import os
from collections.abc import Iterator

import pytest

from tests.fakes.nursery import Nursery

SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
"""Whether the heavy figures are run whole."""

collect_ignore = [] if SOAK else ["test_kill_among_others.py"]


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """A process that has imported everything and forks."""
    mother = Nursery()
    yield mother
    mother.close()
