"""The server as it starts and stops, without a gateway in it."""

import asyncio
from typing import Any

from gateway.app import told_by_door
from gateway.serving import listening, make_server


async def test_a_server_that_stops_at_once_still_says_where_it_listened() -> None:
    """Told to stop while it starts, it has closed its socket before anybody asks for the port."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        while (await receive())["type"] != "lifespan.shutdown":
            server.should_exit = True
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    server = make_server(app, told_by_door, graceful_s=1)
    async with asyncio.timeout(10), listening(server, "127.0.0.1", 0) as port:
        assert port > 0
