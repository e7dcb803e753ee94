"""An installation's identity: the provider, two customers, and their keys."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

import pytest
from sqlalchemy import Connection, text

from gateway.clock import DAY, Moment, at
from gateway.database.engine import Database
from gateway.errors import Unauthenticated
from gateway.identity.attributes import Claim
from gateway.identity.callers import Caller
from gateway.identity.directory import Directory
from gateway.identity.keyring import Issued, KeyOrder
from gateway.identity.peppers import Peppers
from gateway.ledger.entries import entry_from
from gateway.ledger.store import Ledger

T = TypeVar("T")

START = 20_000 * DAY
NOW = at(START)
PEPPERS = Peppers([b"p" * 32])
PROVIDERS = ("corporate", "other")
"""The identity providers that are declared."""
ACME = KeyOrder(organisation="acme")
CLAIM = Claim(name="kyc", value="K5", issuer="registry", assurance=4)


class CountedDatabase:
    """A database that counts what is read, and fails or does something first when told to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0
        self.writes = 0
        self.fails: Exception | None = None

    @property
    def dialect(self) -> str:
        return self._database.dialect

    async def read(self, work: Callable[[Connection], T]) -> T:
        self.reads += 1
        if self.fails is not None:
            raise self.fails
        return await self._database.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        self.writes += 1
        if self.fails is not None:
            raise self.fails
        return await self._database.write(work)

    async def close(self) -> None:
        await self._database.close()


@dataclass
class Installation:
    """A directory, and who stands in it."""

    database: CountedDatabase
    ledger: Ledger
    directory: Directory
    provider: Caller
    provider_token: str

    def another_process(self, providers: Collection[str] = PROVIDERS) -> Directory:
        """A directory over the same database that has seen nothing yet."""
        return Directory(self.database, self.ledger, PEPPERS, providers=providers)

    async def issue(self, order: KeyOrder, *, by: Caller | None = None, now: Moment = NOW) -> Issued:
        return await self.directory.issue_key(by or self.provider, order, now)

    async def enter(self, order: KeyOrder, *, now: Moment = NOW) -> tuple[Caller, str]:
        """Issue a key and use it."""
        token = (await self.issue(order, now=now)).token.reveal()
        return await self.directory.authenticate(token, "10.0.0.1", now), token


async def begun(database: Database) -> Installation:
    """An installation just begun, with the organisations `acme` and `bolt`."""
    counted = CountedDatabase(database)
    ledger = Ledger(counted, lambda: NOW)
    directory = Directory(counted, ledger, PEPPERS, providers=PROVIDERS)
    first = await directory.bootstrap(NOW)
    assert first is not None
    provider = await directory.authenticate(first.token.reveal(), None, NOW)
    for name in ("acme", "bolt"):
        await directory.create_organisation(provider, name, name.title(), NOW)
    return Installation(counted, ledger, directory, provider, first.token.reveal())


async def refusal(directory: Directory, token: str, *, peer: str | None = "10.0.0.1", now: Moment = NOW) -> str:
    """The code with which a token is turned away."""
    with pytest.raises(Unauthenticated) as refused:
        await directory.authenticate(token, peer, now)
    return refused.value.code


async def lines(installation: Installation) -> list[tuple[str, dict[str, object]]]:
    """Event and body of every entry, in order."""
    rows = await installation.database.read(
        lambda connection: connection.execute(text('SELECT line FROM ledger_entry ORDER BY "index"')).scalars().all()
    )
    entries = [entry_from(line, b"") for line in rows]
    return [(entry.event, entry.body) for entry in entries]
