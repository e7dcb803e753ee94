"""A client on the far side of ASGI: it takes what is sent, reads slowly or not at all, and may hang up."""

import asyncio
from dataclasses import dataclass, field
from typing import Any


@dataclass
class FakeClient:
    """`receive` and `send` are what an application is called with."""

    reads: asyncio.Event = field(default_factory=asyncio.Event)
    """While set, what is sent is taken at once; while not, `send` waits, as a server's does when its buffer is full."""
    messages: list[Any] = field(default_factory=list)
    tell_when_gone: bool = True
    """Whether `send` returns when the client has hung up, as uvicorn's does, or waits on."""
    _is_sent_to: bool = False
    _gone: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a piece of body has been taken."""

    def __post_init__(self) -> None:
        self.reads.set()

    def hang_up(self) -> None:
        self._gone.set()
        if self.tell_when_gone:
            self.reads.set()

    async def receive(self) -> Any:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        assert not self._is_sent_to, "two sends at once"
        if not self.reads.is_set():
            self._is_sent_to = True
            try:
                await self.reads.wait()
            finally:
                self._is_sent_to = False
        if self._gone.is_set():
            return
        self.messages.append(dict(message))
        self.arrived.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def is_complete(self) -> bool:
        return bool(self.messages) and self.messages[-1].get("more_body") is False
