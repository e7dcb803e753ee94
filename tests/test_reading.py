"""Requests as they arrive: whose bytes are whose, and what a next request may do to the answer before it: nothing."""

import asyncio
from typing import Any

import pytest
import uvloop

from gateway import connections
from gateway.reading import PIPELINE_MAX
from tests.fakes.connection import body_of, line_to, reply

H2C = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"


def asked(path: str, lines: bytes = b"", body: bytes = b"", method: str = "GET") -> bytes:
    """A request."""
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n".encode() + lines + b"\r\n" + body


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what was asked: path, body and the names of its headers."""
    body = await body_of(receive)
    if body is not None:
        names = b",".join(name for name, _ in scope["headers"])
        await reply(scope, send, b"<%b|%b|%b>" % (scope["path"].encode(), body, names))


class Held:
    """An application that answers `/held` in pieces, the last when it is let go, and echoes the rest."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.append(scope["path"])
        if scope["path"] != "/held":
            await echo(scope, receive, send)
            return
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        gone = asyncio.ensure_future(receive())
        let_go = asyncio.ensure_future(self.go_on.wait())
        await asyncio.wait({gone, let_go}, return_when=asyncio.FIRST_COMPLETED)
        await send({"type": "http.response.body", "body": b"last", "more_body": False})
        gone.cancel()


HELD = b"5\r\nfirst\r\n4\r\nlast\r\n0\r\n\r\n"
"""Its whole body."""


def told(*parts: bytes, app: Any = echo, end: bytes = b"\0never") -> bytes:
    """What is answered to these bytes, sent one after the other."""

    async def ask() -> bytes:
        async with line_to(app) as line:
            for part in parts:
                await line.say(part)
            return await line.hear(end)

    return uvloop.run(ask())


# What stands behind a body is no header


def test_a_header_behind_a_body_is_no_header_of_this_request_nor_of_the_next() -> None:
    chunked = asked(
        "/one", b"transfer-encoding: chunked\r\n", b"2\r\nhi\r\n0\r\nauthorization: x\r\nlate: y\r\n\r\n", "POST"
    )

    answers = told(chunked + asked("/two"), end=b"host>")

    assert b"</one|hi|host,transfer-encoding>" in answers
    assert b"</two||host>" in answers


@pytest.mark.parametrize("piece", [b"x: y\r\n" * 1000, b"a" * 6000])
def test_trailers_without_end_are_refused(piece: bytes) -> None:
    async def flood() -> tuple[bytes, int]:
        async with line_to(echo) as line:
            await line.say(asked("/", b"transfer-encoding: chunked\r\n", b"2\r\n{}\r\n0\r\nx: ", "POST"))
            sent = 0
            while sent < 40 * len(piece) and not line.protocol.is_deaf:
                await line.say(piece)
                sent += len(piece)
            return await line.hear(), sent

    answer, sent = uvloop.run(flood())

    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1") == 1
    assert sent < connections.HEAD_BYTES_MAX + 2 * len(piece)


def test_whoever_goes_on_sending_is_heard_out_for_a_while_and_then_dropped() -> None:
    async def early(scope: Any, _receive: Any, send: Any) -> None:
        await reply(scope, send, b"no", 401)

    async def flood() -> tuple[bytes, int]:
        async with line_to(early) as line:
            await line.say(asked("/", b"content-length: 99999999\r\n", b"", "POST"))
            answer = await line.hear()
            sent = 0
            with pytest.raises(OSError):
                while sent < 8 * connections.LEAVING_BYTES_MAX:
                    await line.say(b"a" * 65536)
                    sent += 65536
            return answer, sent

    answer, sent = uvloop.run(flood())

    assert answer.startswith(b"HTTP/1.1 401 ") and b"connection: close\r\n" in answer
    assert connections.LEAVING_BYTES_MAX <= sent < 8 * connections.LEAVING_BYTES_MAX


def test_chunks_however_small_are_a_body() -> None:
    body = b"1\r\na\r\n" * 100_000 + b"0\r\n\r\n"

    assert b"a" * 100_000 in told(
        asked("/", b"transfer-encoding: chunked\r\n", body, "POST"), end=b"transfer-encoding>"
    )


@pytest.mark.parametrize("size", [60_000, 70_000])
def test_a_head_above_its_size_is_refused_though_it_came_in_one_read(size: int) -> None:
    answer = told(asked("/", b"x: %b\r\nconnection: close\r\n" % (b"a" * size)))

    assert answer.startswith(b"HTTP/1.1 200 " if size < connections.HEAD_BYTES_MAX else b"HTTP/1.1 431 ")


# Requests that wait


def test_so_many_requests_wait_and_no_more_and_those_are_answered() -> None:
    begun: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["path"])
        await echo(scope, receive, send)

    answers = told(b"".join(asked(f"/{number}") for number in range(1000)), app=app)

    assert begun == [f"/{number}" for number in range(PIPELINE_MAX + 1)]
    assert answers.count(b"HTTP/1.1 200 ") == len(begun)
    assert answers.count(b"connection: close") == 1


