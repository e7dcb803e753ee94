"""The connector: what reaches an upstream, what is believed of its answers, and which connections live on."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.errors import UpstreamFailed, UpstreamTimeout
from gateway.inference.connector.exchanges import Connector, Outbound
from gateway.inference.connector.faults import BrokenAnswer, Busy, Unreached
from gateway.inference.connector.protocol import JUST_USED_S
from gateway.inference.connector.upstreams import Limits, upstream_at
from tests.fakes.upstream import BODY, HOSTILE, LENGTH, OK, FakeUpstream, Seen, chunked, saying, without_end

BRISK = Limits(connect_s=1, first_byte_s=0.3, idle_s=0.2, total_s=0.6, wait_s=0.2, answer_bytes_max=1_000_000)
ASKED = Outbound("/chat/completions", b'{"model":"m"}', "req_1")


@asynccontextmanager
async def connected(
    fake: FakeUpstream, limits: Limits = BRISK, credential: str | None = "sk-upstream", *, traced: bool = True
) -> AsyncIterator[Connector]:
    async with fake:
        connector = Connector({"fake": upstream_at("fake", fake.url, credential, limits=limits, traceparent=traced)})
        yield connector
        await connector.close()


async def read_once(connector: Connector, outbound: Outbound = ASKED, bytes_max: int = 1_000_000) -> bytes:
    async with connector.exchange("fake", outbound) as answer:
        return await answer.read(bytes_max)


async def test_an_upstream_sees_exactly_the_headers_written_here() -> None:
    fake = FakeUpstream()

    async with connected(fake) as connector:
        await read_once(
            connector,
            Outbound("/chat/completions", b"{}", "req_1", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
        )

    assert fake.requests[0].line == "POST /v1/chat/completions HTTP/1.1"
    assert fake.requests[0].headers == {
        "host": f"127.0.0.1:{fake.port}",
        "user-agent": "release-gateway",
        "accept-encoding": "identity",
        "authorization": "Bearer sk-upstream",
        "accept": "application/json",
        "content-type": "application/json",
        "x-request-id": "req_1",
        "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        "content-length": "2",
    }


async def test_a_server_that_was_not_declared_to_is_given_no_traceparent() -> None:
    fake, trace = FakeUpstream(), "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

    async with connected(fake, traced=False) as connector:
        await read_once(connector, Outbound("/chat/completions", b"{}", "req_1", traceparent=trace))

    assert "traceparent" not in fake.requests[0].headers


@pytest.mark.parametrize(
    "trace", ["x", "00-" + "a" * 32 + "-" + "b" * 16 + "-01\r\nhost: evil", "00-" + "A" * 32 + "-" + "b" * 16 + "-01"]
)
async def test_a_traceparent_of_another_form_stays_here(trace: str) -> None:
    fake = FakeUpstream()

    async with connected(fake) as connector:
        await read_once(connector, Outbound("/chat/completions", b"{}", "req_1", traceparent=trace))

    assert "traceparent" not in fake.requests[0].headers
    assert fake.requests[0].headers["host"] == f"127.0.0.1:{fake.port}"


@pytest.mark.parametrize(
    "outbound",
    [
        Outbound("/chat/completions", b"{}", "req_1\r\nhost: evil"),
        Outbound("/chat/completions", b"{}", "req_1", content_type="a\r\nb: c"),
        Outbound("/chat/../../admin", b"{}", "req_1"),
        Outbound("/chat HTTP/1.1\r\nx: y", b"{}", "req_1"),
    ],
)
async def test_what_would_break_the_head_is_never_written(outbound: Outbound) -> None:
    fake = FakeUpstream()

    async with connected(fake) as connector:
        with pytest.raises(ValueError, match=r"head|path"):
            await read_once(connector, outbound)

    assert fake.requests == []


async def test_an_upstream_nobody_declared_cannot_be_reached() -> None:
    async with connected(FakeUpstream()) as connector:
        with pytest.raises(Unreached):
            connector.exchange("http://evil.example", ASKED)


async def test_exchanges_one_after_another_share_a_connection() -> None:
    fake = FakeUpstream()

    async with connected(fake) as connector:
        for _ in range(20):
            await read_once(connector)

    assert len(fake.requests) == 20
    assert fake.connections == 1


async def test_a_body_of_many_slices_arrives_whole() -> None:
    fake = FakeUpstream()
    body = b'{"model":"m","x":"' + b"0123456789" * 300_000 + b'"}'

    async with connected(fake, Limits()) as connector:
        await read_once(connector, Outbound("/chat/completions", body, "req_1"))
        await read_once(connector)

    assert fake.requests[0].body == body
    assert fake.connections == 1


@pytest.mark.parametrize("fault", HOSTILE)
async def test_a_hostile_answer_fails_the_call_and_its_connection(fault: str) -> None:
    fake = FakeUpstream(answer=HOSTILE[fault])

    async with connected(fake) as connector:
        with pytest.raises(UpstreamFailed) as failed:
            await asyncio.wait_for(read_once(connector), 3)
        fake.answer = None
        after = await read_once(connector)

    assert "sk-upstream" not in failed.value.sentence()
    assert b"Hello from the fake." in after
    assert fake.connections == 2
    assert len(fake.requests) == 2


@pytest.mark.parametrize(
    "trailing", [b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nsmuggle", b"garbage", b"HTTP/1.1 200 OK\r\n", b"\x00"]
)
@pytest.mark.parametrize("apart", [False, True])
async def test_bytes_behind_an_answer_are_never_the_next_one(trailing: bytes, apart: bool) -> None:
    whole = OK + LENGTH + b"\r\n" + BODY
    fake = FakeUpstream(answer=saying(whole, trailing) if apart else saying(whole + trailing))

    async with connected(fake) as connector:
        first = await read_once(connector)
        await asyncio.sleep(0.01)
        fake.answer = None
        second = await read_once(connector)

    assert first == BODY
    assert b"Hello from the fake." in second
    assert fake.connections == 2


async def test_bytes_behind_an_answer_still_in_use_spend_its_connection() -> None:
    fake = FakeUpstream(answer=saying(OK + LENGTH + b"\r\n" + BODY, b"\r\n", pause_s=0.01))

    async with connected(fake) as connector:
        async with connector.exchange("fake", ASKED) as answer:
            await answer.read(1000)
            await asyncio.sleep(0.05)
        fake.answer = None
        assert b"Hello from the fake." in await read_once(connector)

    assert fake.connections == 2


@pytest.mark.parametrize("endless", [fault for fault in HOSTILE if fault.startswith(("endless", "flood", "many"))])
async def test_what_has_no_end_is_refused_by_size_and_not_by_time(endless: str) -> None:
    async with connected(FakeUpstream(answer=HOSTILE[endless]), Limits()) as connector:
        with pytest.raises(BrokenAnswer):
            await asyncio.wait_for(read_once(connector), 3)


async def test_an_answer_before_the_request_was_written_whole_is_the_last_on_its_connection() -> None:
    fake = FakeUpstream(answer=saying(OK + LENGTH + b"\r\n" + BODY), impatient=True)

    async with connected(fake, Limits()) as connector:
        first = await read_once(connector, Outbound("/chat/completions", b"x" * 20_000_000, "req_1"))
        await read_once(connector)

    assert first == BODY
    assert fake.connections == 2


async def test_a_connection_closed_while_idle_is_replaced_before_the_request_is_written() -> None:
    async def answers_and_closes(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(OK + LENGTH + b"\r\n" + BODY)
        return False

    fake = FakeUpstream(answer=answers_and_closes)
    async with connected(fake) as connector:
        for _ in range(5):
            assert await read_once(connector) == BODY
            await asyncio.sleep(0.005)

    assert len(fake.requests) == 5
    assert fake.connections == 5


async def test_an_end_that_only_the_kernel_has_seen_is_seen_before_a_request_is_written() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        loop = asyncio.get_running_loop()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        connector = Connector({"fake": upstream_at("fake", url, limits=BRISK)})
        first = asyncio.create_task(read_once(connector))
        server_end, _ = await loop.sock_accept(listening)
        await loop.sock_recv(server_end, 65536)
        await loop.sock_sendall(server_end, OK + LENGTH + b"\r\n" + BODY)
        await first
        pool = connector._lines["fake"].pool
        time.sleep(JUST_USED_S * 1.5)  # noqa: ASYNC251  the loop must not run, or it would see the end itself

        fresh_before = pool._idle[-1].is_fresh()
        server_end.close()
        fresh_after = pool._idle[-1].is_fresh()
        await connector.close()

    assert (fresh_before, fresh_after) == (True, False)


async def test_a_request_that_was_written_is_never_written_again() -> None:
    fake = FakeUpstream()
    async with connected(fake) as connector:
        await read_once(connector)
        fake.answer = HOSTILE["closes without a word"]

        with pytest.raises(BrokenAnswer):
            await read_once(connector)

    assert len(fake.requests) == 2
    assert fake.connections == 1


async def test_interim_answers_within_reason_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    fake = FakeUpstream(answer=saying(interim + OK + LENGTH + b"\r\n" + BODY))

    async with connected(fake) as connector, connector.exchange("fake", ASKED) as answer:
        body = await answer.read(1000)

    assert (answer.status, body, b"link" in answer.headers) == (200, BODY, False)


async def test_an_answer_that_says_close_is_the_last_on_its_connection() -> None:
    fake = FakeUpstream(answer=saying(OK + b"connection: close\r\n" + LENGTH + b"\r\n" + BODY))

    async with connected(fake) as connector:
        await read_once(connector)
        await read_once(connector)

    assert fake.connections == 2


async def test_an_error_status_comes_with_its_body() -> None:
    fake = FakeUpstream(answer=saying(b"HTTP/1.1 429 Slow Down\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n{}"))

    async with connected(fake) as connector, connector.exchange("fake", ASKED) as answer:
        body = await answer.read(100)

    assert (answer.status, answer.headers[b"retry-after"], body) == (429, b"7", b"{}")


async def test_a_stream_is_read_in_pieces_and_its_connection_lives_on() -> None:
    fake = FakeUpstream(chunks=50)
    streamed = Outbound("/chat/completions", b'{"stream":true}', "req_1", stream=True)

    async with connected(fake) as connector:
        for _ in range(2):
            async with connector.exchange("fake", streamed) as answer:
                whole = b"".join([chunk async for chunk in answer.chunks()])

    assert whole.count(b"data: ") == 51
    assert fake.requests[0].headers["accept"] == "text/event-stream"
    assert fake.connections == 1


async def test_a_reader_that_lags_stops_the_upstream() -> None:
    fake = FakeUpstream(answer=without_end(OK + b"transfer-encoding: chunked\r\n\r\n", chunked(b"a" * 8192)))

    async with connected(fake) as connector, connector.exchange("fake", ASKED) as answer:
        await answer.next()
        received = [answer.body_bytes]
        for _ in range(5):
            await asyncio.sleep(0.02)
            received.append(answer.body_bytes)
        held = answer._buffered
        first = await answer.next()
        await asyncio.sleep(0.02)

    assert received[-1] == received[-2]
    # One read of the transport may overshoot the mark, and no more follows.
    assert held <= 64 * 1024 + 256 * 1024
    assert len(first) == held
    assert answer.body_bytes > received[-1]


async def test_a_lagging_reader_is_no_timeout_of_the_upstream() -> None:
    limits = Limits(idle_s=0.05, total_s=5)
    fake = FakeUpstream(answer=without_end(OK + b"transfer-encoding: chunked\r\n\r\n", chunked(b"a" * 8192)))

    async with connected(fake, limits) as connector, connector.exchange("fake", ASKED) as answer:
        await asyncio.sleep(0.2)
        for _ in range(10):
            assert await answer.next()


async def test_leaving_in_mid_stream_closes_the_connection() -> None:
    fake = FakeUpstream(
        answer=without_end(OK + b"transfer-encoding: chunked\r\n\r\n", chunked(b"a" * 100), every_s=0.005)
    )

    async with connected(fake) as connector:
        async with connector.exchange("fake", ASKED) as answer:
            await answer.next()
        fake.answer = None
        assert await read_once(connector)

    assert fake.connections == 2


@pytest.mark.parametrize(
    ("limits", "answer"),
    [
        (Limits(first_byte_s=0.05), HOSTILE["says nothing"]),
        (Limits(first_byte_s=0.05), HOSTILE["head that drips"]),
        (Limits(idle_s=0.05), saying(OK + b"content-length: 100\r\n\r\nabc")),
        (Limits(total_s=0.1), HOSTILE["body that drips"]),
    ],
)
async def test_every_wait_for_an_upstream_has_an_end(
    limits: Limits, answer: Callable[[Seen, asyncio.StreamWriter], Awaitable[bool]]
) -> None:
    async with connected(FakeUpstream(answer=answer), limits) as connector:
        with pytest.raises(UpstreamTimeout):
            await asyncio.wait_for(read_once(connector), 2)


async def test_a_call_may_have_a_nearer_deadline_than_its_upstream() -> None:
    async with connected(FakeUpstream(answer=HOSTILE["says nothing"]), Limits()) as connector:
        with pytest.raises(UpstreamTimeout):
            await asyncio.wait_for(read_once(connector, Outbound("/chat/completions", b"{}", "r", total_s=0.05)), 2)


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    fake = FakeUpstream()
    async with connected(fake, Limits(keep_alive_s=0.03)) as connector:
        await read_once(connector)
        await asyncio.sleep(0.1)
        await read_once(connector)

    assert fake.connections == 2


async def test_no_more_connections_than_allowed_and_the_rest_wait_their_turn() -> None:
    fake = FakeUpstream()
    async with connected(fake, Limits(connections_max=3)) as connector:
        answers = await asyncio.gather(*(read_once(connector) for _ in range(60)))

    assert len(answers) == 60
    assert fake.connections == 3


async def test_who_waits_too_long_for_a_connection_is_told_that_nothing_was_sent() -> None:
    fake = FakeUpstream(answer=HOSTILE["says nothing"])
    limits = Limits(connections_max=1, wait_s=0.05, first_byte_s=0.5)
    async with connected(fake, limits) as connector:
        first = asyncio.create_task(read_once(connector))
        await asyncio.sleep(0.02)
        with pytest.raises(Busy) as busy:
            await read_once(connector)
        waiting = len(connector._lines["fake"].pool._waiting)
        with pytest.raises(UpstreamTimeout):
            await first

    assert busy.value.status == 503
    assert waiting == 0
    assert len(fake.requests) == 1


async def test_a_cancelled_call_gives_its_place_back() -> None:
    fake = FakeUpstream(answer=HOSTILE["says nothing"])
    async with connected(fake, Limits(connections_max=1, wait_s=5)) as connector:
        first = asyncio.create_task(read_once(connector))
        await asyncio.sleep(0.02)
        waiting = [asyncio.create_task(read_once(connector)) for _ in range(3)]
        await asyncio.sleep(0.01)
        for task in [waiting[0], first, waiting[1]]:
            task.cancel()
        fake.answer = None
        answered = await asyncio.wait_for(waiting[2], 2)
        await read_once(connector)

    assert b"Hello" in answered


async def test_a_connection_handed_to_a_call_that_is_cancelled_goes_to_the_next() -> None:
    fake = FakeUpstream()
    async with connected(fake, Limits(connections_max=1, wait_s=1)) as connector:
        holding = connector.exchange("fake", ASKED)
        await (await holding.__aenter__()).read(1000)
        waiting = asyncio.create_task(read_once(connector))
        await asyncio.sleep(0.01)
        await holding.__aexit__(None, None, None)  # hands the connection on; the waiting call has not run yet
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        answered = await read_once(connector)

    assert b"Hello" in answered
    assert fake.connections == 1


async def test_a_server_that_hangs_up_on_everyone_leaves_no_place_taken() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.transport.abort(), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    connector = Connector({"fake": upstream_at("fake", url, limits=Limits(connections_max=2, wait_s=0.5))})

    for _ in range(50):
        with pytest.raises(UpstreamFailed) as failed:
            await read_once(connector)
        assert not isinstance(failed.value, Busy)
    server.close()


async def test_a_server_that_is_not_there_is_unreached() -> None:
    async with FakeUpstream() as fake:
        url = fake.url
    connector = Connector({"fake": upstream_at("fake", url, limits=BRISK)})

    for _ in range(3):
        with pytest.raises(Unreached):
            await read_once(connector)

    pool = connector._lines["fake"].pool
    assert pool.open_connections == 0


async def test_a_closed_connector_reaches_nothing() -> None:
    fake = FakeUpstream()
    async with connected(fake) as connector:
        await read_once(connector)
        await connector.close()

        with pytest.raises(Unreached):
            await read_once(connector)


async def test_thousands_of_failures_leave_no_place_taken() -> None:
    hostile = [HOSTILE[name] for name in ("redirect", "ends early", "two lengths", "closes without a word")]
    fake = FakeUpstream()
    async with connected(fake, Limits(connections_max=4)) as connector:
        for turn in range(200):
            fake.answer = hostile[turn % 4]
            with pytest.raises(UpstreamFailed):
                await read_once(connector)
        fake.answer = None
        await asyncio.gather(*(read_once(connector) for _ in range(20)))
        pool = connector._lines["fake"].pool

    assert pool.open_connections <= 4
