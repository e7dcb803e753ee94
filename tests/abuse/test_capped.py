"""Fifty organisations that race for seven places at two processes, and processes that die between place and call."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.abuse.replicas import Replicas, replicas
from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.postgresql import PostgreSQLServer

CAP = 7
ORGANISATIONS = 50
RELEASE = "demo/capped"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQLServer) -> Iterator[Replicas]:
    """Two gateway processes on one database."""
    with replicas(tmp_path_factory.mktemp("replicas"), postgresql_server, 2) as running:
        yield running


def capped(cap: int, name: str = "capped") -> str:
    return (
        f"release: demo/{name}\nserves: {{inference: {{upstream: fake, model: {name}}}}}\n"
        f"stages: [{{name: preview, opens: 2026-01-05T00:00:00Z, access: api, to: [public], cap: {cap}}}]\n"
    )


def call(gateway: GatewayProcess, key: str, release: str = RELEASE) -> tuple[int, str]:
    """Status and code of a call, tried again where the gateway was too busy to record it."""
    body = {"model": release, "messages": [{"role": "user", "content": "x"}]}
    with gateway.http(key) as client:
        for _ in range(20):
            answer = client.post("/v1/chat/completions", json=body)
            if answer.status_code != 503:
                break
            time.sleep(0.2)
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def line(gateway: GatewayProcess, release: str = RELEASE) -> list[str]:
    """Who stands in line, in order."""
    path = f"/releases/{release}/lines/preview/places?limit=200"
    return [place["organisation"] for place in gateway.control("GET", path)["places"] if place["stands_at"]]


def test_fifty_who_race_for_seven_places_get_seven_and_the_rest_are_let_in_in_order(house: Replicas) -> None:
    house.first.apply(capped(CAP))
    keys = {f"org-{number}": house.first.enter(f"org-{number}")[1] for number in range(ORGANISATIONS)}
    house.follow()
    asked = [(random.choice(house.gateways), name) for name in keys]

    with ThreadPoolExecutor(16) as threads:
        told = list(threads.map(lambda each: call(each[0], keys[each[1]]), asked))
    house.follow()

    admitted = {name for (_, name), (status, _) in zip(asked, told, strict=True) if status == 200}
    standing = line(house.first)
    assert admitted == set(standing[:CAP]) and len(admitted) == CAP
    assert sorted(standing) == sorted(keys)
    assert {code for status, code in told if status != 200} == {"stage_full"}

    house.first.apply(capped(CAP + 3))
    house.follow()
    nearest = standing[: CAP + 6]
    raised = {name for name in nearest if call(random.choice(house.gateways), keys[name])[0] == 200}
    assert raised == set(standing[: CAP + 3])

    entries = house.first.entries(release=RELEASE)
    in_order = [entry["body"]["organisation"] for entry in entries if entry["event"].startswith("place:")]
    assert in_order == standing, "the record tells the line"


def test_a_process_that_dies_while_places_are_taken_loses_none_and_gives_none_twice(house: Replicas) -> None:
    release = "demo/mortal"
    house.first.apply(capped(5, "mortal"))
    keys = {f"late-{number}": house.first.enter(f"late-{number}")[1] for number in range(12)}
    house.follow()
    mortal = house.gateways[1]

    def ask(name: str) -> int:
        try:
            return call(mortal, keys[name], release)[0]
        except httpx.HTTPError:
            return 0

    with ThreadPoolExecutor(12) as threads:
        racing = [threads.submit(ask, name) for name in keys]
        until(lambda: bool(line(house.first, release)), 10)
        mortal.kill()
        told = dict(zip(keys, [each.result() for each in racing], strict=True))
    before = line(house.first, release)
    after = {name: call(house.first, keys[name], release)[0] for name in [*before, *keys]}
    mortal.start()

    standing = line(house.first, release)
    assert standing[: len(before)] == before, "who took a place before the end finds it"
    assert sorted(standing) == sorted(keys)
    assert {name for name, status in told.items() if status == 200} <= set(standing[:5])
    assert {name for name, status in after.items() if status == 200} == set(standing[:5])
