"""A gateway that stood still until the others took it for dead: it ends by itself, and started anew it serves.

It is really stopped (SIGSTOP), and what takes it for dead is what every gateway runs; only the watcher's clock is
ours, so that half a minute of silence passes in a moment.
"""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.access.limits import take_limits
from gateway.access.recording import closed_after_crash
from gateway.clock import SECOND
from gateway.database.engine import open_database
from gateway.ledger.recovery import DEAD_AFTER, Recovery
from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.postgresql import PostgreSQLServer, elsewhere
from tests.fakes.upstreams import UpstreamProcess, upstream_process
from tests.faults.record import Record
from tests.journeys.releases import open_to_all
from tests.journeys.streams import streaming
from tests.ledger.builders import FakeClock, a_ledger

MODEL = "fault/still"
START_AGAIN = 75
ENDED_MAX_S = 30.0
STEP = 10 * SECOND


@pytest.fixture
def url(postgresql_server: PostgreSQLServer) -> Iterator[str]:
    name = postgresql_server.new_database()
    yield postgresql_server.url(name)
    postgresql_server.drop_database(name)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[UpstreamProcess]:
    with upstream_process(tmp_path / "upstream", interval_ms=20, chunks=3000) as paced:
        yield paced


def test_a_gateway_that_was_taken_for_dead_ends_and_serves_again_once_it_is_started(
    tmp_path: Path, url: str, upstream: UpstreamProcess
) -> None:
    settings = {"database_url": url, "drain_s": "120"}
    gateway = GatewayProcess(tmp_path / "still", upstreams={"paced": upstream.url}, settings=settings)
    try:
        gateway.start()
        gateway.apply(open_to_all(MODEL))
        with streaming(gateway, gateway.keys["developer"], MODEL) as stream:
            reading = threading.Thread(target=stream.read_on)
            reading.start()
            until(lambda: upstream.seen != [], 10)
            gateway.send(signal.SIGSTOP)
            assert elsewhere(_take_for_dead(url)) == 1
            gateway.send(signal.SIGCONT)
            until(lambda: not gateway.is_running, ENDED_MAX_S, lambda: "it neither serves nor ends")  # drains nobody
            reading.join(10)

        assert not reading.is_alive()
        assert stream.error["code"] in {"ledger_unavailable", "snapshot_stale"}  # whichever it noticed first
        assert gateway.stop() == START_AGAIN
        assert "took it for dead" in gateway.log and "Start it again" in gateway.log

        gateway.start()
        assert _call(gateway).status_code == 200
        until(lambda: _mistakes(url, upstream) == [], 10, lambda: str(_mistakes(url, upstream)))
    finally:
        gateway.kill()


def _mistakes(url: str, upstream: UpstreamProcess) -> list[str]:
    return Record.in_database(url).mistakes(upstream.seen, [])


def _call(gateway: GatewayProcess) -> httpx.Response:
    asked = {"model": gateway.models["api"], "messages": [{"role": "user", "content": "Well?"}]}
    with gateway.http("developer") as client:
        return client.post("/v1/chat/completions", json=asked)


async def _take_for_dead(url: str) -> int:
    """What another gateway does that hears nothing for half a minute; how many calls it closed."""
    database = open_database(url)
    try:
        recovery = Recovery(a_ledger(database, FakeClock(time.time_ns() // 1000)), take_limits, closed_after_crash)
        closed = 0
        for elapsed in range(0, DEAD_AFTER + STEP, STEP):
            closed += await recovery.run(elapsed, alone=False)
        return closed
    finally:
        await database.close()
