"""Abuse 13: what several processes admit together is the limit, exactly, at the edge of a window and at its end."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.abuse.replicas import Replicas, replicas
from tests.fakes.gateway import until
from tests.fakes.postgresql import PostgreSQLServer

PROCESSES = 3
LIMIT = 40
BURST = 150
WINDOW_S = 60


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQLServer) -> Iterator[Replicas]:
    """Three gateway processes on one database."""
    with replicas(tmp_path_factory.mktemp("replicas"), postgresql_server, PROCESSES) as running:
        yield running


def limited(house: Replicas, name: str, conditions: str) -> str:
    """A release of its own under these conditions."""
    release = f"demo/{name}"
    house.first.apply(
        f"release: {release}\nserves: {{inference: {{upstream: fake, model: {name}}}}}\n"
        "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public],"
        f" conditions: {{{conditions}}}}}]\n"
    )
    house.follow()
    return release


async def burst(house: Replicas, release: str, count: int, **fields: Any) -> Counter[tuple[int, str]]:
    """So many calls at once, by turns through every process; how they were answered."""
    body = {"model": release, "messages": [{"role": "user", "content": "x"}], **fields}
    key = {"authorization": f"Bearer {house.first.keys['developer']}"}
    limits = httpx.Limits(max_connections=60)

    async with httpx.AsyncClient(headers=key, timeout=30, limits=limits) as client:

        async def call(number: int) -> tuple[int, str]:
            gateway = house.gateways[number % len(house.gateways)]
            answer = await client.post(f"{gateway.base_url}/v1/chat/completions", json=body)
            told = answer.json()
            return answer.status_code, told.get("error", {}).get("code", "")

        return Counter(await asyncio.gather(*(call(number) for number in range(count))))


def admitted(house: Replicas, release: str) -> list[dict[str, Any]]:
    """Entries of the calls that passed."""
    return house.first.entries(release=release, event="access:admitted")


def most_in_any_window(entries: list[dict[str, Any]]) -> int:
    """The most that any sixty seconds hold, by the ledger's own times."""
    at = sorted(datetime.fromisoformat(entry["at"]).timestamp() for entry in entries)
    return max(sum(1 for other in at if first <= other < first + WINDOW_S) for first in at)


async def test_a_burst_through_every_process_is_admitted_up_to_the_limit_and_no_further(house: Replicas) -> None:
    release = limited(house, "burst", f"requests_per_minute: {LIMIT}")
    before = len(house.upstream.seen)

    told = await burst(house, release, BURST)

    entries = admitted(house, release)
    assert told == {(200, ""): LIMIT, (429, "rate_limit_exceeded"): BURST - LIMIT}
    assert len(entries) == LIMIT == len(house.upstream.seen) - before
    assert len({entry["process"] for entry in house.first.entries(release=release)} - {""}) >= PROCESSES


async def test_a_window_that_turns_over_in_the_middle_of_bursts_never_holds_more(house: Replicas) -> None:
    release = limited(house, "edge", "requests_per_minute: 6")
    deadline = asyncio.get_running_loop().time() + 3.2

    while asyncio.get_running_loop().time() < deadline:  # over the edges of seconds, at several of them
        await burst(house, release, 12)

    entries = admitted(house, release)
    assert len(entries) == 6 == most_in_any_window(entries)


async def test_tokens_held_by_every_process_together_never_pass_the_limit(house: Replicas) -> None:
    release = limited(house, "tokens", "tokens_per_day: 6000")
    before = len(house.upstream.seen)

    told = await burst(house, release, 90, max_tokens=500)

    entries = admitted(house, release)
    until(lambda: len(house.first.entries(release=release, event="access:finished")) == len(entries), 10)
    me = house.first.control("GET", "/me", "developer")
    used = next(each["used"]["tokens_today"] for each in me["releases"] if each["release"] == release)
    assert set(told) <= {(200, ""), (429, "insufficient_quota")}
    assert 0 < told[200, ""] == len(entries) == len(house.upstream.seen) - before
    assert used == 10 * len(entries) <= 6000


async def test_a_process_killed_in_the_burst_gives_nothing_back(house: Replicas) -> None:
    release = limited(house, "killed", f"requests_per_minute: {LIMIT}")
    last = house.gateways[-1]

    async def through_the_others() -> Counter[tuple[int, str]]:
        await asyncio.sleep(0.05)
        last.kill()
        return await burst(Replicas(house.gateways[:-1], house.upstream), release, BURST)

    told, _ = await asyncio.gather(through_the_others(), burst(house, release, 30), return_exceptions=True)
    last.start()

    assert isinstance(told, Counter)
    assert len(admitted(house, release)) == LIMIT
    assert set(told) <= {(200, ""), (429, "rate_limit_exceeded")}
