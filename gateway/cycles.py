"""One request and its answer on a connection, as ASGI: uvicorn's cycle, with the short ways that the doors take.

A short way does at once what `send` would do, without a message or a step of a task in between; where it cannot, it
says so with nothing sent, and the long way is taken. It belongs to its request: where several wait on one connection
(RFC 9112, section 9.3.2), none may answer for another.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from http import HTTPStatus
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.framing import BEFORE_CHUNKS

PHRASES = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}


class Outgoing(Protocol):
    """What an answer is written to."""

    def write(self, data: bytes) -> None:
        """Send at the end of this turn of the loop, together with what else was written in it."""

    def write_now(self, data: bytes) -> None:
        """Send in this turn, behind everything written before."""

    def abort(self) -> None:
        """Close at once, whatever was not sent."""


class Cycle(RequestResponseCycle):
    """Made for every request, so that what is alike for all of them stands on the class."""

    access_log = False
    default_headers: list[tuple[bytes, bytes]] = []  # noqa: RUF012 - the server's attribute, and nobody adds to it
    disconnected = False
    more_body = True
    response_started = response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    ends_by_closing = False
    """Whether the end of the connection is the end of the answer: nothing else tells an HTTP/1.0 client its length."""

    def __init__(self, connection: HttpToolsProtocol, outgoing: Outgoing, *, keep_alive: bool) -> None:
        # Not the server's own: it would set a dozen attributes to what the class has already.
        self.scope = connection.scope
        self.transport = cast("asyncio.Transport", outgoing)
        self.flow = connection.flow
        self.logger = connection.logger
        self.message_event = asyncio.Event()
        self.on_response = connection.on_response_complete
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = connection.expect_100_continue
        self.body = bytearray()
        self._outgoing = outgoing
        short_ways: dict[str, Any] = {"abort": outgoing.abort, "answer": self._answer, "pass_on": self._pass_on}
        short_ways["body"] = self._whole_body
        self.scope["extensions"] = short_ways

    async def run_asgi(self, app: Any) -> None:
        """Answer, and let go of the request, which holds this cycle as the cycle holds it."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:
            self.logger.error("Exception in ASGI application", exc_info=error)
            await self._give_up()
        else:
            if not self.response_complete and not self.disconnected:
                self.logger.error("ASGI callable returned without completing response.")
                await self._give_up()
        finally:
            self.on_response = _nothing
            self.scope["extensions"] = {}

    def send(self, message: Any) -> Coroutine[Any, Any, None]:
        """The server's own, with an end that the client can tell.

        Whoever is answered before the request is complete is told that the connection ends with the answer: what still
        comes could be the rest of it or, after `expect: 100-continue`, the next request (RFC 9112, section 9.3).
        """
        if self.ends_by_closing:
            self.expected_content_length = len(message.get("body", b""))
        elif not self.response_started:
            if self.more_body:
                self.keep_alive = False
            if self.scope["http_version"] in BEFORE_CHUNKS:
                self._send_no_chunks(message)
        return super().send(message)

    def _send_no_chunks(self, message: Any) -> None:
        if not any(name.lower() == b"content-length" for name, _ in message.get("headers", ())):
            self.chunked_encoding, self.ends_by_closing = False, True

    async def _give_up(self) -> None:
        if self.ends_by_closing:
            self._outgoing.abort()  # closed, it would look whole
        elif self.response_started:
            self.transport.close()
        else:
            await self.send_500_response()

    def _whole_body(self) -> bytes | None:
        """The whole body of the request, once, where all of it has arrived; None where it has to come by `receive`."""
        if self.more_body or self.disconnected or self.waiting_for_100_continue:
            return None
        self.flow.resume_reading()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return body

    def _answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send a whole answer at once; False, with nothing sent, where it has to go the long way by `send`.

        The headers are the gateway's own and say the body's length: what the server would find out of them
        again, header by header, is known.
        """
        if self.response_started or self.disconnected or not self.keep_alive or self.flow.write_paused:
            return False
        if self.more_body or self.scope["method"] == "HEAD":
            return False
        self.response_started = self.response_complete = True
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        self._outgoing.write(b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, PHRASES[status], lines, body))
        self.message_event.set()
        self.on_response()
        return True

    def _pass_on(self, piece: bytes) -> bool:
        """Send a piece of a streamed body, not its last; False, with nothing sent, where it has to go by `send`."""
        if not self.chunked_encoding or self.disconnected or self.response_complete or self.flow.write_paused:
            return False
        self._outgoing.write_now(b"%x\r\n%b\r\n" % (len(piece), piece))
        return True


def _nothing() -> None:
    """What is complete completes no second time."""
