"""An OPA server that a gateway trusts, until a test makes it faulty for the questions about one release."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateway.access.judges.policies import read_policy_set
from gateway.shipped import shipped
from tests.access.judges.test_opa_faults import OURS
from tests.fakes.opa import OBLIGATIONS, Behaviour, FakeOPA, answer, response

PLAIN_NO = {"allow": False, "visible": False, "reasons": ["model_not_found"], "obligations": None}
ALLOW_TEXT = {
    "allow": True,
    "visible": True,
    "reasons": [],
    "obligations": OBLIGATIONS | {"components": ["inference.text"], "requests_per_minute": None},
}


class AsOurs:
    """A writer under whose hand the canned answers come from the policy set that the gateway trusts."""

    def __init__(self, writer: asyncio.StreamWriter, digest: str) -> None:
        self._writer = writer
        self._digest = digest.encode()

    def write(self, raw: bytes) -> None:
        self._writer.write(raw.replace(OURS.encode(), self._digest))

    async def drain(self) -> None:
        await self._writer.drain()


class Judge(FakeOPA):
    """Says no to what makes no sense, yes to all else, and what `faults` says about the releases named there."""

    def __init__(self) -> None:
        self.digest = read_policy_set(shipped("policies")).digest
        self.faults: dict[str, Behaviour] = {}
        super().__init__(self._never)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen, on the same port as before where there was one."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """Nobody listens, and every connection is gone."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._connections):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            await self.serve(reader, writer)
        finally:
            self._connections.discard(writer)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        question: dict[str, Any] = json.loads(await reader.readexactly(length))["input"]
        fault = self.faults.get(question.get("release", ""))
        if fault is not None:
            return await fault(reader, AsOurs(writer, self.digest))  # type: ignore[arg-type]
        writer.write(response(answer(self.digest, ALLOW_TEXT if question else PLAIN_NO)))
        await writer.drain()
        return True

    async def _never(self, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> bool:
        raise AssertionError("every question is answered above")


@asynccontextmanager
async def judge_server() -> AsyncIterator[Judge]:
    """A judge for the length of the block."""
    judge = Judge()
    await judge.start()
    try:
        yield judge
    finally:
        await judge.stop()
