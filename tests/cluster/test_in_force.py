"""What the provider takes away is gone at both gateways within a second, under load; limits are one, whoever races."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from tests.cluster.callers import ROOMY, call
from tests.cluster.conftest import SOAK
from tests.fakes.cluster import ClusterHouse
from tests.faults.percentiles import p99, spread
from tests.faults.report import write_report
from tests.journeys.releases import open_to_all

TIMES = 100 if SOAK else 4
P99_S = 1.0
WORST_S = 5.0
CLIENTS = 10
MINUTE_S = 60.0
LIMITS = (1, 7, 60) if SOAK else (7,)


def late_s(house: ClusterHouse, token: str, model: str, take_away: Callable[[], object]) -> float:
    """How long after it was taken away the last gateway still admitted."""
    asked = {"model": model, "messages": [{"role": "user", "content": "Still?"}], "max_tokens": 5}

    def refused_at(url: str) -> float:
        with httpx.Client(headers={"authorization": f"Bearer {token}"}, timeout=10) as client:
            assert client.post(f"{url}/v1/chat/completions", json=asked).status_code == 200
            ready.append(url)
            until = time.monotonic() + 20
            while time.monotonic() < until:
                if client.post(f"{url}/v1/chat/completions", json=asked).status_code in {401, 403, 404}:
                    return time.monotonic()
                time.sleep(0.01)
        raise AssertionError(f"{url} goes on admitting")

    ready: list[str] = []
    with ThreadPoolExecutor(len(house.processes)) as watchers:
        watching = [watchers.submit(refused_at, url) for url in house.processes]
        while len(ready) < len(house.processes) and not any(each.done() for each in watching):
            time.sleep(0.01)
        take_away()
        taken_at = time.monotonic()
        return max(0.0, max(each.result() for each in watching) - taken_at)


@pytest.mark.soak
def test_a_revocation_and_a_suspension_are_in_force_at_both_gateways_within_a_second(loaded: ClusterHouse) -> None:
    loaded.apply(open_to_all("force/keys", ROOMY))
    lost, drill = {"json": {"cause": "lost"}}, {"json": {"verb": "suspend", "cause": "drill"}}
    revoked, suspended = [], []
    for turn in range(TIMES):
        key, token = loaded.enter("taken")
        revoke = partial(loaded.control, "POST", f"/keys/{key}/revoke", **lost)
        revoked.append(late_s(loaded, token, "force/keys", revoke))
        name = f"force/suspended-{turn}"
        loaded.apply(open_to_all(name, ROOMY))
        suspend = partial(loaded.control, "POST", f"/releases/{name}/narrowings", **drill)
        suspended.append(late_s(loaded, loaded.keys["developer"], name, suspend))

    assert max(revoked + suspended) <= WORST_S
    if SOAK:
        assert p99(revoked) <= P99_S and p99(suspended) <= P99_S
        figures = {"key revoked": spread(revoked), "release suspended": spread(suspended)}
        write_report("in force at both gateways of a cluster under load", figures)


@pytest.mark.soak
def test_limits_are_exact_with_ten_clients_racing_over_both_gateways(loaded: ClusterHouse) -> None:
    figures = {}
    for limit in LIMITS:
        asked, answers = raced(loaded, f"force/limit-{limit}", limit)
        assert answers == {200: limit, 429: asked - limit}
        assert len(loaded.entries(event="access:admitted", release=f"force/limit-{limit}")) == limit
        figures[f"{limit} a minute"] = (
            f"{asked} calls of {CLIENTS} clients, {limit} admitted and recorded, the rest 429"
        )
    if SOAK:
        write_report("limits raced over both gateways of a cluster under load", figures)


def raced(house: ClusterHouse, name: str, limit: int) -> tuple[int, Counter[int]]:
    """How many calls were made of a release by all clients at once, by either gateway and by the balancer, and what
    they were answered."""
    house.apply(open_to_all(name, f"requests_per_minute: {limit}, tokens_per_day: 1000000000"))
    _, token = house.enter(f"racers-{limit}")
    urls = (house.base_url, *house.processes)
    tries = 3 + limit // 4

    def race(client: int) -> list[int]:
        return [call(house, urls[client % len(urls)], name, token) for _ in range(tries)]

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = Counter(status for told in clients.map(race, range(CLIENTS)) for status in told)
    assert time.monotonic() - began < MINUTE_S, "what the race began with is free again: it proves nothing"
    return CLIENTS * tries, answers
