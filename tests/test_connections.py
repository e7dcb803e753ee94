"""A connection that is closed and whose client takes nothing of what is left for it."""

import asyncio
import socket
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from gateway import connections
from gateway.app import told_by_door
from gateway.connections import BoundedProtocol
from gateway.drain import Drain
from gateway.places import Places
from gateway.turns import Turn
from tests.fakes.connection import line_to, reply


async def nobody(_scope: Any, _receive: Any, _send: Any) -> None:
    """An application that is never asked."""


def look(state: ServerState, now: float) -> None:
    """What the sweep does."""
    for connection in list(state.connections):
        assert isinstance(connection, BoundedProtocol)
        connection.look(now)


@pytest.mark.parametrize("takes", [True, False])
def test_what_a_closed_connection_cannot_hand_over_is_dropped_in_the_end(takes: bool) -> None:
    uvloop.run(close_and_look(takes=takes))


async def close_and_look(*, takes: bool) -> None:
    """Close a connection with much to send, and look at it until well after it should be gone."""
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(nobody, lifespan="off", log_config=None)
    config.load()
    state, written = ServerState(), 16 << 20
    protocol = BoundedProtocol(
        config=config, server_state=state, app_state={}, tell=told_by_door, turn=Turn(), places=Places(9), drain=Drain()
    )
    server = await loop.create_server(lambda: protocol, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.setblocking(False)
        while not state.connections:
            await asyncio.sleep(0)
        protocol.transport.write(b"x" * written)
        await asyncio.sleep(0)
        protocol.transport.close()
        look(state, 0.0)
        received = 0
        while takes and (piece := await loop.sock_recv(client, 1 << 20)):
            received += len(piece)
        look(state, connections.LINGER_S - 1)
        await asyncio.sleep(0.01)
        still_there = bool(state.connections)
        look(state, connections.LINGER_S + 1)
        await asyncio.sleep(0.01)
    server.close()

    assert (still_there, bool(state.connections)) == (not takes, False)
    assert received == (written if takes else 0)


@pytest.mark.parametrize("after_s", [connections.LEAVING_S - 1, connections.LEAVING_S + 1])
def test_whoever_neither_goes_on_sending_nor_closes_is_dropped(after_s: float) -> None:
    async def early(scope: Any, _receive: Any, send: Any) -> None:
        await reply(scope, send, b"no", 401)

    async def leave() -> tuple[bytes, bool]:
        async with line_to(early) as line:
            await line.say(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n")
            answer = await line.hear()
            line.protocol.look(0.0)
            line.protocol.look(after_s)
            await asyncio.sleep(0.01)
            return answer, line.is_open

    answer, is_open = uvloop.run(leave())

    assert answer.endswith(b"no")
    assert is_open == (after_s < connections.LEAVING_S)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"]
)
def test_a_server_that_stops_waits_for_nobody_who_is_answered(sent: bytes) -> None:
    async def early(scope: Any, _receive: Any, send: Any) -> None:
        await reply(scope, send, b"no", 401)

    async def stop() -> bool:
        async with line_to(early) as line:
            await line.say(sent)
            line.protocol.shutdown()
            await asyncio.sleep(0.01)
            return line.is_open

    assert not uvloop.run(stop())


def test_what_is_aborted_is_not_delivered_however_late_it_is_read() -> None:
    async def cut(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * (8 << 20), "more_body": True})
        scope["extensions"]["abort"]()

    async def ask() -> None:
        async with line_to(cut) as line:
            await line.say(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await asyncio.sleep(0.05)
            with pytest.raises(ConnectionResetError):
                await line.hear()

    uvloop.run(ask())
