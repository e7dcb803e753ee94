"""One connection to an application, without a gateway in it: the client's socket, and the protocol at its other end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from gateway.app import told_by_door
from gateway.connections import BoundedProtocol
from gateway.drain import Drain
from gateway.places import Places
from gateway.turns import Turn

PROMPT_S = 5.0


@dataclass
class Line:
    """Both ends of one connection."""

    client: socket.socket
    protocol: BoundedProtocol
    state: ServerState

    @property
    def is_open(self) -> bool:
        """Whether the gateway's end still is."""
        return self.protocol in self.state.connections

    async def say(self, data: bytes) -> None:
        """Send, and give the other end time to read it. Raises OSError where that has closed."""
        async with asyncio.timeout(PROMPT_S):
            await asyncio.get_running_loop().sock_sendall(self.client, data)
        await asyncio.sleep(0.02)

    async def hear(self, end: bytes = b"\0never") -> bytes:
        """Everything up to and with these bytes, or until it is closed."""
        heard = b""
        async with asyncio.timeout(PROMPT_S):
            while not heard.endswith(end):
                piece = await asyncio.get_running_loop().sock_recv(self.client, 65536)
                if not piece:
                    break
                heard += piece
        return heard


@asynccontextmanager
async def line_to(app: Any, *, places: Places | None = None) -> AsyncIterator[Line]:
    """A connection that this application answers."""
    loop, state = asyncio.get_running_loop(), ServerState()
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    protocol = BoundedProtocol(
        config=config,
        server_state=state,
        app_state={},
        tell=told_by_door,
        turn=Turn(),
        places=places or Places(9),
        drain=Drain(),
    )
    server = await loop.create_server(lambda: protocol, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.setblocking(False)
        while protocol.transport is None:
            await asyncio.sleep(0)
        yield Line(client, protocol, state)
    server.close()


async def body_of(receive: Any) -> bytes | None:
    """A request's whole body; None where its client has gone."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            return body
    return None


async def reply(scope: Any, send: Any, body: bytes, status: int = 200) -> None:
    """Answer by the short way where there is one, else by the long one."""
    headers = [(b"content-length", b"%d" % len(body))]
    if not scope["extensions"]["answer"](status, headers, body):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
