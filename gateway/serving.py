"""The HTTP server: uvicorn on uvloop, with connections of our own (connections.py), on a socket bound first."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import uvicorn

from gateway.connections import BoundedProtocol, Telling
from gateway.errors import SettingsInvalid
from gateway.turns import Turn

SWEEP_S = 1.0

BACKLOG = 2048
"""Connections that may wait to be accepted."""


def make_server(app: Any, tell: Telling, *, graceful_s: int = 30) -> uvicorn.Server:
    """A server that is ready to be run; `listening` runs it. `tell` words what is refused before the application."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=partial(BoundedProtocol, tell=tell, turn=Turn()),  # type: ignore[arg-type]
            ws="none",
            loop="uvloop",
            lifespan="on",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=graceful_s,
        )
    )


@asynccontextmanager
async def listening(server: uvicorn.Server, host: str, port: int) -> AsyncIterator[int]:
    """Run a server until the block is left or it is told to stop; yields the port, which 0 leaves to the system.

    Raises SettingsInvalid where the address cannot be had, and what kept the application from starting.
    """
    bound = _bound(host, port)
    had = bound.getsockname()[1]  # while it is surely open: a server told to stop at once has closed it by then
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    sweeping = asyncio.create_task(_sweep(server))
    try:
        while not server.started:
            if serving.done():
                serving.result()
                raise SystemExit(1)  # the server has logged why the application did not start
            await asyncio.sleep(0.01)
        yield had
        await serving
    finally:
        server.should_exit = True
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await serving


def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens, bound before anything is started, so that a wrong address fails at once."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsInvalid(
            f"The gateway cannot listen on {host} port {port}: {error.strerror}.",
            next_step="Stop what listens there, or name another port with --port, or another address with --host.",
        ) from error


async def _sweep(server: uvicorn.Server) -> None:
    """Drop, until cancelled, each connection whose request did not arrive in time, and close those long idle."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_S)
        now = loop.time()
        for connection in list(server.server_state.connections):
            if isinstance(connection, BoundedProtocol):
                connection.look(now)
