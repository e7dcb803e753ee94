"""The order in which the parts of a cluster start does not matter, and what it had it has again.

Each takes a quarter of a minute: `make soak` has the time, and only it collects this.
"""

import pytest

from tests.cluster.test_cluster import say
from tests.fakes.cluster import ClusterHouse
from tests.fakes.gateway import until

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("order", ["callers' side first", "database first", "a part at a time, the database last"])
def test_the_order_in_which_parts_start_does_not_matter(house: ClusterHouse, order: str) -> None:
    cluster = house.cluster
    parts = list(cluster.parts)
    for part in parts:
        part.stop()
    for part in parts[::-1] if order == "database first" else parts:
        part.start()
        if order.startswith("a part"):
            until(lambda part=part: part.pid is not None, 10)
    house.await_ready()

    with house.http("developer") as client:
        assert client.post("/v1/chat/completions", json=say(house.models["api"])).status_code == 200


def test_a_cluster_that_was_stopped_begins_again_with_what_it_had(house: ClusterHouse) -> None:
    before = house.entries(limit=200)
    for part in house.cluster.parts:
        part.stop()
    for part in house.cluster.parts:
        part.start()
    house.await_ready()

    assert house.entries(limit=200)[: len(before)] == before


def test_where_no_gateway_can_be_reached_callers_are_told_so_in_a_shape_they_read(house: ClusterHouse) -> None:
    for part in house.cluster.gateways:
        part.stop()
    try:
        with house.http("developer") as client:
            told = client.post("/v1/chat/completions", json=say(house.models["api"]))
    finally:
        for part in house.cluster.gateways:
            part.start()
        house.await_ready()

    assert (told.status_code, told.headers["retry-after"]) == (503, "1")
    assert told.json()["error"]["code"] == "gateway_unreachable"
