"""The whole gateway, doors and sockets and all, with the demonstration's releases: run on a thread of its own.

Tests stay plain functions: they ask over HTTP, or write bytes to a socket, as anybody outside would.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
import uvloop
from litestar import Litestar

from gateway.app import create_app, told_by_door, with_doors_first
from gateway.clock import Moment
from gateway.database.migrate import prepare
from gateway.demo import UPSTREAM, Demonstration, furnish
from gateway.identity.callers import Role
from gateway.identity.keyring import Key, KeyOrder
from gateway.inference.connector.upstreams import upstream_at
from gateway.installation import Installation
from gateway.serving import listening, make_server
from gateway.settings import Settings
from gateway.shipped import shipped
from tests.fakes.upstream import FakeUpstream

T = TypeVar("T")

CREDENTIAL = "upstream-credential-canary-9f3b"
"""What proves this gateway to its upstream; no caller may ever see it."""

CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "Good morning"}]
PROMPT_S = 10.0
"""How long anything may take before a test gives up on it."""


@dataclass
class House:
    """A gateway under way, the model's server behind it, and the keys by which it is entered."""

    installation: Installation
    app: Litestar
    upstream: FakeUpstream
    port: int
    loop: asyncio.AbstractEventLoop
    tokens: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=PROMPT_S, trust_env=False))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the gateway's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PROMPT_S * 6)

    def headers(self, by: str | None) -> dict[str, str]:
        """What somebody's key is sent in."""
        return {"authorization": f"Bearer {self.tokens[by]}"} if by else {}

    def ask(self, method: str, path: str, by: str | None = None, **given: Any) -> httpx.Response:
        """One request with somebody's key."""
        headers = self.headers(by) | given.pop("headers", {})
        return self.client.request(method, self.url + path, headers=headers, **given)

    def chat(self, model: str, by: str = "developer", **fields: Any) -> httpx.Response:
        """A short chat."""
        headers = fields.pop("headers", {})
        return self.ask("POST", CHAT, by, json={"model": model, "messages": MESSAGES, **fields}, headers=headers)

    def control(self, path: str, by: str = "provider", **body: Any) -> dict[str, Any]:
        """An act of administration that succeeds and is in force when this returns."""
        answer = self.ask("POST", f"/control{path}", by, json=body)
        assert answer.status_code in {200, 201}, answer.text
        self.follow()
        told: dict[str, Any] = answer.json()
        return told

    def follow(self) -> None:
        """Wait until everything that was written so far is in force."""
        revision = self.run(self.installation.ledger.news(0)).revision
        eventually(lambda: self.installation.current.snapshot.revision >= revision)

    def now(self) -> Moment:
        """The time as this gateway knows it."""
        return self.installation.current.clock.now()

    def enter(self, name: str, organisation: str, *roles: Role, **rights: Any) -> Key:
        """Issue a key by the provider's and remember it under a name."""
        provider = self.run(self.installation.directory.authenticate(self.tokens["provider"], "127.0.0.1", self.now()))
        order = KeyOrder(organisation=organisation, roles=roles or (Role.DEVELOPER,), **rights)
        issued = self.run(self.installation.directory.issue_key(provider, order, self.now()))
        self.tokens[name] = issued.token.reveal()
        self.follow()
        return issued.key

    def apply(self, file: str, **documents: str) -> dict[str, Any]:
        """Put a release file in force."""
        return self.control("/releases", file=file, documents=documents, adopt=True)

    def entries(self, **filters: Any) -> list[dict[str, Any]]:
        """Entries of the ledger, the newest first, once everything under way has been recorded."""
        eventually(lambda: not self.installation.writer.backlog)
        answer = self.ask("GET", "/control/ledger", "auditor", params={"limit": 200, **filters})
        assert answer.status_code == 200, answer.text
        entries: list[dict[str, Any]] = answer.json()["entries"]
        return entries

    def newest(self) -> int:
        """The index of the newest entry, which tells whether there is another one however long the ledger is."""
        index: int = self.entries(limit=1)[0]["index"]
        return index

    def say(self, data: bytes, *, wait_s: float = 2.0) -> bytes:
        """Write bytes to a fresh connection and return all that comes back until it is silent or closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PROMPT_S) as connection:
            connection.sendall(data)
            return heard(connection, wait_s)

    def answers(self) -> bool:
        """Whether it is alive and would judge and record a call."""
        return self.ask("GET", "/readyz").status_code == 200


def heard(connection: socket.socket, wait_s: float) -> bytes:
    """One whole answer, or what there is of it when nothing more comes."""
    connection.settimeout(wait_s)
    received = b""
    while not is_whole(received):
        try:
            piece = connection.recv(65536)
        except (TimeoutError, ConnectionResetError):
            return received
        if not piece:
            return received
        received += piece
    return received


def is_whole(received: bytes) -> bool:
    """Whether these bytes end a plain answer whose length is stated."""
    head, gap, body = received.partition(b"\r\n\r\n")
    if not gap:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False


def eventually(holds: Any, within_s: float = PROMPT_S) -> None:
    """Wait for what another thread brings about; fail where it never does."""
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until, "what was waited for did not come about"
        time.sleep(0.005)


@contextmanager
def open_house(folder: Path, upstream_is: Mapping[str, Any] | None = None, **settings: Any) -> Iterator[House]:
    """A gateway in this folder. It has a fresh database, unless `database_url` names another.

    `upstream_is` declares more of the model's server, such as its `output_limit`. It listens on a port that is free,
    unless a `port` is named, as it must be where others are to send people back here.
    """
    chosen = {"weights": shipped("demo"), "revision_poll_ms": 20, "log_level": "warning", **settings}
    ready: Future[House] = Future()
    leave: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def live() -> None:
        async with AsyncExitStack() as stack:
            upstream = await stack.enter_async_context(FakeUpstream())
            given = Settings(data=folder, **chosen)
            await prepare(given.database)
            declared = {UPSTREAM: upstream_at(UPSTREAM, upstream.url, CREDENTIAL, **(upstream_is or {}))}
            installation = Installation(given, declared)
            app = create_app(installation)
            server = make_server(with_doors_first(app, installation), told_by_door, graceful_s=1)
            port = await stack.enter_async_context(_served(server, settings.get("port", 0)))
            house = House(installation, app, upstream, port, asyncio.get_running_loop())
            await _furnish(house)
            leave.append((house.loop, asyncio.Event()))
            ready.set_result(house)
            await leave[0][1].wait()
            house.client.close()

    def life() -> None:
        try:
            uvloop.run(live())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=life, name="house")
    thread.start()
    try:
        yield ready.result(PROMPT_S * 3)
    finally:
        for loop, event in leave:
            loop.call_soon_threadsafe(event.set)
        thread.join(PROMPT_S)


class _served:
    """`listening`, told to stop when the block is left rather than to serve on."""

    def __init__(self, server: Any, port: int) -> None:
        self._server = server
        self._listening = listening(server, "127.0.0.1", port)

    async def __aenter__(self) -> int:
        return await self._listening.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        await self._listening.__aexit__(None, None, None)


async def _furnish(house: House) -> None:
    if house.installation.bootstrap is None:
        return  # another process furnished this database
    shown = msgspec.json.decode((await furnish(house.installation, house.url)).read_bytes(), type=Demonstration)
    house.tokens, house.models = shown.keys, shown.models
