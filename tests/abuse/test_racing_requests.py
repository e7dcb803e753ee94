"""Requests for access raced over two processes: one request, one grant, whoever comes first at whichever process."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest

from tests.abuse.replicas import Replicas, replicas
from tests.fakes.postgresql import PostgreSQLServer
from tests.fakes.requests import ANSWERS, GATED, asking_release

PROCESSES = 2
AT_ONCE = 8
"""Requests of one kind that set out together, by turns to both processes."""
ROUNDS = 2
NUMBERS = count(1)

Answer = tuple[int, str]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQLServer) -> Iterator[Replicas]:
    """Two gateway processes on one database, and two approvers."""
    with replicas(tmp_path_factory.mktemp("replicas"), postgresql_server, PROCESSES) as running:
        _, running.first.keys["second"] = running.first.enter("provider", "approver")
        yield running


def together(house: Replicas, *asked: tuple[str, dict[str, Any] | None, str]) -> list[Answer]:
    """Posts (path, body, whose key) all at once, by turns to each process; status and code or state of each."""

    async def run() -> list[Answer]:
        async with httpx.AsyncClient(timeout=30) as client:

            async def one(number: int, path: str, body: dict[str, Any] | None, who: str) -> Answer:
                gateway = house.gateways[number % len(house.gateways)]
                answer = await client.post(
                    f"{gateway.base_url}/control/requests{path}",
                    headers={"authorization": f"Bearer {house.first.keys[who]}"},
                    json=body,
                )
                told = answer.json()
                return answer.status_code, told.get("code") or told["state"]

            return await asyncio.gather(*(one(number, *each) for number, each in enumerate(asked)))

    return asyncio.run(run())


def gated(house: Replicas, more: str = "") -> str:
    """A release of its own that takes requests."""
    release = f"race/gated-{next(NUMBERS)}"
    house.first.apply(asking_release(more).replace(GATED, release).replace("upstream: simulated", "upstream: fake"))
    house.follow()
    return release


def asked(house: Replicas, release: str) -> tuple[str, dict[str, Any]]:
    """A request that is pending: where it is approved, and with what."""
    body = {"release": release, "answers": ANSWERS}
    request = house.first.control("POST", "/requests", "developer", json=body)["id"]
    seen = house.first.control("GET", f"/requests/{request}", "approver")["commitment"]
    return f"/{request}/approve", {"commitment": seen}


def grants(house: Replicas, release: str) -> list[str]:
    return [each["state"] for each in house.first.control("GET", f"/grants?release={release}", "auditor")["grants"]]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_many_who_ask_for_one_organisation_at_once_one_request_comes_about(house: Replicas, _round: int) -> None:
    body = {"release": gated(house), "answers": ANSWERS}

    answers = Counter(together(house, *[("", body, "developer")] * AT_ONCE))

    assert answers == {(201, "pending_review"): 1, (409, "already_asked"): AT_ONCE - 1}


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_two_approvers_at_both_processes_give_exactly_one_grant(house: Replicas, _round: int) -> None:
    release = gated(house)
    path, body = asked(house, release)

    answers = Counter(
        together(house, *[(path, body, who) for who in ("approver", "second") for _ in range(AT_ONCE // 2)])
    )

    assert answers == {(200, "granted"): 1, (409, "act_not_possible"): AT_ONCE - 1}
    assert grants(house, release) == ["active"]
    events = [entry["event"] for entry in house.first.entries(release=release) if entry["event"] == "grant:given"]
    assert len(events) == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_where_two_must_approve_one_person_at_both_processes_is_one(house: Replicas, _round: int) -> None:
    release = gated(house, "second_approval: true")
    path, body = asked(house, release)

    alone = Counter(together(house, *[(path, body, "approver")] * AT_ONCE))
    between = grants(house, release)
    both = Counter(together(house, *[(path, body, "second")] * AT_ONCE))

    assert alone == {(200, "awaiting_second_approval"): 1, (409, "reviewed_already"): AT_ONCE - 1}
    assert between == []
    assert both == {(200, "granted"): 1, (409, "act_not_possible"): AT_ONCE - 1}
    assert grants(house, release) == ["active"]
