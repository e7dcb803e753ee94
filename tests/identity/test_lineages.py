"""Who may stand behind a key, as far as issuing and rotating tell."""

import pytest

from gateway.database.engine import Database
from gateway.errors import NotFound
from gateway.identity.callers import Role
from gateway.identity.keyring import KeyOrder, Rotation
from gateway.identity.lineages import Lineage, lineage_of
from tests.fakes.installation import NOW, Installation, begun

ORDER = KeyOrder(roles=(Role.PROVIDER,))


async def lineage(installation: Installation, key: str) -> Lineage:
    return await installation.database.read(lambda connection: lineage_of(connection, key))


async def test_a_key_descends_from_those_that_issued_it(database: Database) -> None:
    installation = await begun(database)
    first = installation.provider
    child, _ = await installation.enter(ORDER)
    grandchild = (await installation.issue(ORDER, by=child)).key

    assert await lineage(installation, first.key) == Lineage(first.key, ())
    assert await lineage(installation, child.key) == Lineage(child.key, (first.key,))
    assert await lineage(installation, grandchild.id) == Lineage(grandchild.id, tuple(sorted((first.key, child.key))))


async def test_a_key_and_its_successor_are_one_person(database: Database) -> None:
    installation = await begun(database)
    child, _ = await installation.enter(ORDER)
    heir = (await installation.directory.rotate_key(child, child.key, Rotation(), NOW)).key

    assert await lineage(installation, heir.id) == Lineage(child.key, (installation.provider.key,))


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
