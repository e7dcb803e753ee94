"""The balancer passes over a gateway that stands still, and asks nobody a second time for what may have been begun.

Each takes a quarter of a minute: `make soak` has the time, and only it collects this.
"""

import signal
import time

import httpx
import pytest

from tests.cluster.callers import ROOMY
from tests.cluster.test_cluster import say
from tests.fakes.cluster import ClusterHouse, signal_all
from tests.fakes.gateway import until
from tests.fakes.upstreams import UpstreamProcess
from tests.journeys.releases import open_to_all

pytestmark = pytest.mark.soak

PROMPT_S = 5.0


def test_a_gateway_that_stands_still_is_passed_over_until_it_answers(house: ClusterHouse) -> None:
    servers = house.cluster.layout.folder / "nginx" / "gateways.conf"
    still = house.cluster.gateways[0]
    signal_all(still, signal.SIGSTOP)
    try:
        noticed_s = until(lambda: " down;" in servers.read_text(), 15)
        time.sleep(1.0)  # until nginx has read it
        answers = []
        for _ in range(10):
            with house.http("developer", timeout=PROMPT_S) as client:
                answers.append(client.post("/v1/chat/completions", json=say(house.models["api"])).status_code)
    finally:
        signal_all(still, signal.SIGCONT)
    until(lambda: " down;" not in servers.read_text(), 15)

    assert answers == [200] * 10
    assert noticed_s < 10
    house.await_ready()


def test_a_call_whose_gateway_dies_is_not_asked_of_the_other(house: ClusterHouse, paced: UpstreamProcess) -> None:
    house.apply(open_to_all("balance/once", ROOMY))
    dying, other = house.cluster.gateways
    other.stop()
    until(lambda: call(house).status_code == 200, 10)
    before = len(paced.seen)
    paced.kill_at_next_request(dying.pid or 0)
    other.start()  # it is back by the time that nginx could ask it
    answer = call(house)
    house.await_ready()
    seen = paced.seen[before:]

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "gateway_unreachable")
    assert "may have been begun" in answer.json()["error"]["message"]
    assert len(seen) == 1
    assert seen[0] in [entry["id"] for entry in house.entries(event="access:admitted", release="balance/once")]


def call(house: ClusterHouse) -> httpx.Response:
    with house.http("developer") as client:
        return client.post("/v1/chat/completions", json=say("balance/once"))