def test_while_requests_wait_little_more_is_read() -> None:
    async def flood() -> tuple[int, int]:
        app = Held()
        async with line_to(app) as line:
            await line.say(asked("/held") + asked("/next"))
            request = asked("/more", b"x: %b\r\n" % (b"a" * 30_000))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    while True:
                        await asyncio.get_running_loop().sock_sendall(line.client, request)
            waiting = len(line.protocol.pipeline)
            app.go_on.set()
            answers = await line.hear(b"</more||host,x>")
            return waiting, answers.count(b"HTTP/1.1 200 ")

    waiting, answered = uvloop.run(flood())

    assert waiting < PIPELINE_MAX
    assert answered >= 2


# Another protocol


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    ("lines", "body"),
    [(b"content-length: 5\r\n", b"hello"), (b"transfer-encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n")],
)
def test_a_body_behind_an_upgrade_is_read_as_a_body(lines: bytes, body: bytes, split: bool) -> None:
    head = asked("/one", H2C + lines, b"", "POST")
    parts = (head, body, asked("/two")) if split else (head + body + asked("/two"),)

    answers = told(*parts, end=b"host>")

    assert b"</one|hello|" in answers and b"</two||host>" in answers
    assert answers.count(b"HTTP/1.1 200 ") == 2


def test_a_request_in_a_body_behind_an_upgrade_is_no_request() -> None:
    inner = asked("/inner")

    answers = told(
        asked("/outer", H2C + b"content-length: %d\r\n" % len(inner), inner, "POST"), asked("/two"), end=b"host>"
    )

    assert answers.count(b"HTTP/1.1 200 ") == 2
    assert b"</outer|GET /inner" in answers and b"</two|" in answers and b"</inner|" not in answers


def test_a_request_behind_one_that_would_upgrade_is_answered() -> None:
    answers = told(asked("/one", H2C) + asked("/two", H2C) + asked("/three"), end=b"</three||host>")

    assert answers.count(b"HTTP/1.1 200 ") == 3


def test_nothing_behind_the_asking_for_a_tunnel_is_read_as_a_request() -> None:
    answers = told(asked("/one", method="CONNECT") + asked("/two"), asked("/three"))

    assert answers.count(b"HTTP/1.1 ") == 1 and b"connection: close" in answers


# What a next request does to the answer before it


def test_an_answer_asked_for_while_another_was_under_way_is_not_idle() -> None:
    async def ask() -> tuple[bytes, bytes]:
        app = Held()
        async with line_to(app) as line:
            await line.say(asked("/held") + b"GET /he")
            app.go_on.set()
            first = await line.hear(b"0\r\n\r\n")
            app.go_on.clear()
            await line.say(b"ld HTTP/1.1\r\nhost: x\r\n\r\n")
            line.protocol.look(line.protocol.loop.time() + connections.KEEP_ALIVE_S + 1)
            app.go_on.set()
            return first, await line.hear(b"0\r\n\r\n")

    first, second = uvloop.run(ask())

    assert first.endswith(HELD) and second.endswith(HELD)


@pytest.mark.parametrize(
    "begun",
    [
        b"P",
        b"POST /next HTTP/1.1\r\nhost: x\r\n",
        asked("/next", b"content-length: 999999\r\n", b"a" * 100_000, "POST"),
    ],
)
def test_a_request_that_only_waits_is_not_late_and_has_its_time_when_its_turn_comes(begun: bytes) -> None:
    async def wait() -> tuple[bytes, bool, bool, bool]:
        app = Held()
        async with line_to(app) as line:
            await line.say(asked("/held") + begun)
            ages = (connections.RECEIPT_S + 1) * 2
            line.protocol.look(line.protocol.loop.time() + ages)
            await asyncio.sleep(0.01)
            still = line.is_open
            app.go_on.set()
            answer = await line.hear(b"0\r\n\r\n")
            await asyncio.sleep(0.01)
            line.protocol.look(line.protocol.loop.time() + connections.RECEIPT_S - 1)
            await asyncio.sleep(0.01)
            waited = line.is_open
            line.protocol.look(line.protocol.loop.time() + connections.RECEIPT_S + 1)
            await asyncio.sleep(0.01)
            return answer, still, waited, line.is_open

    answer, still, waited, after = uvloop.run(wait())

    assert answer.endswith(HELD)
    assert (still, waited, after) == (True, True, False)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0\0garbage",
        asked("/next") + b"\0",
        asked("/next", b"transfer-encoding: chunked\r\n", b"zz\r\n", "POST"),
        asked("/next", b"x: %b\r\n" % (b"a" * 80_000)),
        b"GET /next HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request_does_not_touch_the_answer_before_it(garbage: bytes) -> None:
    async def ask() -> bytes:
        app = Held()
        async with line_to(app) as line:
            await line.say(asked("/held"))
            await line.say(garbage)
            app.go_on.set()
            return await line.hear()

    answer, whole, behind = uvloop.run(ask()).partition(HELD)

    assert whole and answer.count(b"HTTP/1.1 ") == 1
    assert behind.count(b"HTTP/1.1 ") == behind.count(b"HTTP/1.1 200 ") == (b"\r\n\r\n\0" in garbage)


def test_a_body_that_is_no_body_is_told_so_once_and_whoever_reads_it_hears_that_the_client_has_gone() -> None:
    heard: list[bytes | None] = []

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        heard.append(await body_of(receive))

    async def ask() -> bytes:
        async with line_to(app) as line:
            await line.say(asked("/", b"transfer-encoding: chunked\r\n", b"2\r\nhi\r\n", "POST"))
            await line.say(b"zz\r\n")
            assert heard == [None]
            return await line.hear()

    answer = uvloop.run(ask())

    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1") == 1
