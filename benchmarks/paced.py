"""A model's server that streams at an even pace: one frame every 10 ms to each open stream.

Started as `python -m benchmarks.paced PORT`. A call's `max_tokens` says how many frames it gets; the
usage and `[DONE]` follow the last. One timer serves all streams: they are kept in ten slots of a
millisecond, so that a thousand of them do not come due at once.
"""

import asyncio
import json
import sys
from typing import Any, cast

import httptools
import uvloop

from benchmarks.contenders import MODEL

FRAME_BYTES = 230
PERIOD_S = 0.01
SLOTS = 10
FRAMES = 100
"""Frames of a stream whose caller does not say."""
MARK = "~token~"
"""Stands once in the text of every frame, so that frames can be counted whatever a gateway writes around it."""


def frame(**choice: Any) -> bytes:
    """One server-sent event of exactly 230 bytes that carries the mark."""

    def event(text: str) -> bytes:
        delta = {"index": 0, "delta": {"content": text}, "finish_reason": None, **choice}
        return _event(choices=[delta])

    return event(MARK + "." * (FRAME_BYTES - len(event(MARK))))


def closing(frames: int) -> bytes:
    """The usage and the end of a stream of so many frames."""
    usage = {"prompt_tokens": 12, "completion_tokens": frames, "total_tokens": 12 + frames}
    return _event(choices=[], usage=usage) + b"data: [DONE]\n\n"


def _event(**fields: Any) -> bytes:
    chunk = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1760000000, "model": MODEL, **fields}
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
FRAME = _chunked(frame())
LAST = _chunked(frame(finish_reason="stop"))


class Pace:
    """Sends to every open stream once in ten milliseconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: list[set[Stream]] = [set() for _ in range(SLOTS)]
        self._slot = 0
        self._due_at = loop.time()
        self._tick()

    def join(self, stream: "Stream") -> None:
        """The stream has just got its first frame: the next is due in a full period."""
        self._slots[self._slot - 1].add(stream)

    def leave(self, stream: "Stream") -> None:
        for slot in self._slots:
            slot.discard(stream)

    def _tick(self) -> None:
        now = self._loop.time()
        while self._due_at <= now:
            slot = self._slots[self._slot]
            self._slot = (self._slot + 1) % SLOTS
            self._due_at += PERIOD_S / SLOTS
            for stream in [stream for stream in slot if not stream.send()]:
                slot.discard(stream)
        self._loop.call_at(self._due_at, self._tick)


class Stream(asyncio.Protocol):
    """One connection, with one stream at a time."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""
        self._frames = 0
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but ancestry

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._frames = self._left = json.loads(self._body).get("max_tokens") or FRAMES
        self._body = b""
        self._transport.write(HEAD)
        if self.send():
            self._pace.join(self)

    def send(self) -> bool:
        """Send the next frame; False once nothing is left to send."""
        if self._left == 0:
            return False
        self._left -= 1
        if self._left:
            self._transport.write(FRAME)
            return True
        self._transport.write(LAST + _chunked(closing(self._frames)) + b"0\r\n\r\n")
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self._left = 0
        self._pace.leave(self)


async def serve(port: int) -> None:
    """Serve on loopback until the program is ended."""
    loop = asyncio.get_running_loop()
    pace = Pace(loop)
    server = await loop.create_server(lambda: Stream(pace), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
