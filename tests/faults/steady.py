"""Callers that call at a steady pace, in turn at each of several gateways, and remember how each call went."""

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import httpx

PACE_S = 0.1
"""Between a caller's call and its next."""


@dataclass(frozen=True)
class Answer:
    """How one call went."""

    who: str
    gateway: int
    began: float
    """`time.time()`, like the next."""
    ended: float
    status: int
    code: str
    """Of a refusal."""


@dataclass
class Steady:
    """Callers by name, for the length of the block."""

    urls: Sequence[str]
    tokens: Mapping[str, str]
    model: str
    answers: list[Answer] = field(default_factory=list)

    def __enter__(self) -> "Steady":
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def is_whole(self) -> bool:
        """Whether everybody has been answered at every gateway."""
        return len({(each.who, each.gateway) for each in self.answers}) == len(self.tokens) * len(self.urls)

    def between(self, first: float, last: float, *, of: Sequence[str]) -> list[Answer]:
        """Calls of some of them that began in this time."""
        return [each for each in self.answers if each.who in of and first <= each.began <= last]

    async def _run(self) -> None:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            callers = [
                self._caller(client, who, place, url) for who in self.tokens for place, url in enumerate(self.urls)
            ]
            await asyncio.gather(*callers)

    async def _caller(self, client: httpx.AsyncClient, who: str, gateway: int, url: str) -> None:
        asked = {"model": self.model, "messages": [{"role": "user", "content": "Go on."}]}
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        while not self._ended.is_set():
            began = time.time()
            try:
                answer = await client.post(f"{url}/v1/chat/completions", json=asked, headers=headers)
                code = "" if answer.is_success else str(answer.json()["error"]["code"])
                self.answers.append(Answer(who, gateway, began, time.time(), answer.status_code, code))
            except httpx.HTTPError as error:
                self.answers.append(Answer(who, gateway, began, time.time(), 0, type(error).__name__))
            await asyncio.sleep(PACE_S)
