"""What stands between a connection and its socket: writes that leave together, and reading that stays paused."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

from gateway.turns import Turn

_AT_ONCE = struct.pack("ii", 1, 0)


class Joined:
    """A transport that sends what was written in one turn of the loop at its end, as one.

    uvicorn writes an answer's head and body apart, and each write wakes the client: for a short answer that
    is the most expensive thing the gateway does.
    """

    __slots__ = ("_held", "_is_sending", "_left", "_loop", "_transport", "_turn")

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        turn: Turn,
        is_sending: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._turn = turn
        self._is_sending = is_sending
        self._held = b""
        self._left = False

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
        if not self._left:
            self._transport.write(data)

    def close(self) -> None:
        """Send what is held and close; a client that is still sending is told first that nothing more comes.

        A socket closed with bytes unread is reset, and a reset takes from the client what it has not read yet: the
        answer that says why. So the sending side alone is closed (RFC 9112, section 9.6), until the client has
        closed too, or closing is asked for again.
        """
        self.let_go()
        if self._left or self._transport.is_closing() or not self._is_sending():
            self._transport.close()
        else:
            self._left = True
            self._transport.write_eof()

    def close_at_once(self) -> None:
        """Send what is held and close, whatever the client may still be sending."""
        self.let_go()
        self._transport.close()

    def abort(self) -> None:
        """Close at once and drop what was not sent, what the system holds of it too: the client sees a reset.

        Closed in the ordinary way, what lies in the system's buffer would still be delivered, however late it is read.
        """
        self._held = b""
        opened: socket.socket | None = self._transport.get_extra_info("socket")
        if opened is not None and not self._transport.is_closing():
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._transport.abort()

    @property
    def has_left(self) -> bool:
        """Whether the client was told that nothing more comes, and is still heard out."""
        return self._left and not self._transport.is_closing()

    def is_closing(self) -> bool:
        """Whether nothing more is sent."""
        return self._left or self._transport.is_closing()

    def let_go(self) -> None:
        """Send what is held, unless there is nobody to send it to any more."""
        held, self._held = self._held, b""
        if held and not self.is_closing():
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Flow(FlowControl):
    """The server's own, where reading can be kept paused: whoever waits for a request's body would resume it."""

    is_held = False

    def hold_reading(self) -> None:
        """Read nothing more until it is let go."""
        self.is_held = True
        self.pause_reading()

    def let_go_reading(self) -> None:
        """Read again."""
        self.is_held = False
        self.resume_reading()

    def resume_reading(self) -> None:
        """Read again, unless it is held."""
        if self.read_paused and not self.is_held:
            super().resume_reading()
