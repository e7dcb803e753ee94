"""A whole gateway behind `/control`, everything real on SQLite, and one key for each role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from litestar import Litestar

from gateway.access.admissions import Admissions
from gateway.access.calls import new_request_id
from gateway.access.current import Current
from gateway.access.entrance import Entrance
from gateway.access.feed import Feed
from gateway.access.gate import Gate
from gateway.access.grants import Holdings
from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import read_policy_set
from gateway.access.judging import Judging
from gateway.access.limits import take_limits
from gateway.access.refusals import Refusals
from gateway.access.review import Review
from gateway.access.snapshot import InForce
from gateway.access.usable import Usable
from gateway.clock import DAY, elapsed_us, text_from
from gateway.control.areas import Areas
from gateway.control.problems import HANDLERS
from gateway.control.router import control_router
from gateway.database.engine import Database, database_now
from gateway.identity.callers import Caller, Role
from gateway.identity.directory import Directory
from gateway.identity.keyring import KeyOrder
from gateway.identity.organisations import PROVIDER
from gateway.identity.peppers import Peppers
from gateway.ledger.entries import Body, Draft, Event
from gateway.ledger.intents import Intent
from gateway.ledger.search import Search
from gateway.ledger.store import Ledger
from gateway.ledger.writer import Writer
from gateway.lookups import Lookup
from gateway.releases.catalogue import Catalogue
from gateway.shipped import shipped

DOCUMENTS = {"terms/aup.md": "Do no harm.\n"}

OPEN = "acme/open"
LIMITED = "acme/limited"
CLOSED = "acme/closed"


@dataclass
class Premises:
    """The house, its app, and the keys by which it is entered."""

    areas: Areas
    gate: Gate
    writer: Writer
    feed: Feed
    review: Review
    app: Litestar
    callers: dict[str, Caller] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    turned_away: list[str] = field(default_factory=list)

    async def follow(self) -> None:
        """What every process does several times a second."""
        await self.feed.poll(self.review)

    async def settle(self) -> None:
        """Wait until everything submitted is recorded: what is appended now comes after it."""
        await self.writer.append(Intent(Draft(new_request_id(), Event.CLOCK_STEPPED, Body())))

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
        self.tokens[name] = issued.token.reveal()
        self.callers[name] = await self.areas.directory.authenticate(self.tokens[name], "10.0.0.1", moment)

    async def apply(self, file: str) -> None:
        """Put a release file in force."""
        answer = await self.ask("POST", "/releases", json={"file": file, "documents": DOCUMENTS, "adopt": True})
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def premises(database: Database) -> AsyncIterator[Premises]:
    """A gateway with the organisations acme and bolt, three releases, and a key for each role."""
    current = Current(stale_s=60)
    ledger = Ledger(database, current.clock.now)
    directory = Directory(database, ledger, Peppers([b"p" * 32]))
    catalogue = Catalogue(database, ledger)
    admissions = Admissions(database, ledger)
    holdings: Lookup[str, Holdings] = Lookup(admissions.holdings, keeps=1000)
    writer = Writer(ledger, take_limits)
    judge = EmbeddedJudge(read_policy_set(shipped("policies")))
    await judge.start()
    judging, refusals = Judging(judge), Refusals("https://example.com/ask")
    gate = Gate(current, judging, holdings, writer, refusals)

    async def load() -> dict[str, InForce]:
        return {release.name: await _in_force(catalogue, release.name) for release in await catalogue.releases()}

    def forget(kind: str, subject: str) -> None:
        directory.drop(kind, subject)
        if kind == "organisation":
            holdings.drop(subject)

    turned_away: list[str] = []
    areas = Areas(
        entrance=Entrance(directory, current, turned_away.append),
        directory=directory,
        catalogue=catalogue,
        admissions=admissions,
        current=current,
        usable=Usable(gate, current),
        refusals=refusals,
        search=Search(database),
        database=database,
    )
    asked = elapsed_us()
    current.clock.observe(await database.read(database_now), asked, elapsed_us())
    await writer.start()
    app = Litestar([control_router(areas)], exception_handlers=HANDLERS)
    house = Premises(
        areas,
        gate,
        writer,
        Feed(ledger, current, judging, load, [forget]),
        Review(gate, directory, current, writer),
        app,
        turned_away=turned_away,
    )
    await _furnish(house)
    yield house
    await writer.stop()
    await judge.stop()


async def _in_force(catalogue: Catalogue, release: str) -> InForce:
    version = await catalogue.get(release)
    return InForce(version.strategy, version.digest)


async def _furnish(house: Premises) -> None:
    moment = house.areas.current.clock.now()
    issued = await house.areas.directory.bootstrap(moment)
    assert issued is not None, "the database is new"
    await house.follow()
    house.tokens["provider"] = issued.token.reveal()
    house.callers["provider"] = await house.areas.directory.authenticate(issued.token.reveal(), "10.0.0.1", moment)
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
