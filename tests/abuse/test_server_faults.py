"""Faults of HTTP servers, parsers and their logs: heads without end, slow senders, ambiguous bounds, upgrades, ANSI."""

import asyncio
import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import connections, serving
from tests.abuse.logs import captured_logs
from tests.abuse.test_02_host_confusion import status
from tests.fakes.house import House, eventually, heard, open_house


def test_a_head_without_end_is_cut_off(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.port)) as connection:
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n")
        sent = 0
        with pytest.raises(OSError):
            while sent < 100 * connections.HEAD_BYTES_MAX:
                connection.sendall(b"x-filler: " + b"a" * 4000 + b"\r\n")
                sent += 4012
                time.sleep(0)

    assert sent < 100 * connections.HEAD_BYTES_MAX
    assert house.answers()


@pytest.mark.parametrize("line", [b"GET /" + b"a" * 100_000, b"GET /v1/models HTTP/1.1\r\nx: " + b"a" * 100_000])
def test_a_head_too_large_is_refused_and_harms_nobody_else(house: House, line: bytes) -> None:
    answer = house.say(line)

    assert status(answer) in {0, 400, 431}
    assert house.answers()


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/models", lambda told: told["error"]["code"]),
        ("/hub/demo/open-1/resolve/main/config.json", lambda told: told["code"]),
        ("/control/me", lambda told: told["code"] if told["status"] == 400 and told["title"] else ""),
        ("/", lambda told: told["code"]),
    ],
)
@pytest.mark.parametrize(
    "rest", [" HTTP/1.1\r\nhost x\r\n\r\n", " HTTP/1.1\r\ncontent-length: x\r\n\r\n", " HTTP/9.9.9\r\n\r\n"]
)
def test_what_is_not_http_is_told_so_in_the_shape_of_its_door(
    house: House, path: str, rest: str, shape: Callable[[Any], str]
) -> None:
    head, _, body = house.say(f"GET {path}{rest}".encode()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nx-request-id: " in head and b"\r\nconnection: close" in head
    assert shape(json.loads(body)) == "malformed_http"


def test_a_head_too_large_is_told_how_large_it_may_be(house: House) -> None:
    answer = house.say(b"GET /v1/models HTTP/1.1\r\n" + b"x: %b\r\n" % (b"a" * 1000) * 80)

    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "head_too_large"


def test_whoever_sends_a_byte_now_and_then_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "RECEIPT_S", 0.4)
    monkeypatch.setattr(serving, "SWEEP_S", 0.05)
    with open_house(tmp_path) as house:
        begun = (b"G", b"GET / HTTP/1.1\r\nx: ", b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
        slow = [socket.create_connection(("127.0.0.1", house.port)) for _ in range(50)]
        for number, connection in enumerate(slow):
            connection.sendall(begun[number % len(begun)])
        answered = house.chat(house.models["api"]).status_code

        def all_gone() -> bool:
            return not _still_open(slow)

        eventually(all_gone)
        for connection in slow:
            connection.close()

        assert answered == 200
        assert house.answers()


def test_a_connection_that_is_idle_is_closed_and_one_that_is_answered_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "KEEP_ALIVE_S", 0.3)
    monkeypatch.setattr(serving, "SWEEP_S", 0.05)
    with open_house(tmp_path) as house, socket.create_connection(("127.0.0.1", house.port)) as idle:
        house.upstream.interval_s = 0.2
        idle.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        answered = heard(idle, 2.0)
        long = house.chat(house.models["api"], stream=True)

        def closed() -> bool:
            return not _still_open([idle])

        eventually(closed)
        assert status(answered) == 200
        assert long.status_code == 200 and long.text.rstrip().endswith("data: [DONE]")


def test_a_body_that_drips_is_dropped_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "RECEIPT_S", 0.4)
    monkeypatch.setattr(serving, "SWEEP_S", 0.05)
    with open_house(tmp_path) as house:
        key = house.tokens["developer"].encode()
        dripping = socket.create_connection(("127.0.0.1", house.port))
        dripping.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\ncontent-length: 90\r\n\r\n{" % key
        )

        eventually(lambda: not _still_open([dripping]))
        dripping.close()

        assert len(house.upstream.requests) == 0


