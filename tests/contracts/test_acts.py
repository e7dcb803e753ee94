"""When acts were recorded, listed beside the ledger: by each act itself, and by an upgrade for those before it."""

import pytest
from sqlalchemy import Connection, select

from gateway.clock import DAY, NEVER, at
from gateway.database import migrate
from gateway.database.engine import open_database
from gateway.identity.attributes import Claim
from gateway.identity.callers import Role
from gateway.identity.keyring import KeyOrder
from gateway.ledger.acts import acts_on, entry_of, latest_by, recorded_after
from gateway.ledger.entries import AccessBody, Draft, written
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Appending
from gateway.ledger.tables import act_table
from tests.fakes.installation import NOW, Installation, begun

ACTOR = Actor(key="Pro000000000", organisation="provider")


async def with_acts(url: str) -> Installation:
    """Some acts, and a call among them."""
    house = await begun(open_database(url))

    def call(connection: Connection) -> None:
        draft = Draft("0" * 32, Event.ACCESS_REFUSED, AccessBody(organisation="acme"))
        Appending(connection, "process", lambda: NOW).place([written(draft)])

    await house.database.write(call)
    claim = Claim(name="kyc", value="K3", issuer="registry", assurance=3)
    await house.directory.assert_attribute(house.provider, "acme", claim, at(NOW.latest + DAY))
    await house.issue(KeyOrder(organisation="acme", roles=(Role.DEVELOPER,)))
    return house


async def listed(url: str) -> list[tuple[object, ...]]:
    database = open_database(url)
    try:
        query = select(act_table).order_by(act_table.c.index)
        return [tuple(row) for row in await database.read(lambda connection: connection.execute(query).all())]
    finally:
        await database.close()


async def test_an_upgrade_lists_the_acts_of_the_ledger_that_is_there(database_url: str) -> None:
    house = await with_acts(database_url)
    await house.database.close()
    before = await listed(database_url)

    await migrate.downgrade(database_url, "0007_changes")
    await migrate.upgrade(database_url)

    assert len(before) >= 6 and await listed(database_url) == before
    assert {row[2] for row in before} >= {"organisation:created", "key:issued", "attribute:asserted"}
    assert not any(str(row[2]).startswith("access:") for row in before)


async def test_an_act_that_fails_is_not_listed_either(database_url: str) -> None:
    house = await with_acts(database_url)

    def work(_: Connection) -> tuple[None, list[Act]]:
        return None, [Act(event=Event.TERMS_ACCEPTED, subject="x" * 10, detail={"name": 2**60})]

    with pytest.raises(Exception, match="too large"):
        await house.ledger.administer(ACTOR, work)

    found = await house.database.read(lambda c: acts_on(c, "x" * 10, (Event.TERMS_ACCEPTED,)))
    await house.database.close()
    assert found == []


async def test_each_act_is_found_by_what_it_is_about_and_names_its_entry(database_url: str) -> None:
    house = await with_acts(database_url)

    def look(connection: Connection) -> tuple[list[str], list[str], str | None, str]:
        all_of_acme = recorded_after(connection, 0, tuple(Event), organisation="acme")
        later = recorded_after(connection, NEVER, tuple(Event), organisation="acme")
        entry = entry_of(connection, all_of_acme[0])
        return (
            [a.event for a in all_of_acme],
            [a.event for a in later],
            latest_by(connection, NEVER, Event.ORGANISATION_CREATED),
            entry.body["subject"],
        )

    events, later, last, subject = await house.database.read(look)
    await house.database.close()

    assert events == ["organisation:created", "attribute:asserted", "key:issued"]
    assert (later, last, subject) == ([], "bolt", "acme")
