"""`make cluster`: everything comes up in any order, is entered at one place, and ends at ctrl-C."""

from collections.abc import Mapping
from functools import partial

import httpx
import pytest

from gateway.access.judges.policies import read_policy_set
from gateway.shipped import shipped
from tests.cluster.callers import ROOMY
from tests.fakes.cluster import ClusterHouse
from tests.fakes.gateway import until
from tests.journeys.releases import open_to_all
from tools.cluster.layout import HOST

INNER = ("/metrics", "/healthz", "/readyz", "/policies/bundle.tar.gz", "/policies/", "//policies/bundle.tar.gz")

IN_FORCE_S = 5.0
"""More than a busy machine needs: how soon it is, is measured by the heavy tests."""


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


def test_a_token_made_by_one_gateway_is_known_to_the_other_and_revoked_at_either(house: ClusterHouse) -> None:
    house.apply(open_to_all("cluster/robots", ROOMY))
    house.enter("robots")
    asked = {"organisation": "robots", "roles": ["developer"]}
    made = house.control("POST", "/clients", json=asked)
    client = (made["client"]["client"]["id"], made["client_secret"])
    one, other = house.processes
    house.follow()

    for makes, uses in ((one, other), (other, one)):
        given = httpx.post(f"{makes}/oauth/token", data={"grant_type": "client_credentials"}, auth=client).json()
        headers = {"authorization": f"Bearer {given['access_token']}"}
        keys = [httpx.get(f"{url}/.well-known/jwks.json").json() for url in house.processes]

        answer = httpx.post(f"{uses}/v1/chat/completions", json=say("cluster/robots"), headers=headers)
        revoked = httpx.post(f"{uses}/oauth/revoke", data={"token": given["access_token"]}, auth=client)

        assert (answer.status_code, revoked.status_code) == (200, 200)
        assert keys[0] == keys[1] and keys[0]["keys"]
        until(partial(refuses, makes, headers), IN_FORCE_S)


def refuses(url: str, headers: Mapping[str, str]) -> bool:
    return httpx.get(f"{url}/v1/models", headers=headers).status_code == 401


def say(model: str) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello."}]}


def metric(url: str, name: str) -> float:
    """The sum of a counter's samples."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))