def _still_open(connections: list[socket.socket]) -> list[socket.socket]:
    """Which of these the other side has not closed; each is sent one byte more."""
    still = []
    for connection in connections:
        connection.setblocking(False)
        try:
            connection.send(b"a")
            if connection.recv(1000) == b"":
                continue
            still.append(connection)
        except BlockingIOError:
            still.append(connection)
        except OSError:
            continue
    return still


@pytest.mark.parametrize(
    "ambiguous",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"content-length: 5, 5\r\n\r\nhello",
        b"content-length: +5\r\n\r\nhello",
        b"content-length: -1\r\n\r\n",
        b"content-length: 0x5\r\n\r\nhello",
        b"content-length: 99999999999999999999\r\n\r\n",
        b"content-length : 5\r\n\r\nhello",
        b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        b"transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        b"x: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        b"x: a\x00b\r\ncontent-length: 0\r\n\r\n",
        b"x: a\nsmuggled: b\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_a_message_whose_bounds_can_be_read_two_ways_carries_no_second_request(house: House, ambiguous: bytes) -> None:
    key = house.tokens["developer"].encode()
    smuggled = b"GET /control/me HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\n\r\n" % key

    answer = house.say(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\n%s" % (key, ambiguous) + smuggled,
        wait_s=0.3,
    )

    assert b'"organisation"' not in answer
    assert status(answer) in {0, 400}
    assert house.answers()


@pytest.mark.parametrize(
    "lines",
    [
        b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\nsec-websocket-version: 13\r\n",
        b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-protocol: \xff\xfe\r\n",
        b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
        b"connection: upgrade\r\nupgrade: \xe9\r\n",
    ],
)
def test_an_upgrade_is_not_made_and_kills_nothing(house: House, lines: bytes) -> None:
    with captured_logs() as log:
        answer = house.say(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n%s\r\n" % lines, wait_s=0.5)

    assert status(answer) in {400, 401}
    assert b"101 " not in answer[:20]
    assert house.answers()
    assert "pip install" not in log.getvalue()


def test_bytes_that_are_http2_or_tls_or_nothing_kill_nothing(house: House) -> None:
    for noise in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 1000, b"\r\n" * 1000):
        assert status(house.say(noise, wait_s=0.3)) in {0, 400}

    assert house.answers()


def test_what_a_log_shows_of_a_request_cannot_move_a_terminal(house: House) -> None:
    with captured_logs() as log:
        house.say(b"GET /\x1b[31m HTTP/1.1\r\nhost: x\r\n\r\n")
        house.say(b"GET /v1/\xc2\x9b31m HTTP/1.1\r\nhost: x\r\n\r\n")
        house.say(b"GET /v1/%1b%5b2J HTTP/1.1\r\nhost: \x1b[2J\r\nuser-agent: \x1b]0;x\x07\r\n\r\n")

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", log.getvalue())


def test_a_header_of_ours_carries_nothing_that_a_caller_sent(house: House) -> None:
    for path in (
        "/v1/models/a%0d%0ax-injected:%201",
        "/hub/demo/open-1/resolve/a%0d%0ax-injected:%201/x",
        "/control/a%0d%0ab",
    ):
        answer = house.ask("GET", path, "developer")
        assert "x-injected" not in answer.headers
        assert not any("x-injected" in value for value in answer.headers.values())


def test_one_connection_serves_every_request_in_turn_and_mixes_up_none(house: House) -> None:
    asked = [("developer", 404), ("staff", 200)] * 10
    lines = b"".join(
        b"GET /v1/models/demo/vault-1 HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\n\r\n" % house.tokens[by].encode()
        for by, _ in asked
    )

    with socket.create_connection(("127.0.0.1", house.port)) as connection:
        connection.sendall(lines)
        received = b""
        while received.count(b"HTTP/1.1 ") < len(asked) or not received.endswith(b"}"):
            received += connection.recv(65536)

    assert [int(found) for found in re.findall(rb"HTTP/1\.1 (\d+)", received)] == [expected for _, expected in asked]


async def test_the_helpers_of_this_file_hear_a_whole_answer(house: House) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    whole = await reader.read()
    writer.close()

    with socket.create_connection(("127.0.0.1", house.port)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert heard(connection, 2.0).partition(b"\r\n\r\n")[2] == whole.partition(b"\r\n\r\n")[2]
