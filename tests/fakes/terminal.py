"""A terminal in front of a gateway in this process: the real commands, over HTTP without a socket."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from click.testing import CliRunner, Result

from gateway.cli.main import gateway
from tests.fakes.premises import Premises, premises

T = TypeVar("T")


class Loop:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something there, and wait."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


class Wire(httpx.BaseTransport):
    """Requests of the commands, answered by the app on the other thread."""

    def __init__(self, loop: Loop, house: Premises) -> None:
        self._loop = loop
        self._house = house
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        request.read()
        return self._loop.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._house.app, client=("10.0.0.1", 5000))
        forwarded = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        answer = await transport.handle_async_request(forwarded)
        content = await answer.aread()
        await self._house.follow()
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)


class Terminal:
    """Where commands are typed."""

    def __init__(self, loop: Loop, house: Premises) -> None:
        self.loop = loop
        self.house = house
        self.wire = Wire(loop, house)

    def type(self, *words: str, by: str | None = "provider", **options: Any) -> Result:
        """One command with somebody's key."""
        environment = {
            "GATEWAY_KEY": self.house.tokens[by] if by else None,
            "NO_COLOR": "1",
            "XDG_CONFIG_HOME": str(self.house.installation.settings.data.absolute() / "config"),
        }
        return CliRunner().invoke(
            gateway, list(words), obj={"transport": self.wire}, env=environment, prog_name="gateway", **options
        )


@contextmanager
def terminal(folder: Path, tokens: Mapping[str, str], *, providers: str = "") -> Iterator[Terminal]:
    """A terminal in front of a furnished gateway in a folder."""
    loop = Loop()
    stack = AsyncExitStack()

    async def open_up() -> Premises:
        return await stack.enter_async_context(premises(folder, tokens, providers=providers))

    try:
        yield Terminal(loop, loop.run(open_up()))
    finally:
        loop.run(stack.aclose())
        loop.close()
