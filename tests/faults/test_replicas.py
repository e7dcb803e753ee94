"""Two gateways on one database: one limit, one revocation, and no trust in a process that has slept."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.nursery import Nursery
from tests.fakes.postgresql import PostgreSQLServer
from tests.fakes.upstreams import UpstreamProcess, upstream_process
from tests.journeys.releases import open_to_all
from tests.journeys.streams import streaming

MODEL = "fault/shared"
LATE_S = 1.0
SLEEP_S = 7.0

Pair = tuple[GatewayProcess, GatewayProcess, UpstreamProcess]


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, postgresql_server: PostgreSQLServer
) -> Iterator[Pair]:
    """Two processes that share a database, the peppers and the signing key."""
    folder, name = tmp_path_factory.mktemp("replicas"), postgresql_server.new_database()
    settings = {"database_url": postgresql_server.url(name)}
    with upstream_process(folder / "upstream", interval_ms=20, chunks=1500) as upstream:
        one, other = (
            GatewayProcess(folder / each, upstreams={"paced": upstream.url}, settings=settings, launch=nursery.launch)
            for each in ("one", "other")
        )
        other.data = one.data
        try:
            one.start()
            other.start()
            one.apply(open_to_all(MODEL))
            other.follow()
            yield one, other, upstream
        finally:
            one.kill()
            other.kill()
    postgresql_server.drop_database(name)


def call(client: httpx.Client, model: str = MODEL) -> httpx.Response:
    return client.post(
        "/v1/chat/completions", json={"model": model, "messages": [{"role": "user", "content": "Me too."}]}
    )


def test_a_limit_is_one_limit_however_many_processes_serve(pair: Pair) -> None:
    one, other, _ = pair
    one.apply(open_to_all("fault/limited", "requests_per_minute: 20"))
    other.follow()

    def race(turn: int) -> list[int]:
        with (one, other)[turn % 2].http("developer") as client:
            return [call(client, "fault/limited").status_code for _ in range(6)]

    with ThreadPoolExecutor(8) as racers:
        answers = Counter(status for statuses in racers.map(race, range(8)) for status in statuses)

    assert answers == {200: 20, 429: 28}


def test_a_key_revoked_through_one_process_ends_in_the_other_within_a_second(pair: Pair) -> None:
    one, other, _ = pair
    key, token = one.enter("everywhere")
    other.follow()

    with streaming(other, token, MODEL) as stream, other.http(token) as client:
        reading = threading.Thread(target=stream.read_on)
        reading.start()
        before = call(client).status_code
        one.control("POST", f"/keys/{key}/revoke", json={"cause": "leaked"})
        revoked_at = time.time()
        until(lambda: call(client).status_code == 401, LATE_S)
        reading.join(10)

    assert before == 200
    assert stream.ended_at - revoked_at <= LATE_S
    assert stream.error["code"] == "key_revoked"


def test_a_process_that_slept_admits_nothing_on_what_it_knew_before(pair: Pair) -> None:
    one, other, upstream = pair
    key, token = one.enter("sleeper")
    with other.http(token) as client:
        assert call(client).status_code == 200
    seen = len(upstream.seen)

    other.send(signal.SIGSTOP)
    with ThreadPoolExecutor(6) as callers:
        waiting = [callers.submit(call_alone, other, token) for _ in range(6)]
        began = time.monotonic()
        one.control("POST", f"/keys/{key}/revoke", json={"cause": "leaked"})
        time.sleep(SLEEP_S - (time.monotonic() - began))
        other.send(signal.SIGCONT)
        told = [answer.result() for answer in waiting]

    admitted = one.entries(event="access:admitted", key=key)
    assert {answer.status_code for answer in told} <= {401, 503}
    assert len(upstream.seen) == seen
    assert len(admitted) == 1, "only the call before it slept"
    until(other.is_ready, 5)
    with other.http("developer") as client:
        assert call(client).status_code == 200


def call_alone(gateway: GatewayProcess, token: str) -> httpx.Response:
    """A call on a connection of its own."""
    with gateway.http(token) as client:
        return call(client)
