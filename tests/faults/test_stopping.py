"""Told to stop, the gateway lets answers end in their time, ends the others aloud, and records what each came to."""

import json
import signal
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

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


def test_while_it_drains_it_says_so_answers_whoever_asks_and_tells_them_to_go_elsewhere(
    tmp_path: Path, nursery: Nursery
) -> None:
    gateway = GatewayProcess(tmp_path, settings={"drain_s": "2", "shutdown_s": "3"}, launch=nursery.launch)
    try:
        gateway.start()
        with gateway.http("developer") as idle, gateway.http("developer") as other:
            before = [client.get("/v1/models") for client in (idle, other)]
            gateway.send(signal.SIGTERM)
            began = time.monotonic()
            until(lambda: not gateway.is_ready(), 1.0)
            told = httpx.get(f"{gateway.base_url}/readyz")
            during = [other.post(CHAT, json=say(gateway)), other.post(CHAT, json=say(gateway)), idle.get("/v1/models")]
            until(lambda: not listens(gateway), 5.0)
            drained_s = time.monotonic() - began
        until(lambda: not gateway.is_running, 5.0)
    finally:
        gateway.kill()

    assert [answer.headers.get("connection") for answer in before] == [None, None]
    assert (told.status_code, told.json()["status"]) == (503, "stopping") and all(told.json()["parts"].values())
    assert [answer.status_code for answer in during] == [200, 200, 200]
    assert [answer.headers.get("connection") for answer in during] == ["close"] * 3
    assert drained_s >= 2.0


@pytest.mark.parametrize("drain_s", [1, 3])
def test_a_stream_that_began_before_ends_whole_and_its_client_may_ask_once_more(
    tmp_path: Path, nursery: Nursery, drain_s: int
) -> None:
    """Whether the stream ends while the gateway drains or after: its head did not say that it was to be the last."""
    with upstream_process(tmp_path / "brisk", interval_ms=20, chunks=100) as brisk:
        settings = {"drain_s": str(drain_s), "shutdown_s": "9"}
        gateway = GatewayProcess(tmp_path, upstreams={"brisk": brisk.url}, settings=settings, launch=nursery.launch)
        try:
            gateway.start()
            gateway.apply(open_to_all("fault/short", upstream="brisk"))
            with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
                client.sendall(request(gateway, say(gateway) | {"model": "fault/short", "stream": True}))
                streamed = client.recv(65536)
                gateway.send(signal.SIGTERM)
                while not streamed.endswith(b"\r\n0\r\n\r\n"):
                    streamed += client.recv(65536)
                listened = listens(gateway)
                client.sendall(request(gateway, say(gateway)))
                again = b"".join(iter(lambda: client.recv(65536), b""))
            until(lambda: not gateway.is_running, 10.0)
        finally:
            gateway.kill()

    assert streamed.startswith(b"HTTP/1.1 200") and b"data: [DONE]\n\n" in streamed
    assert again.startswith(b"HTTP/1.1 200") and b"connection: close" in again
    assert listened == (drain_s == 3)


CHAT = "/v1/chat/completions"


def say(gateway: GatewayProcess) -> dict[str, object]:
    return {"model": gateway.models["api"], "messages": [{"role": "user", "content": "Hello."}]}


def request(gateway: GatewayProcess, body: dict[str, object]) -> bytes:
    sent = json.dumps(body).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {gateway.keys['developer']}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(sent)}\r\n\r\n".encode() + sent


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
