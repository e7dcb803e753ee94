"""Who may stand behind a key, as far as issuing and rotating tell."""

import pytest

from gateway.clock import DAY, at
from gateway.database.engine import Database
from gateway.errors import NotFound
from gateway.identity.callers import Role
from gateway.identity.keyring import KeyOrder, Rotation
from gateway.identity.lineages import Lineage, lineage_of
from tests.fakes.installation import NOW, START, Installation, begun

ORDER = KeyOrder(roles=(Role.PROVIDER,))


async def lineage(installation: Installation, key: str) -> Lineage:
    return await installation.database.read(lambda connection: lineage_of(connection, key))


async def test_a_key_descends_from_those_that_issued_it(database: Database) -> None:
    installation = await begun(database)
    first = installation.provider
    child, _ = await installation.enter(ORDER)
    grandchild = (await installation.issue(ORDER, by=child)).key

    founder = (first.key,)
    assert await lineage(installation, first.key) == Lineage(first.key, (), since=START)
    assert await lineage(installation, child.key) == Lineage(child.key, founder, founder, since=START)
    assert await lineage(installation, grandchild.id) == Lineage(
        grandchild.id, tuple(sorted((first.key, child.key))), founder, since=START
    )


async def test_a_client_and_a_workload_are_machines_and_what_they_issue_is_not(database: Database) -> None:
    installation = await begun(database)
    order = KeyOrder(roles=(Role.PROVIDER,), scopes=("control",), is_client=True)
    client = (await installation.issue(order)).key
    workload = "workload_" + "0" * 32

    assert (await lineage(installation, client.id)).is_machine
    assert await lineage(installation, workload) == Lineage(workload, (), is_machine=True)


async def test_a_successor_is_as_old_as_the_first_of_its_chain(database: Database) -> None:
    installation = await begun(database)
    child, _ = await installation.enter(ORDER)
    heir = (await installation.directory.rotate_key(child, child.key, Rotation(), at(START + DAY))).key

    assert (await lineage(installation, heir.id)).since == START


async def test_a_key_and_its_successor_are_one_person(database: Database) -> None:
    installation = await begun(database)
    child, _ = await installation.enter(ORDER)
    heir = (await installation.directory.rotate_key(child, child.key, Rotation(), NOW)).key

    founder = (installation.provider.key,)
    assert await lineage(installation, heir.id) == Lineage(child.key, founder, founder, since=START)


async def test_who_rotates_the_key_of_another_has_held_it(database: Database) -> None:
    installation = await begun(database)
    child, _ = await installation.enter(ORDER)
    other, _ = await installation.enter(ORDER)
    heir = (await installation.directory.rotate_key(other, child.key, Rotation(), NOW)).key

    found = await lineage(installation, heir.id)

    assert found.person == child.key
    assert other.key in found.issuers


async def test_a_key_that_is_not_there_has_no_lineage(database: Database) -> None:
    installation = await begun(database)

    with pytest.raises(NotFound):
        await lineage(installation, "AAAAAAAAAAAA")
