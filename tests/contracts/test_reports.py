"""What reports ask of the database, on both engines: who held a grant, and what stood of them, at any instant."""

from collections.abc import AsyncIterator

import msgspec
import pytest_asyncio
from sqlalchemy import Connection

from gateway.access import store as access
from gateway.access.grants import Grant
from gateway.clock import at
from gateway.database.engine import Database
from gateway.identity import store as identity
from gateway.identity.callers import Assertion
from gateway.identity.organisations import Organisation
from gateway.identity.search import BATCH, asserted
from gateway.releases import store as releases
from gateway.releases.versions import StrategyVersion
from tests.builders import a_grant, an_assertion
from tests.releases.builders import a_stage, a_strategy

RELEASE = "acme/atlas-1"
MANY = BATCH + 7


def grant(id_: str, organisation: str, **differences: int | None) -> Grant:
    """From instant 100 to 200."""
    return a_grant(id=id_, organisation=organisation, **({"starts_at": 100, "ends_at": 200} | differences))


def sector(organisation: str, value: str, **differences: int) -> tuple[str, Assertion]:
    """Asserted at instant 50."""
    facts = {"id": f"attr_{organisation}_{value}", "asserted_at": 50} | differences
    return organisation, an_assertion("sector", value, **facts)


@pytest_asyncio.fixture
async def peopled(database: Database) -> AsyncIterator[Database]:
    """Organisations with grants and sectors that came and went."""

    def work(connection: Connection) -> None:
        for name in ("acme", "bolt", "corp", *(f"org-{i}" for i in range(MANY))):
            identity.add_organisation(connection, Organisation(name, name.title(), 0, "Pro000000000"))
        for given in (
            grant("1", "acme"),
            grant("2", "acme", starts_at=150),
            grant("3", "bolt", revoked_at=150),
            grant("4", "corp", ends_at=120),
            msgspec.structs.replace(grant("5", "corp"), release="acme/other"),
        ):
            access.add_grant(connection, given)
        for organisation, assertion in (
            sector("acme", "academia", assurance=1),
            sector("acme", "industry", assurance=2, expires_at=150),
            sector("bolt", "government"),
            sector("corp", "industry", asserted_at=160),
            *(sector(f"org-{i}", "industry") for i in range(MANY)),
        ):
            identity.add_assertion(connection, organisation, assertion, "Pro000000000")
        identity.withdraw_assertion(connection, "attr_bolt_government", 150, "wrong")

    await database.write(work)
    yield database


async def test_whoever_held_a_grant_at_an_instant_is_named_once(peopled: Database) -> None:
    instants = (99, 100, 119, 120, 149, 150, 199, 200)
    held = {
        instant: await peopled.read(lambda c, i=instant: access.organisations_admitted(c, RELEASE, i))
        for instant in instants
    }

    assert held == {
        99: [],
        100: ["acme", "bolt", "corp"],
        119: ["acme", "bolt", "corp"],
        120: ["acme", "bolt"],
        149: ["acme", "bolt"],
        150: ["acme"],
        199: ["acme"],
        200: [],
    }


async def test_what_stood_of_an_organisation_is_answered_as_it_stood_then(peopled: Database) -> None:
    stood = {
        instant: await peopled.read(lambda c, i=instant: asserted(c, "sector", ["acme", "bolt", "corp"], at(i)))
        for instant in (49, 50, 149, 150, 160)
    }

    assert {i: {name: each.value for name, each in found.items()} for i, found in stood.items()} == {
        49: {},
        50: {"acme": "industry", "bolt": "government"},
        149: {"acme": "industry", "bolt": "government"},
        150: {"acme": "academia"},
        160: {"acme": "academia", "corp": "industry"},
    }


async def test_more_organisations_than_a_statement_may_name_are_all_looked_up(peopled: Database) -> None:
    found = await peopled.read(lambda c: asserted(c, "sector", [f"org-{i}" for i in range(MANY)], at(60)))

    assert len(found) == MANY


async def test_the_version_as_of_an_instant_is_the_newest_applied_by_then(database: Database) -> None:
    def work(connection: Connection) -> None:
        for number, applied_at in ((1, 100), (2, 200)):
            strategy = a_strategy(a_stage(opens=number), release=RELEASE)
            version = StrategyVersion(strategy=strategy, digest=strategy.digest(), number=number, applied_at=applied_at)
            releases.add_version(connection, version)

    await database.write(work)
    found = [
        await database.read(lambda c, i=instant: releases.version_as_of(c, RELEASE, i))
        for instant in (99, 100, 199, 200, 201)
    ]

    assert [version.number for version in found if version is not None] == [1, 1, 1, 2, 2]
    assert await database.read(lambda c: releases.version_as_of(c, "acme/nothing", 200)) is None
