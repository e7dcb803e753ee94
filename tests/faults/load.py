"""Callers that go on until the gateway is gone, and remember what they got."""

import asyncio
import threading
from dataclasses import dataclass, field
from types import TracebackType

import httpx

CALLERS = 8


@dataclass
class Got:
    """What one call brought, as its caller saw it."""

    request_id: str
    """Empty where a balancer answered in a gateway's stead."""
    status: int
    bytes_in: int = 0
    whole: bool = False
    """Whether the answer came to its end."""
    said: str = ""
    """The answer to a call that was refused."""


@dataclass
class Load:
    """Concurrent callers, every other call streamed, on a thread of their own for the length of the block."""

    url: str
    token: str
    model: str
    callers: int = CALLERS
    got: list[Got] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """How calls failed that brought no answer, or not all of it."""
    begun: threading.Event = field(default_factory=threading.Event)
    """Set when the first answer has come."""

    def __enter__(self) -> "Load":
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    async def _run(self) -> None:
        headers = {"authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10) as client:
            await asyncio.gather(*(self._caller(client, first) for first in range(self.callers)))

    async def _caller(self, client: httpx.AsyncClient, turn: int) -> None:
        while not self._ended.is_set():
            turn += 1
            asked = {
                "model": self.model,
                "messages": [{"role": "user", "content": "Hold on."}],
                "stream": turn % 2 == 0,
            }
            try:
                await self._call(client, asked)
            except httpx.TransportError as error:
                self.broken.append(f"{type(error).__name__} {'of a stream' if asked['stream'] else ''}".strip())
                await asyncio.sleep(0.01)

    async def _call(self, client: httpx.AsyncClient, asked: dict[str, object]) -> None:
        async with client.stream("POST", "/v1/chat/completions", json=asked) as answer:
            got = Got(answer.headers.get("x-request-id", ""), answer.status_code)
            self.got.append(got)
            async for piece in answer.aiter_raw():
                got.bytes_in += len(piece)
                if got.status != 200:
                    got.said += piece.decode()
                self.begun.set()
            got.whole = True
