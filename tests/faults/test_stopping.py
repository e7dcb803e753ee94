"""Told to stop, the gateway lets answers end in their time, ends the others aloud, and records what each came to."""

import signal
import threading
from pathlib import Path

import httpx

from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.nursery import Nursery
from tests.fakes.upstreams import upstream_process
from tests.faults.record import Record
from tests.journeys.releases import open_to_all
from tests.journeys.streams import streaming


def test_what_cannot_end_in_time_is_told_so_and_recorded_with_every_byte_that_left(
    tmp_path: Path, nursery: Nursery
) -> None:
    with (
        upstream_process(tmp_path / "paced", interval_ms=20, chunks=1500) as paced,
        upstream_process(tmp_path / "brisk", interval_ms=20, chunks=30) as brisk,
    ):
        upstreams = {"paced": paced.url, "brisk": brisk.url}
        gateway = GatewayProcess(tmp_path, upstreams=upstreams, settings={"shutdown_s": "3"}, launch=nursery.launch)
        try:
            gateway.start()
            gateway.apply(open_to_all("fault/long", upstream="paced"))
            gateway.apply(open_to_all("fault/short", upstream="brisk"))
            with (
                streaming(gateway, "developer", "fault/long") as long,
                streaming(gateway, "developer", "fault/short") as short,
            ):
                reading = [threading.Thread(target=stream.read_on) for stream in (long, short)]
                for thread in reading:
                    thread.start()
                gateway.send(signal.SIGTERM)
                until(lambda: not listens(gateway), 2.0)
                for thread in reading:
                    thread.join(10)
            until(lambda: not gateway.is_running, 10.0)
        finally:
            gateway.kill()

    ended = {body["admitted"]: body for body in Record.on(gateway.data).ended}
    cut, whole = ended[long.request_id], ended[short.request_id]
    assert short.frames[-1] == "[DONE]" and whole["outcome"] == "complete"
    assert long.error["code"] == "gateway_stopping" and "[DONE]" not in long.frames
    assert (cut["outcome"], cut["reasons"]) == ("cut", ["gateway_stopping"])
    assert cut["bytes_out"] == sum(len(f"data: {frame}\n\n") for frame in long.frames)


def listens(gateway: GatewayProcess) -> bool:
    """Whether anybody can connect."""
    try:
        httpx.get(f"{gateway.base_url}/healthz", timeout=1)
    except httpx.ConnectError:
        return False
    return True


def test_a_stop_while_nothing_is_under_way_takes_no_time(tmp_path: Path, nursery: Nursery) -> None:
    gateway = GatewayProcess(tmp_path, launch=nursery.launch)
    try:
        gateway.start()
        gateway.send(signal.SIGTERM)

        until(lambda: not gateway.is_running, 2.0)
    finally:
        gateway.kill()

    assert "Application shutdown complete" in gateway.log
