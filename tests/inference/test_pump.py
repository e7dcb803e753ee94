"""The pump: what a client gets of a stream, and what is known of its cost, however either side behaves."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from gateway.errors import GatewayError
from gateway.inference.connector.answers import Answer
from gateway.inference.connector.exchanges import Connector, Outbound
from gateway.inference.connector.upstreams import Limits, upstream_at
from gateway.inference.frames import Frames
from gateway.inference.pump import Bounds, Carried, Pump
from gateway.inference.usage import Usage
from tests.fakes.clients import FakeClient
from tests.fakes.upstream import CHUNK, DONE, USAGE_CHUNK, FakeUpstream, Seen, chunked, saying, without_end

STREAMED = Outbound(
    "/chat/completions", b'{"stream":true,"stream_options":{"include_usage":true}}', "req_1", stream=True
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CUT = b'data: {"error":{"code":"access_ended"}}\n\n'


def tell(error: GatewayError) -> bytes:
    return b'data: {"error":{"code":"%s"}}\n\n' % error.code.encode()


@asynccontextmanager
async def streaming(fake: FakeUpstream, limits: Limits | None = None) -> AsyncIterator[Answer]:
    async with fake:
        connector = Connector({"fake": upstream_at("fake", fake.url, limits=limits or Limits())})
        async with connector.exchange("fake", STREAMED) as answer:
            yield answer
        await connector.close()


def pump_for(answer: Answer, client: FakeClient, *, withhold: bool = True, **more: Any) -> Pump:
    return Pump(answer, Frames(withhold_usage=withhold), client.send, tell, **more)


async def run(pump: Pump, client: FakeClient) -> Carried:
    return await asyncio.wait_for(pump.run(client.receive, [(b"content-type", b"text/event-stream")]), 5)


async def test_a_stream_passes_whole_but_for_the_usage_frame() -> None:
    client, seen = FakeClient(), bytearray()

    async with streaming(FakeUpstream(chunks=9)) as answer:
        carried = await run(pump_for(answer, client, observe=seen.extend), client)

    assert client.body == CHUNK * 9 + DONE
    assert carried == Carried("complete", Usage(7, 9), len(client.body))
    assert client.is_complete
    assert bytes(seen) == client.body
    assert client.messages[0] == {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"text/event-stream")],
    }


async def test_a_caller_who_asked_for_usage_gets_its_frame() -> None:
    client = FakeClient()

    async with streaming(FakeUpstream(chunks=2)) as answer:
        await run(pump_for(answer, client, withhold=False), client)

    assert client.body == CHUNK * 2 + USAGE_CHUNK % (7, 2, 9) + DONE


async def test_streams_one_after_another_share_a_connection() -> None:
    async with FakeUpstream() as fake:
        connector = Connector({"fake": upstream_at("fake", fake.url)})
        for _ in range(5):
            client = FakeClient()
            async with connector.exchange("fake", STREAMED) as answer:
                await run(pump_for(answer, client), client)
        await connector.close()

    assert fake.connections == 1


async def test_a_client_that_vanishes_leaves_the_usage_exact() -> None:
    client = FakeClient()
    fake = FakeUpstream(chunks=30, interval_s=0.003)

    async with streaming(fake) as answer:
        running = asyncio.create_task(run(pump_for(answer, client), client))
        await client.arrived.wait()
        client.hang_up()
        carried = await running

    assert (carried.outcome, carried.usage) == ("client_gone", Usage(7, 30))
    assert carried.bytes_out < len(CHUNK) * 30
    assert fake.chunks_sent == 30


@pytest.mark.parametrize("tell_when_gone", [True, False])
async def test_a_client_that_vanishes_while_it_is_slow_leaves_the_usage_exact(tell_when_gone: bool) -> None:
    client = FakeClient(tell_when_gone=tell_when_gone)
    client.reads.clear()

    async with streaming(FakeUpstream(chunks=20)) as answer:
        running = asyncio.create_task(run(pump_for(answer, client), client))
        await asyncio.sleep(0.02)
        client.hang_up()
        carried = await running

    assert (carried.outcome, carried.usage, carried.bytes_out) == ("client_gone", Usage(7, 20), 0)


async def test_an_upstream_that_never_ends_is_not_drained_for_ever() -> None:
    client = FakeClient()
    endless = FakeUpstream(answer=without_end(HEAD, chunked(CHUNK), every_s=0.001))

    async with streaming(endless) as answer:
        pump = pump_for(answer, client, bounds=Bounds(drain_s=0.1))
        running = asyncio.create_task(run(pump, client))
        await client.arrived.wait()
        client.hang_up()
        carried = await running

    assert (carried.outcome, carried.usage) == ("client_gone", None)


async def test_an_upstream_that_floods_is_drained_to_so_many_bytes_only() -> None:
    client = FakeClient()
    flood = FakeUpstream(answer=without_end(HEAD, chunked(CHUNK * 100)))

    async with streaming(flood) as answer:
        pump = pump_for(answer, client, bounds=Bounds(drain_bytes_max=1_000_000))
        running = asyncio.create_task(run(pump, client))
        await client.arrived.wait()
        before = answer.body_bytes
        client.hang_up()
        carried = await running

    assert (carried.outcome, carried.usage) == ("client_gone", None)
    assert answer.body_bytes < before + 3_000_000


async def test_a_slow_reader_holds_up_the_upstream() -> None:
    client = FakeClient()
    flood = FakeUpstream(answer=without_end(HEAD, chunked(CHUNK * 100)))

    async with streaming(flood) as answer:
        pump = pump_for(answer, client)
        running = asyncio.create_task(run(pump, client))
        await client.arrived.wait()
        client.reads.clear()
        received = []
        for _ in range(6):
            await asyncio.sleep(0.02)
            received.append(answer.body_bytes)
        pump.cut(CUT)
        client.reads.set()
        await running

    assert received[-1] == received[-2]
    assert received[-1] - pump.bytes_out < 600_000


async def test_a_reader_that_takes_nothing_is_given_up_and_the_usage_still_read() -> None:
    client = FakeClient()
    client.reads.clear()

    async with streaming(FakeUpstream(chunks=3)) as answer:
        carried = await run(pump_for(answer, client, bounds=Bounds(stall_s=0.05)), client)

    assert (carried.outcome, carried.usage) == ("client_gone", Usage(7, 3))
    assert not client.is_complete


async def test_a_reader_that_is_slow_but_reads_is_not_given_up() -> None:
    client = FakeClient()
    fake = FakeUpstream(chunks=6, interval_s=0.02)

    async with streaming(fake) as answer:
        carried = await run(pump_for(answer, client, bounds=Bounds(stall_s=0.05)), client)

    assert carried.outcome == "complete"


async def test_a_cut_stops_the_upstream_and_ends_with_the_error() -> None:
    client = FakeClient()
    fake = FakeUpstream(chunks=1000, interval_s=0.002)

    async with streaming(fake) as answer:
        pump = pump_for(answer, client)
        running = asyncio.create_task(run(pump, client))
        await client.arrived.wait()
        await asyncio.sleep(0.01)
        at_cut = client.body
        pump.cut(CUT)
        pump.cut(b"data: again\n\n")
        carried = await running

    assert client.body == at_cut + CUT
    assert client.is_complete
    assert b"[DONE]" not in client.body
    assert (carried.outcome, carried.usage) == ("cut", None)
    assert fake.chunks_sent < 100


async def test_a_cut_before_the_first_piece_sends_the_error_alone() -> None:
    client = FakeClient()

    async with streaming(FakeUpstream()) as answer:
        pump = pump_for(answer, client)
        pump.cut(CUT)
        carried = await run(pump, client)

    assert client.body == CUT
    assert carried.outcome == "cut"


async def test_what_had_arrived_but_not_left_does_not_leave_after_a_cut() -> None:
    client = FakeClient()

    async with streaming(FakeUpstream(answer=saying(HEAD + chunked(CHUNK) * 5))) as answer:
        await asyncio.sleep(0.02)
        pump = pump_for(answer, client)
        pump.cut(CUT)
        await run(pump, client)

    assert client.body == CUT


async def test_a_cut_does_not_wait_for_a_reader_that_takes_nothing() -> None:
    client = FakeClient()
    client.reads.clear()

    async with streaming(FakeUpstream(chunks=1000, interval_s=0.001)) as answer:
        pump = pump_for(answer, client)
        running = asyncio.create_task(run(pump, client))
        await asyncio.sleep(0.02)
        started = asyncio.get_running_loop().time()
        pump.cut(CUT)
        carried = await running
        took = asyncio.get_running_loop().time() - started

    assert carried.outcome == "cut"
    assert client.body == b""
    assert took < 1


@pytest.mark.parametrize(
    "rest",
    [b"", chunked(b'data: {"half'), chunked(CHUNK)[:-4], b"ZZ\r\n", b"5\r\nhelloX"],
)
async def test_an_upstream_that_breaks_off_is_told_as_its_failure(rest: bytes) -> None:
    client = FakeClient()

    async with streaming(FakeUpstream(answer=saying(HEAD + chunked(CHUNK) + rest, then_close=True))) as answer:
        carried = await run(pump_for(answer, client), client)

    assert (carried.outcome, carried.usage) == ("upstream_error", None)
    assert client.body == CHUNK + b'data: {"error":{"code":"upstream_failed"}}\n\n'
    assert client.is_complete


async def test_an_upstream_that_falls_silent_is_told_as_its_timeout() -> None:
    client = FakeClient()

    async with streaming(FakeUpstream(answer=saying(HEAD + chunked(CHUNK))), Limits(idle_s=0.05)) as answer:
        carried = await run(pump_for(answer, client), client)

    assert carried.outcome == "upstream_error"
    assert client.body == CHUNK + b'data: {"error":{"code":"upstream_timeout"}}\n\n'


async def test_an_error_inside_a_long_frame_starts_on_a_line_of_its_own() -> None:
    client = FakeClient()
    long = b"data: " + b"x" * 100_000

    async with streaming(FakeUpstream(answer=saying(HEAD + chunked(long), then_close=True))) as answer:
        await run(pump_for(answer, client), client)

    assert client.body == long + b'\n\ndata: {"error":{"code":"upstream_failed"}}\n\n'


async def test_usage_said_before_the_upstream_broke_off_stands() -> None:
    client = FakeClient()
    broken = saying(HEAD + chunked(CHUNK) + chunked(USAGE_CHUNK % (7, 1, 8)), then_close=True)

    async with streaming(FakeUpstream(answer=broken)) as answer:
        carried = await run(pump_for(answer, client), client)

    assert (carried.outcome, carried.usage) == ("upstream_error", Usage(7, 1))


async def test_a_server_that_goes_on_after_the_end_is_not_listened_to() -> None:
    client = FakeClient()
    babbling = without_end(HEAD + chunked(CHUNK) + chunked(USAGE_CHUNK % (7, 1, 8)) + chunked(DONE), chunked(CHUNK))

    async with streaming(FakeUpstream(answer=babbling)) as answer:
        pump = pump_for(answer, client, bounds=Bounds(linger_s=0.05))
        carried = await run(pump, client)

    assert client.body == CHUNK + DONE
    assert carried.outcome == "complete"


async def test_an_error_the_upstream_says_in_its_stream_passes_and_is_noticed() -> None:
    client = FakeClient()
    event = b'data: {"error":{"message":"out of memory"}}\n\n'

    async with streaming(FakeUpstream(answer=saying(HEAD + chunked(event) + b"0\r\n\r\n"))) as answer:
        carried = await run(pump_for(answer, client), client)

    assert client.body == event
    assert carried.outcome == "upstream_error"


@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_lost_doubled_or_overtaken_however_the_two_sides_stutter(seed: int) -> None:
    chance = random.Random(seed)
    frames = [
        b'data: {"choices":[{"n":%d}]%s}\n\n' % (n, chance.choice([b"", b',"usage":null', b',"usage": null']))
        for n in range(400)
    ]
    text = b"".join([*frames, USAGE_CHUNK % (7, 400, 407), DONE])
    client = FakeClient()

    async def stuttering(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(HEAD)
        at = 0
        while at < len(text):
            size = chance.choice([1, 7, 30, 31, 32, 300, 5000])
            writer.write(chunked(text[at : at + size]))
            at += size
            await asyncio.sleep(chance.choice([0, 0, 0.0005]))
        writer.write(b"0\r\n\r\n")
        return True

    async def hesitate() -> None:
        while True:
            await asyncio.sleep(chance.choice([0, 0.0005]))
            client.reads.clear()
            await asyncio.sleep(chance.choice([0, 0.0005, 0.002]))
            client.reads.set()

    async with streaming(FakeUpstream(answer=stuttering)) as answer:
        hesitating = asyncio.create_task(hesitate())
        carried = await run(pump_for(answer, client), client)
        hesitating.cancel()

    assert client.body == b"".join(frames) + DONE
    assert (carried.outcome, carried.usage, carried.bytes_out) == ("complete", Usage(7, 400), len(client.body))


async def test_a_server_whose_send_fails_says_that_the_client_has_gone() -> None:
    client = FakeClient()

    async def send(message: Any) -> None:
        if len(client.messages) == 3:
            raise OSError
        await client.send(message)

    async with streaming(FakeUpstream(chunks=10, interval_s=0.001)) as answer:
        pump = Pump(answer, Frames(withhold_usage=True), send, tell)
        carried = await run(pump, client)

    assert (carried.outcome, carried.usage, carried.bytes_out) == ("client_gone", Usage(7, 10), len(client.body))
    assert client.body and client.body == b"".join([CHUNK] * (len(client.body) // len(CHUNK)))


class Wire:
    """Stands in for a connection's transport, so that an answer can be fed by hand between two turns of the loop."""

    def pause_reading(self) -> None:
        """Nothing to pause."""

    resume_reading = abort = pause_reading


