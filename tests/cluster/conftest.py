"""One cluster for all that is asked of its parts, in front of an upstream that remembers."""

import os
from collections.abc import Iterator

import pytest

from tests.cluster.callers import ROOMY
from tests.fakes.cluster import ClusterHouse, cluster_house
from tests.fakes.upstreams import UpstreamProcess, upstream_process
from tests.faults.load import Load
from tests.journeys.releases import open_to_all

SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
"""Whether the heavy figures are run whole."""

collect_ignore = (
    []
    if SOAK
    else [
        "test_balance.py",
        "test_command.py",
        "test_held.py",
        "test_orders.py",
        "test_rollout.py",
        "test_taken_for_dead.py",
    ]
)


@pytest.fixture(scope="session")
def paced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpstreamProcess]:
    """Streams of half a second; a plain answer comes at once."""
    with upstream_process(tmp_path_factory.mktemp("paced"), interval_ms=10, chunks=50) as upstream:
        yield upstream


@pytest.fixture(scope="session")
def lengthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpstreamProcess]:
    """Streams that last longer than it takes a gateway to leave."""
    with upstream_process(tmp_path_factory.mktemp("lengthy"), interval_ms=20, chunks=500) as upstream:
        yield upstream


@pytest.fixture(scope="session")
def house(paced: UpstreamProcess, lengthy: UpstreamProcess) -> Iterator[ClusterHouse]:
    """The cluster."""
    with cluster_house({"paced": paced.url, "lengthy": lengthy.url}) as opened:
        yield opened


@pytest.fixture
def loaded(house: ClusterHouse) -> Iterator[ClusterHouse]:
    """The cluster with callers who go on calling, by whom nothing is noticed."""
    house.apply(open_to_all("force/load", ROOMY))
    with Load(house.base_url, house.keys["developer"], "force/load") as load:
        assert load.begun.wait(20)
        yield house
    assert load.broken == []
    assert {each.status for each in load.got} == {200}
