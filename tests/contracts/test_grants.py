"""How grants stand: said in Python of one organisation, in SQL of all of them, and always alike, on both engines."""

import random

import msgspec
import pytest
from sqlalchemy import Connection, select

from gateway.access import populations
from gateway.access import store as access_store
from gateway.access.compiled import grant_states
from gateway.access.grants import Grant
from gateway.access.naming import organisations_of
from gateway.access.populations import Read, groups
from gateway.access.search import reached
from gateway.clock import DAY, Moment
from gateway.database.engine import Database
from gateway.identity import store
from gateway.identity.organisations import Organisation
from gateway.releases.components import Component
from gateway.releases.narrowings import scope_of
from tests.builders import a_grant
from tests.fakes.installation import START

RELEASE = "acme/atlas-1"
MOMENT = Moment(START - 1, START + 1)
ORGANISATIONS = [f"org-{number}" for number in range(60)]


def random_grant(organisation: str, number: int, chance: random.Random) -> Grant:
    """A grant whose every end and beginning may be before, in, at either end of, or behind the moment."""

    def instant() -> int:
        return START + chance.choice([-DAY, -2, -1, 0, 1, 2, DAY])

    def sometimes() -> int | None:
        return instant() if chance.random() < 0.3 else None

    return a_grant(
        id=f"grant_{organisation}_{number}",
        organisation=organisation,
        starts_at=instant(),
        ends_at=instant(),
        revoked_at=START if chance.random() < 0.15 else None,
        paused_at=sometimes(),
        superseded_at=START if chance.random() < 0.15 else None,
        recertify_by=sometimes(),
    )


@pytest.mark.parametrize("seed", range(4))
async def test_all_grants_together_stand_in_sql_as_they_do_in_python(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    held = {
        name: [random_grant(name, number, chance) for number in range(chance.randint(0, 3))] for name in ORGANISATIONS
    }

    def write(connection: Connection) -> None:
        for name in ORGANISATIONS:
            store.add_organisation(connection, Organisation(name, name, START, ""))
            for grant in held[name]:
                access_store.add_grant(connection, grant)

    await database.write(write)
    read = Read(RELEASE, (), ())

    def ask(connection: Connection) -> dict[str, str]:
        return {
            name: group.grant
            for group in groups(connection, read, MOMENT, limit=99)
            for name in organisations_of(connection, read, MOMENT, [group], limit=99)
        }

    in_sql = await database.read(ask)
    in_python = {
        name: (await database.read(lambda c, name=name: access_store.holdings(c, name))).grant_standing(RELEASE, MOMENT)
        for name in ORGANISATIONS
    }
    granted = await database.read(
        lambda c: reached(c, scope_of("grant"), (Component.TEXT,), RELEASE, MOMENT)  # type: ignore[arg-type]
    )

    assert in_sql == in_python
    assert set(in_python.values()) >= {"active", "paused", "recertification_due", "ended", "none"}
    assert granted.inside == list(in_python.values()).count("active")


async def test_a_grant_is_changed_only_over_what_was_read_of_it(database: Database) -> None:
    grant = a_grant()
    await database.write(lambda c: access_store.add_grant(c, grant))
    paused = a_grant(paused_at=START, paused_cause="one")
    other = a_grant(paused_at=START + 1, paused_cause="other")

    first = await database.write(lambda c: access_store.change_grant(c, paused, grant))
    second = await database.write(lambda c: access_store.change_grant(c, other, grant))
    await database.write(lambda c: access_store.end_grant(c, grant.id, START, "over"))
    third = await database.write(lambda c: access_store.change_grant(c, grant, paused))

    assert (first, second, third) == (True, False, False)
    held = await database.read(lambda c: access_store.grant_by_id(c, grant.id))
    assert held is not None and (held.paused_cause, held.revoked_cause) == ("one", "over")


async def test_a_grant_that_is_reviewed_and_left_as_it_is_stands(database: Database) -> None:
    grant = random_grant("acme", 1, random.Random(7))
    grant = msgspec.structs.replace(grant, revoked_at=None)
    await database.write(lambda c: access_store.add_grant(c, grant))

    unchanged = await database.write(lambda c: access_store.change_grant(c, grant, grant))
    await database.write(lambda c: access_store.end_grant(c, grant.id, START, "over"))
    ended = await database.write(lambda c: access_store.change_grant(c, grant, grant))

    assert (unchanged, ended) == (True, False)


async def test_every_state_of_a_grant_has_its_condition_and_no_two_hold_at_once(database: Database) -> None:
    chance = random.Random(7)
    made = [random_grant("acme", number, chance) for number in range(200)]
    await database.write(lambda c: [access_store.add_grant(c, grant) for grant in made])
    states = grant_states(MOMENT)

    found = {
        state: set(
            await database.read(
                lambda c, condition=condition: c.execute(
                    select(access_store.grant_table.c.id).where(condition)
                ).scalars().all()
            )
        )
        for state, condition in states.items()
    }  # fmt: skip

    plainly = {"expired": "ended", "revoked": "ended", "superseded": "ended"}
    for grant in made:
        said = plainly.get(grant.state(MOMENT), grant.state(MOMENT))
        assert [state for state in found if grant.id in found[state]] == ([said] if said != "to come" else [])
    assert populations.grant_states is grant_states