def word(number: int) -> bytes:
    """A frame with nothing in it to read, which may pass at once."""
    return b'data: {"n":%d}\n\n' % number


COUNTING = b'data: {"choices":[{}],"usage":{"prompt_tokens":1}}\n\n'
"""A frame that must be read, and so waits for its turn."""


@asynccontextmanager
async def fed_by_hand(client: FakeClient) -> AsyncIterator[Callable[..., None]]:
    """A stream under way whose pieces arrive exactly when they are fed."""
    answer = Answer(asyncio.get_running_loop(), cast("asyncio.Transport", Wire()))
    answer.feed(HEAD)
    running = asyncio.create_task(run(pump_for(answer, client), client))
    for _ in range(3):
        await asyncio.sleep(0)

    def feed(*pieces: bytes) -> None:
        for piece in pieces:
            answer.feed(chunked(piece))

    yield feed
    answer.feed(b"0\r\n\r\n")
    await running


async def test_no_piece_overtakes_another_in_the_turn_in_which_a_slow_send_ends() -> None:
    client = FakeClient()

    async with fed_by_hand(client) as feed:
        client.reads.clear()
        feed(word(0))  # held up in a send begun at once
        feed(COUNTING)  # waits behind it
        for _ in range(5):
            await asyncio.sleep(0)
        client.reads.set()
        for number in range(1, 20):
            await asyncio.sleep(0)
            feed(word(number))

    assert client.body == word(0) + COUNTING + b"".join(map(word, range(1, 20)))


