"""One connection of a client, with the bounds that HTTP/1.1 as uvicorn reads it lacks.

Without the bounds one connection could hold heads, trailers or waiting requests of any size in memory, or send a byte
a second for ever.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools

from gateway.cycles import PHRASES
from gateway.drain import Drain
from gateway.errors import GatewayError, Unavailable
from gateway.framing import malformed
from gateway.places import Places
from gateway.reading import HEAD_BYTES_MAX, PIPELINE_MAX, ReadingProtocol, head_too_large
from gateway.transports import Flow, Joined
from gateway.turns import Turn

AHEAD_BYTES_MAX = 64 * 1024
"""How much is read ahead while requests wait, give or take what one read brings."""

RECEIPT_S = 60.0
"""From the first byte a connection may send until the last byte of the request."""

KEEP_ALIVE_S = 65.0
"""How long a connection may be idle between two requests."""

LINGER_S = 60.0
"""How long a connection that is closed may take to hand over what was written to it."""

LEAVING_S = 5.0
"""How long whoever was still sending when the last answer was written is heard out."""

LEAVING_BYTES_MAX = 1 << 20
"""How much of that is heard out."""

Telling = Callable[[bytes, GatewayError], tuple[int, list[tuple[bytes, bytes]], bytes]]
"""From the path that was asked, as far as it could be read, and the error: status, headers and body."""


class BoundedProtocol(ReadingProtocol):
    """One connection, and how much and how long it may send and take."""

    _passed = 0
    _closing_by: float | None = None

    def __init__(self, *given: Any, tell: Telling, turn: Turn, places: Places, drain: Drain, **named: Any) -> None:
        super().__init__(*given, **named)
        self._tell = tell
        self._turn = turn
        self._places = places
        self._drain = drain

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Joined(transport, self.loop, self._turn, self._is_sending)
        self.flow = Flow(transport)
        self.idle_since = self.loop.time()
        if not self._places.has_room(len(self.connections) - 1):
            self._refuse(Unavailable("The gateway holds all the connections it can.", code="too_many_connections"))

    def _is_sending(self) -> bool:
        return self.arriving_since is not None

    # What arrives

    def data_received(self, data: bytes) -> None:
        if self.is_deaf:
            self._let_pass(len(data))
            return
        self._outside += len(data)
        try:
            self.parse(data)
        except httptools.HttpParserError as error:
            why = error.__context__
            told = malformed("The request is not HTTP as it is specified (RFC 9112).")
            self._refuse(why if isinstance(why, GatewayError) else told)
            return
        if self._outside > HEAD_BYTES_MAX:
            self._refuse(
                head_too_large()
                if self._in_head
                else malformed(f"Between and behind a body's pieces {HEAD_BYTES_MAX} bytes may stand at most.")
            )
        elif self.pipeline:
            self._ahead += len(data)
            if self._ahead > AHEAD_BYTES_MAX or len(self.pipeline) >= PIPELINE_MAX:
                self.flow.hold_reading()

    def _let_pass(self, count: int) -> None:
        self._passed += count
        if self._passed <= LEAVING_BYTES_MAX:
            return
        if self.transport.is_closing():
            self.transport.close_at_once()
        else:
            self.flow.hold_reading()

    def _refuse(self, error: GatewayError) -> None:
        """Answer, in the shape of its door, what is no request, and hear nothing more.

        The server's own answer would be a bare sentence. Behind an answer under way there is none: the connection ends
        when everything that was asked before is answered.
        """
        self.is_deaf = True
        answering = self._answering
        if answering is not None and not answering.response_complete:
            last = self.cycle
            if last.more_body and last is not answering:
                self.pipeline.popleft()
                last = self.pipeline[0][0] if self.pipeline else answering
            if not last.more_body or last.response_started:
                last.keep_alive = False
                return
            last.disconnected = True  # its own body is what is no HTTP
            last.message_event.set()
        status, headers, body = self._tell(self.url or b"", error)
        head = b"HTTP/1.1 %d %b\r\n" % (status, PHRASES[status])
        lines = b"".join(b"%b: %b\r\n" % header for header in (*headers, (b"connection", b"close")))
        self.transport.write(head + lines + b"\r\n" + body)
        self.transport.close()

    # How it ends

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever is answering that the client has gone; the server tells the last request that arrived."""
        answering = self._answering
        if answering is not None and not answering.response_complete:
            answering.disconnected = True
            answering.message_event.set()
        super().connection_lost(exc)

    def leave(self) -> None:
        """Let the answer under way be the last, where it can still say so: its client then sends nothing behind it."""
        answering = self._answering
        if answering is not None and not answering.response_started and not self.pipeline:
            answering.keep_alive = False

    def shutdown(self) -> None:
        """Close once the answer under way is complete; what waits behind it is not begun."""
        if self._may_be_asked_again():
            return  # `look` closes it, unless the next answer does
        answering = self._answering
        if answering is None or answering.response_complete or self.transport.is_closing():
            self.transport.close_at_once()
        else:
            answering.keep_alive = False

    def _may_be_asked_again(self) -> bool:
        """Whether the client may be sending a request this moment, to a gateway that gives callers time to leave."""
        if not self._drain.lasts_s or self.transport.is_closing():
            return False
        answering = self._answering
        if answering is not None and not answering.response_complete:
            return answering.response_started and answering.keep_alive
        return self.idle_since is not None and self.loop.time() < self.idle_since + self._drain.lasts_s

    def look(self, now: float) -> None:
        """Drop the connection where its request did not arrive in time or its client takes none of what is left to
        send, close it where it has long been idle."""
        if self.transport.is_closing():
            is_heard_out = self.transport.has_left and not self.transport.get_write_buffer_size()
            self._closing_by = self._closing_by or now + (LEAVING_S if is_heard_out else LINGER_S)
            if now > self._closing_by:
                self.transport.abort()
        elif self.arriving_since is not None and now > self.arriving_since + RECEIPT_S:
            if self._only_waits():
                self.arriving_since = now
            else:
                self.transport.abort()
        elif self.idle_since is not None and now > self.idle_since + self._idle_s():
            self.transport.close()

    def _idle_s(self) -> float:
        return min(KEEP_ALIVE_S, self._drain.lasts_s) if self._drain.begun else KEEP_ALIVE_S

    def _only_waits(self) -> bool:
        """Whether it is the gateway that keeps the request under way from arriving, or from being answered."""
        answering = self._answering
        if answering is None or answering.response_complete:
            return False
        return self.flow.read_paused or self._in_head or answering is not self.cycle
