"""The HTTP server: uvicorn on uvloop, with the bounds on a request's head and receipt that it lacks.

Without them one connection could hold a head of any size in memory, or send a byte a second for ever.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.errors import GatewayError, HeadTooLarge, Invalid, SettingsInvalid

HEAD_BYTES_MAX = 64 * 1024
"""Request line and headers together."""

RECEIPT_S = 60.0
"""From the first byte a connection may send until the last byte of the request."""

SWEEP_S = 1.0

BACKLOG = 2048
"""Connections that may wait to be accepted."""

Telling = Callable[[bytes, GatewayError], tuple[int, list[tuple[bytes, bytes]], bytes]]
"""From the path that was asked, as far as it could be read, and the error: status, headers and body."""


class HeadJoined:
    """A transport that sends an answer's head together with what follows it at once.

    uvicorn writes the two apart, and each write wakes the client: for a short answer that is the
    most expensive thing the gateway does. A head that nothing follows leaves with the loop's next turn.
    """

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def write(self, data: bytes) -> None:
        """Send, in order."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and data.endswith(b"\r\n\r\n"):
            self._head = data
            self._loop.call_soon(self._send_head)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Send what is held and close."""
        self._send_head()
        self._transport.close()

    def _send_head(self) -> None:
        if self._head:
            data, self._head = self._head, b""
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `due_at` is when the request under way must have arrived; None while none is."""

    due_at: float | None = None
    _head_bytes: int = 0
    _in_head: bool = True

    def __init__(self, *given: Any, tell: Telling, **named: Any) -> None:
        super().__init__(*given, **named)
        self._tell = tell

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = HeadJoined(transport, self.loop)  # type: ignore[assignment]
        self.due_at = self.loop.time() + RECEIPT_S

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(HeadTooLarge(f"A request's head may have at most {HEAD_BYTES_MAX} bytes."))

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the server's own words
        """Answer, in the shape of its door, what is no request; the server's own answer would be a bare sentence."""
        self._refuse(Invalid("The request is not HTTP as it is specified (RFC 9112).", code="malformed_http"))

    def _refuse(self, error: GatewayError) -> None:
        status, headers, body = self._tell(self.url or b"", error)
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode("ascii")
        lines = b"".join(b"%b: %b\r\n" % header for header in (*headers, (b"connection", b"close")))
        self.transport.write(head + lines + b"\r\n" + body)
        self.transport.close()

    def on_message_begin(self) -> None:
        self.due_at = self.loop.time() + RECEIPT_S
        self._in_head = True
        super().on_message_begin()
        self.scope["extensions"] = {"abort": self.transport.abort}  # type: ignore[dict-item]

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.due_at = None
        self._in_head = True
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing is upgraded here, and a request that asks for it is no event: it is answered as it stands."""


def make_server(app: Any, tell: Telling, *, graceful_s: int = 30) -> uvicorn.Server:
    """A server that is ready to be run; `listening` runs it. `tell` words what is refused before the application."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=partial(BoundedProtocol, tell=tell),  # type: ignore[arg-type]
            ws="none",
            loop="uvloop",
            lifespan="on",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=65,
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
    """Drop, until cancelled, every connection whose request did not arrive in time."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_S)
        now = loop.time()
        for connection in list(server.server_state.connections):
            if isinstance(connection, BoundedProtocol) and connection.due_at is not None and now > connection.due_at:
                connection.transport.abort()
