"""Hanging up: of what was written and not taken, nothing arrives any more."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.inference.hangups import Hangup

WRITTEN = b"x" * (8 << 20)
"""More than a client with a small window takes, and more than a kernel holds for it."""


async def until_settled(hang_up: Hangup) -> int:
    """What is not taken, once that changes no more."""
    before = -1
    while (now := hang_up.untaken()) != before:
        before = now
        await asyncio.sleep(0.05)
    return now


@asynccontextmanager
async def written_to(content: bytes) -> AsyncIterator[tuple[Hangup, socket.socket]]:
    """A connection to a client that reads nothing by itself, with this written to it."""
    accepted: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.set_result(transport)  # type: ignore[arg-type]

    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.connect(server.sockets[0].getsockname())
        client.settimeout(5)
        transport = await accepted
        transport.write(content)
        yield Hangup({"abort": transport.abort}), client
        transport.abort()
    server.close()


def rest_of(client: socket.socket) -> tuple[int, bool]:
    """How many bytes there still are to read, and whether they end in a reset."""
    total = 0
    try:
        while piece := client.recv(1 << 20):
            total += len(piece)
    except ConnectionResetError:
        return total, True
    return total, False


async def test_neither_what_the_gateway_holds_nor_what_the_kernel_does_arrives_afterwards() -> None:
    async with written_to(WRITTEN) as (hang_up, client):
        untaken = await until_settled(hang_up)

        hang_up()
        await asyncio.sleep(0.05)
        arrived, was_reset = await asyncio.to_thread(rest_of, client)

    assert was_reset
    assert arrived <= len(WRITTEN) - untaken


async def test_what_a_client_has_taken_is_not_counted() -> None:
    async with written_to(b"taken") as (hang_up, client):
        assert await asyncio.to_thread(client.recv, 10) == b"taken"

        assert await until_settled(hang_up) == 0


async def test_what_only_the_kernel_holds_is_counted() -> None:
    async with written_to(b"x" * 100_000) as (hang_up, _):
        assert await until_settled(hang_up) > 0


async def test_where_nothing_can_be_aborted_nothing_happens() -> None:
    hang_up = Hangup({})

    assert hang_up.untaken() == 0
    hang_up()


async def test_a_connection_that_is_gone_can_be_hung_up_again() -> None:
    async with written_to(b"") as (hang_up, _):
        hang_up()
        await asyncio.sleep(0.01)

        assert hang_up.untaken() == 0
        hang_up()
