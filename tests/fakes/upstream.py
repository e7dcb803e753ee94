"""A model's server that remembers every request it saw, answers as told, and can be hostile or paced.

As a program (`python tests/fakes/upstream.py --remember FILE --port-file FILE [--interval-ms N --chunks N]`) it
appends one line a request to FILE before it answers a byte, so that what it saw survives any kill. With `--victim
FILE2` it kills the process whose id stands in FILE2 the moment it has seen a request: the worst moment there is.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

CHUNK = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"fake",'
    b'"choices":[{"index":0,"delta":{"content":" word and a little more of it"},"finish_reason":null}],'
    b'"padding":"........................."}\n\n'
)
USAGE_CHUNK = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"fake","choices":[],'
    b'"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}\n\n'
)
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Seen:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        asked: dict[str, object] = json.loads(self.body)
        return asked


@dataclass
class FakeUpstream:
    """Listens on loopback; `requests` grows before each answer."""

    answer: Callable[["Seen", asyncio.StreamWriter], Awaitable[bool]] | None = None
    """Writes an answer and says whether the connection stays open. Default: the OpenAI dialect."""
    remember: Path | None = None
    victim: Path | None = None
    """Where the id stands of the process to kill at the next request."""
    interval_s: float = 0.0
    chunks: int = 5
    prompt_tokens: int = 7
    port: int = 0
    tls: ssl.SSLContext | None = None
    impatient: bool = False
    """Answers as soon as it has a request's head, without reading the body."""
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    gone: int = 0
    """Connections that ended while an answer was under way."""
    chunks_sent: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> "FakeUpstream":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                seen = await self._next_request(reader)
                if seen is None or not await (self.answer or self._openai)(seen, writer):
                    return
        except ConnectionError:
            self.gone += 1
        except asyncio.CancelledError:
            pass  # The fake is closing, with answers under way.
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(ConnectionError, RuntimeError):
                writer.close()

    async def _next_request(self, reader: asyncio.StreamReader) -> Seen | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = b"" if self.impatient else await reader.readexactly(int(headers.get("content-length", "0")))
        seen = Seen(head[0], headers, body)
        self.requests.append(seen)
        if self.remember is not None:
            self._write_down(seen)
        if self.victim is not None and self.victim.exists():
            os.kill(int(self.victim.read_text()), signal.SIGKILL)
            self.victim.unlink()
        return seen

    def _write_down(self, seen: Seen) -> None:
        assert self.remember is not None
        line = json.dumps({"request_id": seen.headers.get("x-request-id", ""), "line": seen.line}) + "\n"
        out = os.open(self.remember, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(out, line.encode())
        finally:
            os.close(out)

    async def _openai(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        asked = seen.json
        if asked.get("stream"):
            await self._stream(asked, writer)
        elif seen.line.split(" ")[1].endswith("/embeddings"):
            usage = {"prompt_tokens": self.prompt_tokens, "total_tokens": self.prompt_tokens}
            data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
            await send_json(writer, {"object": "list", "data": data, "model": "fake", "usage": usage})
        else:
            usage = {
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": 3,
                "total_tokens": self.prompt_tokens + 3,
            }
            message = {"role": "assistant", "content": "Hello from the fake."}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            await send_json(
                writer,
                {
                    "id": "chatcmpl-1",
                    "object": "chat.completion",
                    "created": 1,
                    "model": "fake",
                    "choices": [choice],
                    "usage": usage,
                },
            )
        return True

    async def _stream(self, asked: dict[str, object], writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(self.chunks):
            writer.write(chunked(CHUNK))
            await writer.drain()
            self.chunks_sent += 1
            if self.interval_s:
                await asyncio.sleep(self.interval_s)
        options = asked.get("stream_options")
        if isinstance(options, dict) and options.get("include_usage"):
            counts = (self.prompt_tokens, self.chunks, self.prompt_tokens + self.chunks)
            writer.write(chunked(USAGE_CHUNK % counts))
        writer.write(chunked(DONE) + b"0\r\n\r\n")
        await writer.drain()


def chunked(content: bytes) -> bytes:
    """One chunk of HTTP's chunked coding."""
    return b"%x\r\n%s\r\n" % (len(content), content)


async def send_json(writer: asyncio.StreamWriter, value: object, status: str = "200 OK", headers: str = "") -> None:
    """A plain answer."""
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


def saying(
    *parts: bytes, then_close: bool = False, pause_s: float = 0.0
) -> Callable[[Seen, asyncio.StreamWriter], Awaitable[bool]]:
    """An answer of exactly these bytes, each part in a write of its own, whatever was asked."""

    async def answer(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if not then_close:
            await asyncio.Event().wait()
        return False

    return answer


def without_end(
    start: bytes, piece: bytes, every_s: float = 0.0
) -> Callable[[Seen, asyncio.StreamWriter], Awaitable[bool]]:
    """An answer that goes on for ever."""

    async def answer(_seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(start)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every_s)
        return False

    return answer


OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
BODY = b'{"id":"x","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}'
LENGTH = b"content-length: %d\r\n" % len(BODY)

HOSTILE: dict[str, Callable[[Seen, asyncio.StreamWriter], Awaitable[bool]]] = {
    "closes without a word": saying(then_close=True),
    "says nothing": saying(),
    "is not HTTP": saying(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "is HTTP/1.0": saying(b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + BODY),
    "is HTTP/2": saying(b"HTTP/2.0 200 OK\r\n" + LENGTH + b"\r\n" + BODY),
    "status without sense": saying(b"HTTP/1.1 20 OK\r\n" + LENGTH + b"\r\n" + BODY),
    "status 999": saying(b"HTTP/1.1 999 X\r\n" + LENGTH + b"\r\n" + BODY),
    "switches protocols": saying(b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\nraw bytes"),
    "flood of interim answers": saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + OK + LENGTH + b"\r\n" + BODY),
    "endless early hints": without_end(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
    "redirect": saying(b"HTTP/1.1 307 Temporary\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"),
    "permanent redirect": saying(b"HTTP/1.1 308 Permanent\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"),
    "length and chunks": saying(OK + LENGTH + b"transfer-encoding: chunked\r\n\r\n" + chunked(BODY) + b"0\r\n\r\n"),
    "chunks and length": saying(
        OK + b"transfer-encoding: chunked\r\n" + LENGTH + b"\r\n" + chunked(BODY) + b"0\r\n\r\n"
    ),
    "two lengths": saying(OK + LENGTH + b"content-length: 4\r\n\r\n" + BODY),
    "a list of lengths": saying(OK + b"content-length: 5, 5\r\n\r\nhello"),
    "negative length": saying(OK + b"content-length: -5\r\n\r\n" + BODY),
    "length with a sign": saying(OK + b"content-length: +5\r\n\r\nhello"),
    "length beyond all integers": saying(OK + b"content-length: 99999999999999999999999\r\n\r\n" + BODY),
    "no length at all": saying(OK + b"\r\n" + BODY, then_close=True),
    "layered codings": saying(OK + b"transfer-encoding: gzip, chunked\r\n\r\n" + chunked(BODY) + b"0\r\n\r\n"),
    "chunked not last": saying(OK + b"transfer-encoding: chunked, identity\r\n\r\n" + chunked(BODY), then_close=True),
    "chunk size is not a number": saying(OK + b"transfer-encoding: chunked\r\n\r\nZZ\r\nhello\r\n0\r\n\r\n"),
    "chunk size overflows": saying(OK + b"transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
    "chunk ends in other bytes": saying(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhelloXY0\r\n\r\n"),
    "endless chunk extension": without_end(OK + b"transfer-encoding: chunked\r\n\r\n5;", b"a" * 65536),
    "endless trailer": without_end(OK + b"transfer-encoding: chunked\r\n\r\n0\r\nx: ", b"a" * 65536),
    "many trailers": saying(OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 500 + b"\r\n"),
    "gzip unasked": saying(OK + b"content-encoding: gzip\r\n" + LENGTH + b"\r\n" + BODY),
    "ends early": saying(OK + b"content-length: 5000\r\n\r\n" + BODY, then_close=True),
    "ends inside a chunk": saying(OK + b"transfer-encoding: chunked\r\n\r\nff\r\nhello", then_close=True),
    "ends inside the head": saying(OK, then_close=True),
    "huge header": saying(OK + b"x-big: " + b"a" * 100_000 + b"\r\n" + LENGTH + b"\r\n" + BODY),
    "many headers": saying(OK + b"x: y\r\n" * 200 + LENGTH + b"\r\n" + BODY),
    "endless header": without_end(OK + b"x-big: ", b"a" * 65536),
    "endless reason phrase": without_end(b"HTTP/1.1 200 ", b"a" * 65536),
    "folded header": saying(OK + b"x: a\r\n b\r\n" + LENGTH + b"\r\n" + BODY),
    "NUL in a header": saying(OK + b"x: a\x00b\r\n" + LENGTH + b"\r\n" + BODY),
    "space before the colon": saying(OK + b"content-length : 5\r\n\r\nhello"),
    "bare line feeds": saying(b"HTTP/1.1 200 OK\ncontent-length: 5\n\nhello"),
    "content type twice": saying(OK + b"content-type: text/html\r\n" + LENGTH + b"\r\n" + BODY),
    "body above the limit": saying(OK + b"content-length: 99999999\r\n\r\n" + BODY),
    "chunked body above the limit": without_end(OK + b"transfer-encoding: chunked\r\n\r\n", chunked(b"a" * 65536)),
    "body that drips": without_end(OK + b"content-length: 1000\r\n\r\n", b"a", every_s=0.02),
    "head that drips": without_end(OK, b"x: y\r\n", every_s=0.02),
}
"""Answers none of which may reach a caller, by what is wrong with them."""


def main() -> None:
    """Serve until killed."""
    options = argparse.ArgumentParser()
    options.add_argument("--remember", type=Path)
    options.add_argument("--victim", type=Path)
    options.add_argument("--port-file", type=Path, required=True)
    options.add_argument("--interval-ms", type=float, default=0.0)
    options.add_argument("--chunks", type=int, default=5)
    chosen = options.parse_args()

    async def serve() -> None:
        upstream = FakeUpstream(
            remember=chosen.remember,
            victim=chosen.victim,
            interval_s=chosen.interval_ms / 1000,
            chunks=chosen.chunks,
        )
        async with upstream:
            half = chosen.port_file.with_suffix(".half")
            half.write_text(str(upstream.port))
            half.rename(chosen.port_file)
            await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
