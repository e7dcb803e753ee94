"""The HTTP server: uvicorn on uvloop, with connections of our own (connections.py), on a socket bound first."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
import uvicorn

from gateway.connections import BoundedProtocol, Telling
from gateway.drain import Drain
from gateway.errors import GatewayError, SettingsInvalid
from gateway.places import Places
from gateway.turns import Turn

log = structlog.get_logger()

SWEEP_S = 1.0

BACKLOG = 2048
"""Connections that may wait to be accepted."""


class Startable:
    """An application, with what kept it from starting: the server itself only learns that something did."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.failure: BaseException | None = None

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self._live(scope, receive, send)
        answering: Awaitable[None] = self._app(scope, receive, send)
        return answering

    async def _live(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_without_words(message: Any) -> None:
            await send({"type": message["type"]})  # the words are a traceback, of which the log would keep one line

        try:
            await self._app(scope, receive, send_without_words)
        except BaseException as error:
            self.failure = _innermost(error)
            raise


class Server(uvicorn.Server):
    """uvicorn's, which first gives its callers up to others where it is given the time."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain

    def end_at_once(self, within_s: int) -> None:
        """End without a drain, and with so much time for the answers under way."""
        self._drain.lasts_s = 0.0
        self.config.timeout_graceful_shutdown = within_s
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then stop listening, close what is idle, and wait for the answers under way.

        Whoever still asks is answered and told to close (RFC 9112, section 9.6), so that by the end nobody is about
        to send a request on a connection that is being closed.
        """
        self._drain.begun = True
        for connection in list(self.server_state.connections):
            if isinstance(connection, BoundedProtocol):
                connection.leave()
        until = asyncio.get_running_loop().time() + self._drain.lasts_s
        while asyncio.get_running_loop().time() < until and not self.force_exit:
            await asyncio.sleep(0.1)
        await super().shutdown(sockets)


def make_server(
    app: Any, tell: Telling, *, graceful_s: int = 30, places: Places | None = None, drain: Drain | None = None
) -> Server:
    """A server that is ready to be run; `listening` runs it. `tell` words what is refused before the application."""
    places, drain = places or Places(sys.maxsize), drain or Drain()
    return Server(
        uvicorn.Config(
            Startable(app),
            http=partial(BoundedProtocol, tell=tell, turn=Turn(), places=places, drain=drain),  # type: ignore[arg-type]
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
        ),
        drain,
    )


@asynccontextmanager
async def listening(server: uvicorn.Server, host: str, port: int) -> AsyncIterator[int]:
    """Run a server until the block is left or it is told to stop; yields the port, which 0 leaves to the system.

    Raises SettingsInvalid where the address cannot be had, and a GatewayError that says why the application did not
    start: its own, where it is one.
    """
    bound = _bound(host, port)
    had = bound.getsockname()[1]  # while it is surely open: a server told to stop at once has closed it by then
    serving = asyncio.create_task(_serve(server, bound))
    sweeping = asyncio.create_task(_sweep(server))
    try:
        while not server.started:
            if serving.done():
                serving.result()
                raise _why_not_started(server)
            await asyncio.sleep(0.01)
        yield had
        await serving
    finally:
        server.should_exit = True
        sweeping.cancel()
        await asyncio.wait({serving})


async def _serve(server: uvicorn.Server, bound: socket.socket) -> None:
    try:
        await server.serve(sockets=[bound])
    except SystemExit:  # the server's way to say that it did not start; a task's would end the loop unheard
        raise _why_not_started(server) from None


def _why_not_started(server: uvicorn.Server) -> GatewayError:
    app = server.config.app
    failure = app.failure if isinstance(app, Startable) else None
    if isinstance(failure, GatewayError):
        return failure
    name = type(failure).__name__
    log.error("start_failed", error=name, exc_info=failure)
    return GatewayError(f"The gateway could not start: {name}.", next_step="The log says where that was raised.")


def _innermost(error: BaseException) -> BaseException:
    """What went wrong, out of the groups in which tasks that run together raise; an error of ours before any other."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    within = [_innermost(each) for each in error.exceptions]
    return next((each for each in within if isinstance(each, GatewayError)), within[0])


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
