"""An OPA server that answers whatever a test wants, sound or not, byte for byte."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]
"""Answers one request; False closes the connection."""

OBLIGATIONS = {
    "components": ["inference.text", "inference.logprobs"],
    "log": "metadata",
    "max_output_tokens": None,
    "requests_per_minute": 60,
    "retain_days": None,
    "tokens_per_day": None,
}
ALLOW = {"allow": True, "visible": True, "reasons": [], "obligations": OBLIGATIONS}


def answer(revision: str, result: Any = ALLOW, **more: Any) -> bytes:
    """The body of OPA's answer."""
    provenance = {"version": "1.22.2", "bundles": {"access": {"revision": revision}}}
    return json.dumps({"provenance": provenance, "result": result} | more).encode()


def response(body: bytes, status: str = "200 OK", headers: str = "content-type: application/json\r\n") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 {status}\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


def sends(raw: bytes, *, then: str = "keep") -> Behaviour:
    """Sends these bytes to every request, and then does one of keep, hang, close."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(raw)
        await writer.drain()
        if then == "hang":
            await hangs(reader, writer)
        return then == "keep"

    return behave


async def hangs(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> bool:
    """Says nothing until the other side hangs up."""
    await reader.read(1)
    return False


class FakeOPA:
    """Listens on loopback; `behaviour` may be changed at any time."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.requests: list[bytes] = []
        """First line of each request heard."""
        self.asked = asyncio.Event()
        """Set by the first request."""
        self.open = 0
        """Requests being answered."""
        self.open_max = 0
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, request after request."""
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        self.requests.append(head.split(b"\r\n")[0])
        self.asked.set()
        self.open += 1
        self.open_max = max(self.open_max, self.open)
        try:
            return await self.behaviour(reader, writer)
        finally:
            self.open -= 1


@asynccontextmanager
async def fake_opa(behaviour: Behaviour) -> AsyncIterator[FakeOPA]:
    """A fake OPA for the length of the block."""
    fake = FakeOPA(behaviour)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.close()
