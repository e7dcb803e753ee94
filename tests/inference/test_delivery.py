"""A plain answer on its way: whole at once, or by pieces to a client that lags, leaves, or may not have it any more."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.inference import delivery
from gateway.inference.delivery import AT_ONCE_BYTES_MAX, PIECE_BYTES, Delivery, Whole
from gateway.inference.dialect import Headers
from tests.fakes.clients import FakeClient

HEADERS: Headers = [(b"content-type", b"application/json")]


class Connection:
    """What a connection of ours offers: to take a whole answer at once, or to be aborted."""

    def __init__(self, client: FakeClient, *, is_free: bool = True) -> None:
        self.client = client
        self.is_free = is_free
        self.took: list[bytes] = []
        self.aborted = False

    def answer(self, _status: int, _headers: Headers, body: bytes) -> bool:
        if self.is_free:
            self.took.append(body)
        return self.is_free

    def abort(self) -> None:
        self.aborted = True
        self.client.hang_up()

    def delivery(self, body: bytes, status: int = 200) -> Delivery:
        scope: Any = {"extensions": {"answer": self.answer, "abort": self.abort}}
        return Delivery(Whole(status, HEADERS, body), (scope, self.client.receive, self.client.send))


async def send(sending: Delivery, observe: Callable[[bytes], object] | None = None) -> bool:
    return await asyncio.wait_for(sending.by_pieces(observe), 5)


async def test_a_short_answer_is_handed_over_whole() -> None:
    connection = Connection(FakeClient())
    sending = connection.delivery(b"x" * AT_ONCE_BYTES_MAX)

    assert sending.at_once()
    assert (connection.took, sending.bytes_out) == ([b"x" * AT_ONCE_BYTES_MAX], AT_ONCE_BYTES_MAX)


@pytest.mark.parametrize(("size", "is_free"), [(AT_ONCE_BYTES_MAX + 1, True), (10, False)])
async def test_a_long_answer_and_one_to_a_client_that_lags_go_by_pieces(size: int, is_free: bool) -> None:
    client, seen = FakeClient(), bytearray()
    connection = Connection(client, is_free=is_free)
    sending = connection.delivery(b"x" * size)

    assert not sending.at_once()
    assert connection.took == [] and client.messages == []
    assert await send(sending, seen.extend)

    assert client.messages[0] == {"type": "http.response.start", "status": 200, "headers": HEADERS}
    assert client.body == bytes(seen) == b"x" * size
    assert (sending.bytes_out, client.is_complete, connection.aborted) == (size, True, False)


@pytest.mark.parametrize("status", [200, 400])
async def test_an_empty_answer_is_complete_too(status: int) -> None:
    client = FakeClient()

    assert await send(Connection(client).delivery(b"", status))
    assert (client.messages[0]["status"], client.is_complete) == (status, True)


async def test_a_client_that_left_before_is_sent_nothing() -> None:
    client = FakeClient()
    client.hang_up()
    sending = Connection(client, is_free=False).delivery(b"x" * 10)

    assert not await send(sending)
    assert (sending.bytes_out, client.messages) == (0, [])


async def test_no_more_is_given_away_than_is_taken() -> None:
    client = FakeClient()
    connection = Connection(client)
    sending = connection.delivery(b"x" * PIECE_BYTES * 5)
    running = asyncio.create_task(send(sending))

    await client.arrived.wait()
    client.reads.clear()
    await asyncio.sleep(0.02)
    taken = len(client.body)
    client.hang_up()

    assert not await running
    assert taken < PIECE_BYTES * 5
    assert (sending.bytes_out, connection.aborted) == (len(client.body), True)


@pytest.mark.parametrize("tell_when_gone", [True, False])
async def test_a_client_that_takes_nothing_for_a_while_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tell_when_gone: bool
) -> None:
    monkeypatch.setattr(delivery, "STALL_S", 0.05)
    client = FakeClient(tell_when_gone=tell_when_gone)
    client.reads.clear()
    connection = Connection(client)
    sending = connection.delivery(b"x" * PIECE_BYTES * 5)

    assert not await send(sending)
    assert (sending.bytes_out, client.messages, connection.aborted) == (0, [], True)


@pytest.mark.parametrize("reads", [True, False])
async def test_nothing_leaves_after_a_cut(reads: bool) -> None:
    client = FakeClient()
    connection = Connection(client)
    sending = connection.delivery(b"x" * PIECE_BYTES * 500)
    running = asyncio.create_task(send(sending))

    await client.arrived.wait()
    if not reads:
        client.reads.clear()
        await asyncio.sleep(0.02)
    sending.cut()
    left = len(client.body)

    assert not await running
    assert len(client.body) == left < PIECE_BYTES * 500
    assert (client.is_complete, connection.aborted) == (False, True)


async def test_a_cut_before_the_first_piece_lets_nothing_begin() -> None:
    client = FakeClient()
    connection = Connection(client, is_free=False)
    sending = connection.delivery(b"x")
    sending.cut()

    assert not await send(sending)
    assert (client.messages, connection.aborted) == ([], True)


async def test_pieces_pass_where_the_server_offers_nothing_of_its_own() -> None:
    client = FakeClient()
    sending = Delivery(Whole(200, HEADERS, b"x" * PIECE_BYTES * 2), ({}, client.receive, client.send))

    assert not sending.at_once()
    assert await send(sending)
    assert len(client.body) == PIECE_BYTES * 2
