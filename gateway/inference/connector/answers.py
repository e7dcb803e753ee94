"""One answer of an upstream as it arrives: read strictly, buffered within bounds, taken by one reader.

The parser is llhttp, which follows RFC 9112 without leniency. What it leaves open is refused here: an
answer that does not say where it ends, more than one framing, redirects, protocol switches, encodings
nobody asked for, and heads or trailers without end. Each answer has a parser of its own, so that no
byte behind one answer can be read as the start of the next.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NoReturn

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.errors import UpstreamFailed
from gateway.inference.connector.faults import BrokenAnswer

BUFFERED_BYTES_MAX = 64 * 1024
"""Above this the connection is not read until the reader has caught up."""
HEAD_BYTES_MAX = 32 * 1024
FIELDS_MAX = 100
INTERIMS_MAX = 8
OVERHEAD_BYTES_MAX = 64 * 1024
"""Bytes in a row that are neither head nor body: chunk sizes, extensions, trailers."""


class Answer:
    """Status and headers are there once `head` has been awaited; the body is read whole or in pieces."""

    __slots__ = (
        "_abort",
        "_buffered",
        "_field_bytes",
        "_fields",
        "_interim",
        "_interims",
        "_loop",
        "_overhead",
        "_parser",
        "_parts",
        "_pause",
        "_paused",
        "_resume",
        "_waiter",
        "_whole",
        "body_bytes",
        "complete",
        "failure",
        "head_complete",
        "headers",
        "heard_at",
        "keep_alive",
        "length",
        "offer",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._pause, self._resume, self._abort = transport.pause_reading, transport.resume_reading, transport.abort
        self._parser = HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._buffered = self._overhead = self._fields = self._field_bytes = self._interims = 0
        self._interim = self._paused = self._whole = False
        self._waiter: asyncio.Future[None] | None = None
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        """By lower-case name; the first of a repeated field, none of a trailer."""
        self.length: int | None = None
        self.head_complete = self.complete = self.keep_alive = False
        self.failure: UpstreamFailed | None = None
        self.offer: Callable[[bytes], bool] | None = None
        """Shown a piece as it arrives, when none is waiting: where it says that it took it, the reader is not woken."""
        self.body_bytes = 0
        self.heard_at = 0.0
        """When a piece of body last arrived."""

    # What the connection tells.

    def feed(self, data: bytes) -> None:
        """Take what arrived. Whatever breaks a rule fails the answer, or marks its connection as spent."""
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.fail(BrokenAnswer("it switches protocols"))
        except HttpParserError:
            self.fail(BrokenAnswer("it is not HTTP/1.1"))
        if self._overhead > OVERHEAD_BYTES_MAX and not self.complete:
            self.fail(BrokenAnswer("its head, trailer or chunk sizes have no end"))

    def fail(self, failure: UpstreamFailed) -> None:
        """End the answer as failed. One already complete stands; only its connection is spent."""
        self.keep_alive = False
        if not self.complete and self.failure is None:
            self.failure = failure
            self._wake()

    def let_go(self) -> None:
        """Drop the parser, which holds this answer as the answer holds it."""
        del self._parser

    @property
    def is_paused(self) -> bool:
        """Whether the reader, not the upstream, is what holds the answer up."""
        return self._paused

    # What the reader asks.

    def stop(self, failure: UpstreamFailed) -> None:
        """End it from our side: the upstream is let go at once, and whoever reads is told why."""
        if not self.complete:
            self.fail(failure)
            self._abort()

    async def head(self) -> None:
        """Wait for status and headers."""
        while not self.head_complete:
            if self.failure is not None:
                raise self.failure
            await self._arrival()

    async def next(self) -> bytes:
        """What has arrived since the last call, at least a byte; empty at the end."""
        while not self._parts:
            if self.failure is not None:
                raise self.failure
            if self.complete:
                return b""
            await self._arrival()
        return self._take()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces as they come."""
        while chunk := await self.next():
            yield chunk

    async def read(self, bytes_max: int) -> bytes:
        """The whole body. Above the limit it is refused, before it is read where its length is declared."""
        if (self.length or 0) > bytes_max:
            raise BrokenAnswer("it is too large")
        self._whole = True
        if self._paused:
            self._go_on()
        while not self.complete:
            if self.failure is not None:
                raise self.failure
            if self.body_bytes > bytes_max:
                raise BrokenAnswer("it is too large")
            await self._arrival()
        if self.body_bytes > bytes_max:
            raise BrokenAnswer("it is too large")
        return self._take()

    def _take(self) -> bytes:
        parts = self._parts
        taken = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts = []
        self._buffered = 0
        if self._paused:
            self._go_on()
        return taken

    def _go_on(self) -> None:
        self._paused = False
        self.heard_at = self._loop.time()
        self._resume()

    async def _arrival(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # What the parser finds.

    def on_message_begin(self) -> None:
        """A second message behind the answer is nobody's."""
        if self.complete:
            raise BrokenAnswer("bytes follow it")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field of the head; count those of a trailer."""
        self._fields += 1
        self._field_bytes += len(name) + len(value)
        if self._fields > FIELDS_MAX or self._field_bytes > HEAD_BYTES_MAX:
            self._refuse("its head is too large")
        if self.head_complete:
            return
        name = name.lower()
        if name not in self.headers:
            self.headers[name] = value
        elif name in _DECISIVE:
            self._refuse("a field that may stand once is repeated")

    def on_headers_complete(self) -> None:
        """Judge the head before anything of the body is believed."""
        status = self._parser.get_status_code()
        self._overhead = 0
        if status < 200:
            self._interim_head(status)
            return
        self._interim = False
        fault = self._fault_of_head(status)
        if fault:
            self._refuse(fault)
        self.status = status
        self.head_complete = True
        self.heard_at = self._loop.time()
        self._wake()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, and stop reading where the reader lags."""
        size = len(body)
        self._overhead = 0
        self.body_bytes += size
        self.heard_at = self._loop.time()
        if self.offer is not None and not self._parts and self.offer(body):
            return
        self._parts.append(body)
        self._buffered += size
        if self._buffered > BUFFERED_BYTES_MAX and not self._whole and not self._paused:
            self._paused = True
            self._pause()
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def on_message_complete(self) -> None:
        """The end, where it was not that of an interim answer."""
        if self._interim:
            self.headers = {}
            return
        if self.failure is None:
            self.keep_alive = self._parser.should_keep_alive()
            self.complete = True
            self._wake()

    def _interim_head(self, status: int) -> None:
        self._interim = True
        self._interims += 1
        if status == 101:
            self._refuse("it switches protocols")
        if self._interims > INTERIMS_MAX:
            self._refuse("too many interim answers precede it")

    def _refuse(self, fault: str) -> NoReturn:
        """Fail, and stop the parser where it stands."""
        failure = BrokenAnswer(fault)
        self.fail(failure)
        raise failure

    def _fault_of_head(self, status: int) -> str:
        headers = self.headers
        if self._parser.get_http_version() != "1.1":
            return "it is not HTTP/1.1"
        if 300 <= status < 400:
            return "it redirects, and redirects are never followed"
        if status in (204, 205) or status >= 600:
            return "its status makes no sense here"
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            return "it is encoded, which was not asked for"
        transfer = headers.get(b"transfer-encoding")
        length = headers.get(b"content-length")
        if transfer is not None:
            return "" if transfer.lower() == b"chunked" and length is None else "its framing is ambiguous"
        if length is None or not length.isdigit():
            return "it does not say where it ends"
        self.length = int(length)
        return ""


_DECISIVE = frozenset({b"content-length", b"transfer-encoding", b"content-encoding", b"content-type"})
