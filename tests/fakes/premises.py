"""A whole gateway behind `/control`, everything real on SQLite, and one key for each role."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar

from gateway.access.calls import new_request_id
from gateway.access.gate import Gate
from gateway.app import create_app
from gateway.clock import DAY, text_from
from gateway.control.areas import Areas
from gateway.identity.callers import Caller, Role
from gateway.identity.keyring import KeyOrder
from gateway.identity.organisations import PROVIDER
from gateway.inference.connector.upstreams import upstream_at
from gateway.installation import Installation
from gateway.ledger.entries import Body, Draft
from gateway.ledger.events import Event
from gateway.ledger.intents import Intent
from gateway.lifetime import Lifetime
from gateway.settings import Settings

DOCUMENTS = {"terms/aup.md": "Do no harm.\n"}

PROVIDERS = """\
identity_providers:
  corporate:
    issuer: http://127.0.0.1:9
    client_id: release-gateway
    people: [{match: {groups: staff}, organisation: provider, roles: [staff]}]
"""
"""A provider that nobody reaches, for people whose sessions are made without it."""

OPEN = "acme/open"
LIMITED = "acme/limited"
CLOSED = "acme/closed"


@dataclass
class Premises:
    """The house, its app, and the keys by which it is entered."""

    installation: Installation
    app: Litestar
    callers: dict[str, Caller] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def areas(self) -> Areas:
        """What the control door reaches into."""
        return self.installation.areas()

    @property
    def gate(self) -> Gate:
        """The gate behind every door."""
        return self.installation.gate

    async def follow(self) -> None:
        """What every process does several times a second."""
        touches = await self.installation.feed.poll()
        await self.installation.review.run(touches, self.installation.current.clock.now())

    async def settle(self) -> None:
        """Wait until everything submitted is recorded: what is appended now comes after it."""
        await self.installation.writer.append(Intent(Draft(new_request_id(), Event.CLOCK_STEPPED, Body())))

    async def ask(self, method: str, path: str, by: str | None = "provider", **given: Any) -> httpx.Response:
        """One request with somebody's key; what it changed is in force when this returns."""
        headers = {"authorization": f"Bearer {self.tokens[by]}"} if by else {}
        headers |= given.pop("headers", {})
        transport = httpx.ASGITransport(app=self.app, client=("10.0.0.1", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            answer = await client.request(method, f"/control{path}", headers=headers, **given)
        await self.follow()
        return answer

    async def enter(self, name: str, organisation: str, *roles: Role, **rights: Any) -> None:
        """Issue a key and remember it under a name."""
        _, moment = self.areas.current.now()
        order = KeyOrder(organisation=organisation, roles=roles, **rights)
        issued = await self.areas.directory.issue_key(self.callers["provider"], order, moment)
        await self.remember(name, issued.token.reveal())

    async def remember(self, name: str, token: str) -> None:
        """Who a token stands for, under a name."""
        _, moment = self.areas.current.now()
        self.tokens[name] = token
        self.callers[name] = await self.areas.directory.authenticate(token, "10.0.0.1", moment)

    async def apply(self, file: str, by: str = "provider") -> None:
        """Put a release file in force."""
        answer = await self.ask("POST", "/releases", by=by, json={"file": file, "documents": DOCUMENTS, "adopt": True})
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def premises(
    folder: Path, tokens: Mapping[str, str] | None = None, *, providers: str = "", **settings: Any
) -> AsyncIterator[Premises]:
    """A gateway with the organisations acme and bolt, three releases, and a key for each role.

    The folder has a migrated database, furnished already where its tokens are given. Nothing runs in the
    background: what follows, follows when it is told. `providers` declares whose people sign in.
    """
    declared = folder / "providers.yaml"
    declared.write_text(providers)
    chosen = {"data": folder, "access_request_url": "https://example.com/ask", **settings}
    installation = Installation(
        Settings(**chosen, identity_providers=declared if providers else None),
        {"simulated": upstream_at("simulated", "http://127.0.0.1:9")},
    )
    house = Premises(installation, create_app(installation))
    try:
        await installation.judge.start()
        await Lifetime(installation).tell_the_time()
        await installation.writer.start()
        if tokens is None:
            await _furnish(house)
        else:
            for name, token in tokens.items():
                await house.remember(name, token)
        yield house
    finally:
        await installation.writer.stop()
        await installation.explaining.stop()
        await installation.judge.stop()
        await installation.leisure.close()
        await installation.database.close()


async def furnished_once(folder: Path) -> dict[str, str]:
    """Furnish a folder that has a migrated database, to be copied; the tokens of its keys."""
    async with premises(folder) as house:
        return house.tokens


async def _furnish(house: Premises) -> None:
    moment = house.areas.current.clock.now()
    issued = await house.areas.directory.bootstrap(moment)
    assert issued is not None, "the database is new"
    await house.follow()
    await house.remember("provider", issued.token.reveal())
    for organisation in ("acme", "bolt"):
        provider = house.callers["provider"]
        await house.areas.directory.create_organisation(provider, organisation, organisation.title(), moment)
    for role in (Role.STAFF, Role.APPROVER, Role.ANALYST, Role.AUDITOR):
        await house.enter(role.value, PROVIDER, role)
    await house.enter("developer", "acme", Role.DEVELOPER)
    await house.enter("stranger", "bolt", Role.DEVELOPER)
    for file in (open_release(), limited_release(moment.latest), closed_release()):
        await house.apply(file)


def open_release() -> str:
    """Open by API to whoever accepts its terms."""
    return f"""\
release: {OPEN}
serves: {{inference: {{upstream: simulated, model: open}}}}
terms: {{aup: terms/aup.md}}
stages:
  - name: general
    opens: 2024-01-01T00:00:00Z
    access: api
    to: [public]
    offers: [inference.text]
    conditions: {{terms: [aup], requests_per_minute: 60, tokens_per_day: 1000}}
"""


def limited_release(now: int) -> str:
    """Open to whom a grant admits, and to everybody in ten days."""
    return f"""\
release: {LIMITED}
serves: {{inference: {{upstream: simulated, model: limited}}}}
audiences: {{testers: {{grant: required}}}}
stages:
  - {{name: trusted, opens: 2024-01-01T00:00:00Z, access: limited, to: [testers], offers: [inference.text]}}
  - {{name: general, opens: "{opening(now)}", access: api, to: [public], offers: [inference.text]}}
"""


def opening(now: int) -> str:
    """Midnight, ten days from now."""
    return text_from((now // DAY + 10) * DAY)


def closed_release() -> str:
    """For the provider's own people; hidden from everybody else."""
    return f"""\
release: {CLOSED}
serves: {{inference: {{upstream: simulated, model: closed}}}}
audiences: {{staff: {{role: staff}}}}
stages:
  - {{name: internal, opens: 2024-01-01T00:00:00Z, access: closed, to: [staff], offers: [inference.text]}}
"""