async def test_no_piece_overtakes_another_that_arrived_in_the_same_turn() -> None:
    client = FakeClient()

    async with fed_by_hand(client) as feed:
        feed(word(0), COUNTING, word(1), word(2))
        await asyncio.sleep(0)
        feed(word(3))

    assert client.body == word(0) + COUNTING + word(1) + word(2) + word(3)


async def test_a_cut_does_not_wait_for_a_silent_upstream() -> None:
    client = FakeClient()

    async with streaming(FakeUpstream(answer=saying(HEAD + chunked(CHUNK)))) as answer:
        pump = pump_for(answer, client)
        running = asyncio.create_task(run(pump, client))
        await client.arrived.wait()
        pump.cut(CUT)
        carried = await asyncio.wait_for(running, 1)

    assert client.body == CHUNK + CUT
    assert carried.outcome == "cut"


async def test_usage_counted_on_the_way_is_not_taken_for_the_whole() -> None:
    client = FakeClient()
    counting = b'data: {"choices":[{}],"usage":{"prompt_tokens":7,"completion_tokens":1}}\n\n'

    async with streaming(FakeUpstream(answer=saying(HEAD + chunked(counting), then_close=True))) as answer:
        carried = await run(pump_for(answer, client), client)

    assert (carried.outcome, carried.usage) == ("upstream_error", None)


