"""Stages that wait, over several processes: approved once by each person, opened once, and then open everywhere."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.abuse.replicas import Replicas, replicas
from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.postgresql import PostgreSQLServer

PROCESSES = 2
RELEASES = 5
OPEN_WITHIN_S = 5.0
"""A look a second, a commit, and the feed; the rest is for a busy machine."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQLServer) -> Iterator[Replicas]:
    """Two gateway processes on one database."""
    with replicas(tmp_path_factory.mktemp("replicas"), postgresql_server, PROCESSES) as running:
        yield running


def gated(house: Replicas, name: str) -> str:
    """A release whose only stage waits for two people."""
    release = f"demo/{name}"
    house.first.apply(
        f"release: {release}\nserves: {{inference: {{upstream: fake, model: {name}}}}}\n"
        "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public],"
        " opens_when: [{approvals: 2}]}]\n"
    )
    return release


def approve(gateway: GatewayProcess, release: str, key: str) -> tuple[int, str]:
    """One approval at one process; its status and code."""
    with gateway.http(key) as client:
        answer = client.post(f"/control/releases/{release}/stages/general/approve", json={})
    return answer.status_code, answer.json().get("code", "")


def call(gateway: GatewayProcess, release: str) -> int:
    """Status of a call."""
    with gateway.http("developer") as client:
        body = {"model": release, "messages": [{"role": "user", "content": "x"}]}
        return client.post("/v1/chat/completions", json=body).status_code


def test_approvals_that_race_count_once_a_person_and_open_each_stage_once_for_every_process(house: Replicas) -> None:
    releases = [gated(house, f"gated-{number}") for number in range(RELEASES)]
    house.follow()
    people = [house.first.enter("provider", "approver")[1] for _ in range(2)]
    asked = [
        (gateway, release, key)
        for release in releases
        for key in people
        for gateway in house.gateways
        for _ in range(3)
    ]
    shut = {call(gateway, release) for gateway in house.gateways for release in releases}

    with ThreadPoolExecutor(12) as threads:
        told = Counter(threads.map(lambda each: approve(*each), asked))
    agreed = time.monotonic()
    until(lambda: all(call(g, release) == 200 for g in house.gateways for release in releases), OPEN_WITHIN_S)

    assert shut == {403}
    assert time.monotonic() - agreed < OPEN_WITHIN_S
    assert told[200, ""] == RELEASES * len(people)
    assert {code for status, code in told if status != 200} <= {"approved_already", "change_contended", "conflict"}
    assert sum(told.values()) == len(asked)
    for release in releases:
        events = Counter(entry["event"] for entry in house.first.entries(release=release))
        assert (events["approval:given"], events["stage:opened"]) == (2, 1)


def test_a_wrong_role_an_author_and_a_stranger_approve_nothing_at_any_process(house: Replicas) -> None:
    release = gated(house, "gated-refused")
    house.follow()
    author = house.first.enter("provider", "provider", "approver")[1]
    changed = (
        f"release: {release}\nserves: {{inference: {{upstream: fake, model: other}}}}\n"
        "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public],"
        " opens_when: [{approvals: 1}]}]\n"
    )
    house.first.control("POST", "/releases", author, json={"file": changed})
    house.follow()

    for gateway in house.gateways:
        assert approve(gateway, release, author) == (409, "self_approved")
        for who in ("developer", "analyst", "auditor", "staff"):
            assert approve(gateway, release, who) == (403, "role_required")
        assert approve(gateway, release, "rsg_pro_nobody") == (401, "invalid_api_key")
    time.sleep(2.5)
    assert {call(gateway, release) for gateway in house.gateways} == {403}
    assert house.first.entries(release=release, event="approval:given") == []
