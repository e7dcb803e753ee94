"""Several requests on one connection, sent before the first is answered: each gets its own answer, in order."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from gateway.connections import BoundedProtocol
from tests.fakes.connection import line_to, reply

SECOND_S = 5.0


def asked(path: str, method: str = "GET") -> bytes:
    """A request without a body."""
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


@asynccontextmanager
async def connected(app: Any) -> AsyncIterator[socket.socket]:
    """A client's end of one connection that this application answers."""
    async with line_to(app) as line:
        yield line.client


async def received(client: socket.socket, end: bytes) -> bytes:
    """Everything up to and with these bytes."""
    got = b""
    async with asyncio.timeout(SECOND_S):
        while not got.endswith(end):
            piece = await asyncio.get_running_loop().sock_recv(client, 65536)
            assert piece, got
            got += piece
    return got


async def at_once(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the path by the short way where there is one, else by the long one."""
    await receive()
    await asyncio.sleep(0.01)
    body = scope["path"].encode()
    headers = [(b"content-length", b"%d" % len(body))]
    if not scope["extensions"]["answer"](200, headers, body):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def by_pieces(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the path, a byte a piece, by the short way where there is one."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for byte in scope["path"].encode():
        await asyncio.sleep(0)
        piece = bytes([byte])
        if not scope["extensions"]["pass_on"](piece):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_requests_sent_together_are_each_answered_in_order(method: str) -> None:
    async def ask() -> bytes:
        async with connected(at_once) as client:
            client.send(asked("/one", method) + asked("/two", method) + asked("/three"))
            return await received(client, b"/three")

    answered = uvloop.run(ask())

    assert answered.count(b"HTTP/1.1 200 OK") == 3
    paths = [b"/one", b"/two", b"/three"] if method == "GET" else [b"/three"]
    assert [line for line in answered.replace(b"HTTP", b"\r\nHTTP").split(b"\r\n") if line.startswith(b"/")] == paths


def test_streams_asked_for_together_do_not_mix() -> None:
    async def ask() -> bytes:
        async with connected(by_pieces) as client:
            client.send(asked("/one") + asked("/two"))
            return await received(client, b"o\r\n0\r\n\r\n")

    first, second = uvloop.run(ask()).split(b"0\r\n\r\n")[:2]

    assert first.split(b"\r\n\r\n", 1)[1] == b"".join(b"1\r\n%c\r\n" % byte for byte in b"/one")
    assert second.split(b"\r\n\r\n", 1)[1] == b"".join(b"1\r\n%c\r\n" % byte for byte in b"/two")


def test_whoever_answers_hears_that_the_client_has_gone_though_it_had_asked_again() -> None:
    heard: list[str] = []

    async def leave() -> None:
        answering, left = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, _send: Any) -> None:
            await receive()
            answering.set()
            heard.append(f"{scope['path']} {(await receive())['type']}")
            left.set()

        async with connected(app) as client:
            client.send(asked("/one") + asked("/two"))
            await answering.wait()
            client.close()
            async with asyncio.timeout(SECOND_S):
                await left.wait()

    uvloop.run(leave())

    assert heard == ["/one http.disconnect"]


def test_a_server_that_stops_lets_the_answer_under_way_end_and_begins_none() -> None:
    async def stop() -> tuple[bytes, list[str]]:
        begun: list[str] = []
        stopping: list[BoundedProtocol] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            begun.append(scope["path"])
            stopping[0].shutdown()
            await at_once(scope, receive, send)

        async with line_to(app) as line:
            stopping.append(line.protocol)
            line.client.send(asked("/one") + asked("/two"))
            answered = await received(line.client, b"/one")
            async with asyncio.timeout(SECOND_S):
                assert await asyncio.get_running_loop().sock_recv(line.client, 1) == b""
        return answered, begun

    answered, begun = uvloop.run(stop())

    assert b"connection: close" in answered
    assert begun == ["/one"]


def test_a_client_of_http_1_0_gets_no_chunks_and_the_end_of_the_connection_for_an_end() -> None:
    async def ask() -> bytes:
        async with line_to(by_pieces) as line:
            await line.say(b"GET /one HTTP/1.0\r\n\r\n")
            return await line.hear()

    head, _, body = uvloop.run(ask()).partition(b"\r\n\r\n")

    assert body == b"/one"
    assert b"connection: close" in head and b"chunked" not in head


def test_an_answer_to_http_1_0_that_breaks_off_does_not_look_whole() -> None:
    async def broken(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async def ask() -> None:
        async with line_to(broken) as line:
            await line.say(b"GET /one HTTP/1.0\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                await line.hear()

    uvloop.run(ask())


@pytest.mark.parametrize("lines", [b"expect: 100-continue\r\n", b""])
def test_what_follows_an_answer_that_came_before_its_request_was_whole_is_no_request(lines: bytes) -> None:
    begun: list[str] = []

    async def early(scope: Any, _receive: Any, send: Any) -> None:
        begun.append(scope["path"])
        await reply(scope, send, b"no", 401)

    async def ask() -> bytes:
        async with line_to(early) as line:
            await line.say(b"POST /one HTTP/1.1\r\nhost: x\r\ncontent-length: 40\r\n" + lines + b"\r\n")
            await line.say(asked("/two") * 5)
            return await line.hear()

    answer = uvloop.run(ask())

    assert answer.startswith(b"HTTP/1.1 401 ") and answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nconnection: close\r\n" in answer
    assert begun == ["/one"]


def test_an_early_answer_arrives_though_the_client_goes_on_sending() -> None:
    async def early(scope: Any, _receive: Any, send: Any) -> None:
        await reply(scope, send, b"no", 401)

    async def ask() -> bytes:
        async with line_to(early) as line:
            await line.say(b"POST /one HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n")
            for _ in range(5):
                await line.say(b"a" * 100_000)
            return await line.hear()

    assert uvloop.run(ask()).endswith(b"\r\n\r\nno")