async def test_a_connection_whose_end_comes_a_little_later_is_kept() -> None:
    late = saying(HEAD + chunked(CHUNK) + chunked(DONE), b"0\r\n\r\n", pause_s=0.02)
    async with FakeUpstream(answer=late) as fake:
        connector = Connector({"fake": upstream_at("fake", fake.url)})
        client = FakeClient()
        async with connector.exchange("fake", STREAMED) as answer:
            await run(pump_for(answer, client), client)
            ended = answer.complete
        await connector.close()

    assert ended
    assert client.body == CHUNK + DONE


class FarEnd:
    """How much a client's system has not taken, and whether it was hung up on."""

    def __init__(self, *untaken: int) -> None:
        self._untaken = list(untaken)
        self.was_dropped = False

    def untaken(self) -> int:
        return self._untaken.pop(0) if len(self._untaken) > 1 else self._untaken[0]

    def __call__(self) -> None:
        self.was_dropped = True


@pytest.mark.parametrize("tell_when_gone", [True, False])
async def test_what_did_not_leave_is_not_shown_as_having_left(tell_when_gone: bool) -> None:
    client, seen = FakeClient(tell_when_gone=tell_when_gone), bytearray()

    async with streaming(FakeUpstream(chunks=200, interval_s=0.001)) as answer:
        running = asyncio.create_task(run(pump_for(answer, client, observe=seen.extend), client))
        await client.arrived.wait()
        client.reads.clear()
        await asyncio.sleep(0.02)
        client.hang_up()
        carried = await running

    assert carried.outcome == "client_gone"
    assert bytes(seen) == client.body
    assert carried.bytes_out == len(seen)


