"""Plain answers to clients that read slowly, not at all, or have left: what is held for them, recorded and charged."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.inference import delivery
from tests.abuse.logs import captured_logs
from tests.fakes.house import House, eventually, open_house
from tests.fakes.upstream import Seen, send_json

EMBEDDINGS = "/v1/embeddings"
TEXT = "x" * (12 << 20)
"""More than the buffers of a system's sockets take."""
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@pytest.fixture
def lavish(tmp_path: Path) -> Iterator[House]:
    """A gateway before a server whose plain answers are very long."""

    async def answer(_seen: Seen, writer: Any) -> bool:
        await send_json(writer, {"object": "list", "data": [{"embedding": TEXT}], "usage": USAGE})
        return True

    with open_house(tmp_path) as house:
        house.apply(
            "release: demo/lavish\nserves: {inference: {upstream: simulated, model: x}}\n"
            "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public],"
            " offers: [inference.text, inference.embeddings]}]\n"
        )
        house.upstream.answer = answer
        yield house


def asking(house: House) -> socket.socket:
    """A connection on which an answer has been asked for, with little room for it."""
    body = json.dumps({"model": "demo/lavish", "input": "x"}).encode()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", house.port))
    head = f"POST {EMBEDDINGS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {house.tokens['developer']}\r\n"
    connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def rest_of(connection: socket.socket) -> int:
    """How many bytes there still are to read."""
    total = 0
    try:
        while piece := connection.recv(1 << 20):
            total += len(piece)
    except ConnectionResetError:
        pass
    return total


def ended(house: House) -> dict[str, Any]:
    """How the one call ended, once it has."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = house.entries(release="demo/lavish", event="access:finished")
        return bool(found)

    eventually(is_there)
    body: dict[str, Any] = found[0]["body"]
    return body


def test_a_long_answer_arrives_whole_at_a_client_that_reads_it(lavish: House) -> None:
    answer = lavish.ask("POST", EMBEDDINGS, "developer", json={"model": "demo/lavish", "input": "x"})

    end = ended(lavish)
    assert answer.json()["data"] == [{"embedding": TEXT}]
    assert (end["outcome"], end["bytes_out"]) == ("complete", len(answer.content))


def test_a_client_that_takes_nothing_is_given_up_and_its_call_is_not_recorded_as_delivered(
    lavish: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "STALL_S", 0.3)
    with captured_logs() as logs, closing(asking(lavish)) as connection:
        end = ended(lavish)
        arrived = rest_of(connection)

    assert (end["outcome"], end["status"]) == ("client_gone", 200)
    assert end["bytes_out"] < len(TEXT)
    assert arrived < len(TEXT)
    assert (end["usage_basis"], end["tokens_in"], end["tokens_out"]) == ("reported", 7, 3)
    assert "without completing" not in logs.getvalue()


def test_an_answer_that_is_not_taken_is_cut_when_the_access_ends(lavish: House) -> None:
    key = lavish.ask("GET", "/control/me", "developer").json()["key"]["id"]
    with closing(asking(lavish)) as connection:
        eventually(lambda: len(lavish.upstream.requests) == 1)
        time.sleep(0.2)
        lavish.control(f"/keys/{key}/revoke", cause="lost")
        end = ended(lavish)
        arrived = rest_of(connection)

    assert (end["outcome"], end["reasons"]) == ("cut", ["key_revoked"])
    assert end["bytes_out"] < len(TEXT)
    assert arrived < len(TEXT)
    assert end["usage_basis"] == "reported"


def test_a_client_that_left_while_its_answer_was_computed_is_recorded_as_gone_and_pays(lavish: House) -> None:
    ready: list[int] = []

    async def late(_seen: Seen, writer: Any) -> bool:
        ready.append(1)
        while len(ready) < 2:
            await asyncio.sleep(0.01)
        await send_json(writer, {"object": "list", "data": [], "usage": USAGE})
        return True

    lavish.upstream.answer = late
    with closing(asking(lavish)):
        eventually(lambda: bool(ready))
    time.sleep(0.1)
    ready.append(2)

    end = ended(lavish)
    assert (end["outcome"], end.get("bytes_out", 0)) == ("client_gone", 0)
    assert (end["usage_basis"], end["tokens_in"], end["tokens_out"]) == ("reported", 7, 3)
