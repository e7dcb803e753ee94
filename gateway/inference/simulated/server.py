"""The simulated model's own small HTTP/1.1 server, on loopback only, reached like any other upstream."""

import asyncio
import time
from typing import cast

from httptools import HttpParserError, HttpRequestParser

from gateway.inference.simulated.answers import Reply, reply

BODY_BYTES_MAX = 64 * 1024 * 1024
_PREFIX = "/v1"


class SimulatedModel:
    """Starts the server and says where it is; `interval_s` slows its streams down to look at them."""

    def __init__(self, *, interval_s: float = 0.0) -> None:
        self._interval_s = interval_s
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def start(self) -> str:
        """Listen on a free port of loopback. Returns the base URL for an upstream's declaration."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self._interval_s, self._connections), "127.0.0.1", 0
        )
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}{_PREFIX}"

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self, interval_s: float, connections: set["_Connection"]) -> None:
        self._interval_s = interval_s
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._streaming: asyncio.Task[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._parser = HttpRequestParser(self)
        self._url = b""
        self._body = bytearray()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._streaming is not None:
            self._streaming.cancel()

    def data_received(self, data: bytes) -> None:
        if self._streaming is not None:
            # Nobody asks while still being answered.
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self.close()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    # What the parser finds.

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > BODY_BYTES_MAX:
            self.close()

    def on_message_complete(self) -> None:
        assert self._transport is not None
        path = self._url.decode("ascii", "replace").removeprefix(_PREFIX)
        answer = reply(path, bytes(self._body), int(time.time()))
        self._url, self._body = b"", bytearray()
        if not answer.frames:
            self._transport.write(_head(answer, b"content-length: %d" % len(answer.body)) + answer.body)
        elif self._interval_s:
            self._streaming = asyncio.get_running_loop().create_task(self._stream(answer))
        else:
            chunks = b"".join(map(_chunk, answer.frames))
            self._transport.write(_head(answer, b"transfer-encoding: chunked") + chunks + b"0\r\n\r\n")

    async def _stream(self, answer: Reply) -> None:
        assert self._transport is not None
        self._transport.write(_head(answer, b"transfer-encoding: chunked"))
        for frame in answer.frames:
            await self._may_write.wait()
            self._transport.write(_chunk(frame))
            await asyncio.sleep(self._interval_s)
        self._streaming = None
        self._transport.write(b"0\r\n\r\n")


def _head(answer: Reply, framing: bytes) -> bytes:
    kind = b"text/event-stream" if answer.frames else b"application/json"
    return b"HTTP/1.1 %d Simulated\r\ncontent-type: %s\r\n%s\r\n\r\n" % (answer.status, kind, framing)


def _chunk(frame: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(frame), frame)