async def test_a_cut_hangs_up_on_a_reader_that_takes_nothing() -> None:
    client, far_end = FakeClient(), FarEnd(0)
    client.reads.clear()

    async with streaming(FakeUpstream(chunks=1000, interval_s=0.001)) as answer:
        pump = pump_for(answer, client, hang_up=far_end)
        running = asyncio.create_task(run(pump, client))
        await asyncio.sleep(0.02)
        pump.cut(CUT)
        carried = await running

    assert (carried.outcome, far_end.was_dropped) == ("cut", True)


async def test_a_cut_hangs_up_on_a_reader_that_stops_only_then() -> None:
    client, far_end = FakeClient(), FarEnd(0)
    started = asyncio.get_running_loop().time()

    async with streaming(FakeUpstream(answer=saying(HEAD + chunked(CHUNK)))) as answer:
        pump = pump_for(answer, client, hang_up=far_end)
        running = asyncio.create_task(run(pump, client))
        await client.arrived.wait()
        await asyncio.sleep(0.02)
        client.reads.clear()
        pump.cut(CUT)
        carried = await running

    assert (carried.outcome, far_end.was_dropped) == ("cut", True)
    assert asyncio.get_running_loop().time() - started < 3


@pytest.mark.parametrize(("untaken", "is_dropped"), [((9, 9, 0), False), ((9,), True)])
async def test_a_cut_ends_in_order_only_once_all_that_was_sent_is_taken(
    untaken: tuple[int, ...], is_dropped: bool
) -> None:
    client, far_end = FakeClient(), FarEnd(*untaken)

    async with streaming(FakeUpstream(chunks=1000, interval_s=0.002)) as answer:
        pump = pump_for(answer, client, hang_up=far_end)
        running = asyncio.create_task(run(pump, client))
        await client.arrived.wait()
        pump.cut(CUT)
        carried = await running

    assert carried.outcome == "cut"
    assert (far_end.was_dropped, client.is_complete) == (is_dropped, not is_dropped)


async def test_a_reader_given_up_is_hung_up_on() -> None:
    client, far_end = FakeClient(), FarEnd(0)
    client.reads.clear()

    async with streaming(FakeUpstream(chunks=3)) as answer:
        carried = await run(pump_for(answer, client, hang_up=far_end, bounds=Bounds(stall_s=0.05)), client)

    assert (carried.outcome, far_end.was_dropped) == ("client_gone", True)


async def test_a_client_that_vanishes_leaves_the_usage_exact_however_much_there_is_to_come() -> None:
    client = FakeClient()
    many = FakeUpstream(chunks=(12 << 20) // len(CHUNK))

    async with streaming(many) as answer:
        running = asyncio.create_task(run(pump_for(answer, client), client))
        await client.arrived.wait()
        client.hang_up()
        carried = await running

    assert answer.body_bytes > 12 << 20
    assert (carried.outcome, carried.usage) == ("client_gone", Usage(7, many.chunks))


@pytest.mark.parametrize(("total_s", "usage"), [(5, Usage(7, 40)), (0.1, None)])
async def test_a_vanished_client_leaves_its_stream_the_time_that_any_has(total_s: float, usage: Usage | None) -> None:
    client = FakeClient()

    async with streaming(FakeUpstream(chunks=40, interval_s=0.01), Limits(total_s=total_s)) as answer:
        running = asyncio.create_task(run(pump_for(answer, client), client))
        await client.arrived.wait()
        client.hang_up()
        carried = await running

    assert (carried.outcome, carried.usage) == ("client_gone", usage)
