"""One connection of a client: HTTP/1.1 as uvicorn reads it, with the bounds that it lacks, and less work a call.

Without the bounds one connection could hold a head of any size in memory, or send a byte a second for ever.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.cycles import PHRASES, Cycle
from gateway.errors import GatewayError, HeadTooLarge, Invalid
from gateway.turns import Turn

HEAD_BYTES_MAX = 64 * 1024
"""Request line and headers together."""

RECEIPT_S = 60.0
"""From the first byte a connection may send until the last byte of the request."""

KEEP_ALIVE_S = 65.0
"""How long a connection may be idle between two requests."""

LINGER_S = 60.0
"""How long a connection that is closed may take to hand over what was written to it."""

Telling = Callable[[bytes, GatewayError], tuple[int, list[tuple[bytes, bytes]], bytes]]
"""From the path that was asked, as far as it could be read, and the error: status, headers and body."""


class Joined:
    """A transport that sends what was written in one turn of the loop at its end, as one.

    uvicorn writes an answer's head and body apart, and each write wakes the client: for a short answer that
    is the most expensive thing the gateway does.
    """

    __slots__ = ("_held", "_loop", "_transport", "_turn")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, turn: Turn) -> None:
        self._transport = transport
        self._loop = loop
        self._turn = turn
        self._held = b""

    def write(self, data: bytes) -> None:
        """Send, in order."""
        if self._held:
            self._held += data
        elif data:
            self._held = data
            self._turn.at_end(self, self._loop)

    def write_now(self, data: bytes) -> None:
        """Send behind what is held, in this turn: for what comes from the loop itself, which writes at its end."""
        if self._held:
            self.let_go()
        self._transport.write(data)

    def close(self) -> None:
        """Send what is held and close."""
        self.let_go()
        self._transport.close()

    def let_go(self) -> None:
        """Send what is held, unless there is nobody to send it to any more."""
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `due_at` is when the request under way must have arrived; None while none is."""

    due_at: float | None = None
    _head_bytes: int = 0
    _in_head: bool = True

    idle_since: float | None = None
    """When the last answer was complete; None while a request is under way."""

    _closing_by: float | None = None
    _answering: Cycle | None = None
    """The one request that is being answered; the server's own `cycle` is the last that arrived."""

    def __init__(self, *given: Any, tell: Telling, turn: Turn, **named: Any) -> None:
        super().__init__(*given, **named)
        self._tell = tell
        self._turn = turn

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Joined(transport, self.loop, self._turn)  # type: ignore[assignment]
        self.due_at = self.loop.time() + RECEIPT_S

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # nothing is upgraded here, and a request that asks for it is no event: it is answered as it stands
        except httptools.HttpParserError:
            self._refuse(Invalid("The request is not HTTP as it is specified (RFC 9112).", code="malformed_http"))
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(HeadTooLarge(f"A request's head may have at most {HEAD_BYTES_MAX} bytes."))

    def _refuse(self, error: GatewayError) -> None:
        """Answer, in the shape of its door, what is no request; the server's own answer would be a bare sentence."""
        status, headers, body = self._tell(self.url or b"", error)
        head = b"HTTP/1.1 %d %b\r\n" % (status, PHRASES[status])
        lines = b"".join(b"%b: %b\r\n" % header for header in (*headers, (b"connection", b"close")))
        self.transport.write(head + lines + b"\r\n" + body)
        self.transport.close()

    def on_message_begin(self) -> None:
        self.due_at = self.loop.time() + RECEIPT_S
        self.idle_since = None
        self._in_head = True
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_response_complete(self) -> None:
        """Go on with the next request. An idle connection is closed by the sweep: a timer each would cost more."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.idle_since = self.loop.time()

    def on_headers_complete(self) -> None:
        """Begin to answer, or queue behind the answer under way. Nothing is ever upgraded, so nothing asks for that."""
        self._in_head, self._head_bytes = False, 0
        version = self.parser.get_http_version()
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]
            "method": self.parser.get_method().decode("ascii"),
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
            "headers": self.headers,
            "state": self.app_state.copy(),
        }
        keep_alive = version != "1.0" and self.parser.should_keep_alive()
        before, self.cycle = self.cycle, Cycle(self, self.transport, keep_alive=keep_alive)  # type: ignore[arg-type]
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever is answering that the client has gone; the server tells the last request that arrived."""
        answering = self._answering
        if answering is not None and not answering.response_complete:
            answering.disconnected = True
            answering.message_event.set()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close once the answer under way is complete; what waits behind it is not begun."""
        answering = self._answering
        if answering is None or answering.response_complete:
            self.transport.close()
        else:
            answering.keep_alive = False

    def on_message_complete(self) -> None:
        self.due_at = None
        self._in_head = True
        super().on_message_complete()

    def look(self, now: float) -> None:
        """Drop the connection where its request did not arrive in time or its client takes none of what is left to
        send, close it where it has long been idle."""
        if self.transport.is_closing():
            self._closing_by = self._closing_by or now + LINGER_S
            if now > self._closing_by:
                self.transport.abort()
        elif self.due_at is not None and now > self.due_at:
            self.transport.abort()
        elif self.idle_since is not None and now > self.idle_since + KEEP_ALIVE_S:
            self.transport.close()
