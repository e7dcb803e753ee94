"""What one connection, without a key or shared by several clients behind a proxy, may do to the gateway and others."""

import json
import re
import socket
from pathlib import Path

import pytest

from tests.fakes.gateway import running
from tests.fakes.house import CHAT, MESSAGES, House

H2C = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
FLOOD_BYTES = 24 << 20
GROWTH_BYTES = 32 << 20


def chat(
    house: House, *, by: str | None = "developer", lines: bytes = b"", version: bytes = b"1.1", **fields: object
) -> bytes:
    """A chat, as bytes; with `lines` that say how its body is bounded, the head alone."""
    body = json.dumps({"model": house.models["api"], "messages": MESSAGES, **fields}).encode()
    key = b"authorization: Bearer %b\r\n" % house.tokens[by].encode() if by else b""
    head = b"POST %b HTTP/%b\r\nhost: x\r\n%b%b" % (CHAT.encode(), version, key, lines)
    if b"transfer-encoding" in lines:
        return head + b"\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def statuses(answer: bytes) -> list[int]:
    """Every status in it."""
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def said(house: House, data: bytes, wait_s: float = 0.5) -> bytes:
    """All that comes back until it is silent or closed."""
    received = b""
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as connection:
        connection.sendall(data)
        connection.settimeout(wait_s)
        try:
            while piece := connection.recv(65536):
                received += piece
        except TimeoutError:
            pass
    return received


def test_a_key_behind_a_body_is_no_key(house: House) -> None:
    whole = chat(house, by=None, lines=b"transfer-encoding: chunked\r\n")
    trailer = b"authorization: Bearer %b\r\n" % house.tokens["developer"].encode()

    answer = said(house, whole.removesuffix(b"\r\n") + trailer + b"\r\n" + chat(house, by=None))

    assert statuses(answer)[0] == 401 and 200 not in statuses(answer)


def test_a_request_in_a_body_behind_an_upgrade_is_not_answered_with_its_key(house: House) -> None:
    inner = b"GET /control/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n\r\n" % house.tokens["staff"].encode()
    key = house.tokens["developer"].encode()
    outer = b"POST %b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n%bcontent-length: %d\r\n\r\n%b" % (
        *(CHAT.encode(), key, H2C, len(inner), inner),
    )

    answer = said(house, outer + chat(house))

    assert statuses(answer) == [400, 200]
    assert b'"organisation"' not in answer


@pytest.mark.parametrize("lines", [b"", b"transfer-encoding: chunked\r\n"])
def test_a_call_that_offers_another_protocol_is_answered(house: House, lines: bytes) -> None:
    assert statuses(said(house, chat(house, lines=H2C + lines) + chat(house))) == [200, 200]


@pytest.mark.parametrize("old", [False, True])
def test_a_stream_over_http_1_0_has_no_chunks(house: House, old: bool) -> None:
    head, _, body = said(house, chat(house, version=b"1.0" if old else b"1.1", stream=True)).partition(b"\r\n\r\n")

    assert statuses(head) == [200]
    assert (b"transfer-encoding" in head, body.startswith(b"data: "), body.endswith(b"data: [DONE]\n\n")) == (
        *(not old, old, old),
    )


@pytest.mark.parametrize(
    ("found", "put"),
    [
        (b"host: x\r\n", b""),
        (b"host: x\r\n", b"host: x\r\nhost: y\r\n"),
        (b"host: x\r\n", b"host: x\r\ntransfer-encoding: gzip, chunked\r\n"),
        (b"HTTP/1.1\r\nhost: x\r\n", b"HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n"),
    ],
)
def test_a_head_that_can_be_read_two_ways_is_refused(house: House, found: bytes, put: bytes) -> None:
    lines = b"transfer-encoding: chunked\r\n" if b"coding" in put else b""
    whole = chat(house, lines=lines).replace(lines, b"", 1).replace(found, put, 1)

    assert statuses(said(house, whole)) == [400]


def test_after_a_refused_expectation_no_request_is_taken_for_a_body(house: House) -> None:
    head = chat(house, by=None, lines=b"expect: 100-continue\r\n").partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    answer = said(house, head)

    assert statuses(answer) == [401]
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize("flood", ["trailers", "one trailer", "requests"])
def test_one_connection_without_a_key_grows_nothing_and_delays_nobody(tmp_path: Path, flood: str) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    first, piece = {
        "trailers": (head, b"x: y\r\n" * 10_000),
        "one trailer": (head + b"x: ", b"a" * 65_536),
        "requests": (b"", b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n" * 2_000),
    }[flood]
    with running(tmp_path) as gateway:
        before = resident(gateway.pid)
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
            connection.sendall(first)
            sent = 0
            with pytest.raises(OSError):
                while sent < FLOOD_BYTES:
                    connection.sendall(piece)
                    sent += len(piece)
            grown = resident(gateway.pid) - before
            ready = gateway.is_ready()

    assert sent < FLOOD_BYTES
    assert grown < GROWTH_BYTES
    assert ready


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
