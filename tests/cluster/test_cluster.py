"""`make cluster`: everything comes up in any order, is entered at one place, and ends at ctrl-C."""

import httpx
import pytest

from gateway.access.judges.policies import read_policy_set
from gateway.shipped import shipped
from tests.fakes.cluster import ClusterHouse
from tools.cluster.layout import HOST

INNER = ("/metrics", "/healthz", "/readyz", "/policies/bundle.tar.gz", "/policies/", "//policies/bundle.tar.gz")


def test_callers_are_served_by_both_gateways_and_judged_by_one_opa(house: ClusterHouse) -> None:
    with house.http("developer") as client:
        for _ in range(8):
            assert client.post("/v1/chat/completions", json=say(house.models["api"])).status_code == 200

    processes = {entry["id"].split("-")[0] for entry in house.entries(event="gateway:started")}
    counted = [metric(url, "gateway_calls_total") for url in house.processes]
    asked = httpx.post(f"http://{HOST}:{house.cluster.layout.ports.opa}/v1/data/access?provenance=true", json={})
    assert all(count > 0 for count in counted), counted
    assert len(processes) >= 2
    bundles = asked.json()["provenance"]["bundles"]
    assert bundles["access"]["revision"] == read_policy_set(shipped("policies")).digest


@pytest.mark.parametrize("path", INNER)
def test_what_is_not_for_callers_cannot_be_reached_by_the_balancer(house: ClusterHouse, path: str) -> None:
    token = house.cluster.layout.bundle_token.read_text().strip()

    answer = httpx.get(f"{house.base_url}{path}", headers={"authorization": f"Bearer {token}"})

    assert answer.status_code == 404


def say(model: str) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello."}]}


def metric(url: str, name: str) -> float:
    """The sum of a counter's samples."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))
