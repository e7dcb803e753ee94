"""Narrowings taken and restored, on both engines: recorded with what they change, and read back as they stand."""

import asyncio
from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select, update

from gateway.clock import DAY, NEVER, at
from gateway.database.engine import Database
from gateway.errors import Conflict, GatewayError, Invalid, NotFound, Unavailable
from gateway.identity.expressions import read_predicate
from gateway.identity.organisations import Organisation
from gateway.identity.store import add_organisation
from gateway.ledger.store import Actor, Ledger, Touch
from gateway.ledger.tables import entry_table, revision_table
from gateway.releases import store
from gateway.releases.catalogue import Catalogue
from gateway.releases.files import read_release
from gateway.releases.narrowings import InEffect, Verb
from gateway.releases.restraint import Order, Restraint
from tests.releases.builders import DOCUMENTS, a_file, a_moment

NOW = a_moment("2026-12-01T00:00:00Z")
INTERNAL = a_moment("2027-02-01T00:00:00Z")
GENERAL = a_moment("2027-07-01T00:00:00Z")
ACTOR = Actor(key="Pro000000000", organisation="provider")
RELEASE = "acme/atlas-1"


@pytest.fixture
async def restraint(database: Database) -> Restraint:
    ledger = Ledger(database, lambda: NOW)
    for organisation in ("acme", *(f"o{i}" for i in range(5))):
        there = Organisation(organisation, organisation, NOW.latest, "")
        await database.write(partial(add_organisation, organisation=there))
    catalogue = Catalogue(database, ledger)
    for name in (RELEASE, "acme/other"):
        await catalogue.apply(ACTOR, read_release(a_file((RELEASE, name)), DOCUMENTS), NOW)
    return Restraint(database, ledger)


def an_order(**differences: Any) -> Order:
    return Order(**{"release": RELEASE, "verb": Verb.SUSPEND, "cause": "directive"} | differences)


async def loaded(database: Database) -> dict[str, tuple[InEffect, ...]]:
    return await database.read(store.narrowings_in_effect)


async def entries(database: Database) -> list[dict[str, Any]]:
    def work(connection: Connection) -> list[bytes]:
        return list(connection.execute(select(entry_table.c.line).order_by(entry_table.c.index)).scalars())

    return [msgspec.json.decode(line) for line in await database.read(work)][2:]


async def test_a_suspension_is_recorded_and_named_to_every_process(restraint: Restraint, database: Database) -> None:
    order = an_order(scope="not  us_person", authority="BIS 2026-06-12", until=NOW.latest + DAY)
    taken = await restraint.take(ACTOR, order, NOW)

    [entry] = await entries(database)
    columns = select(revision_table.c.kind, revision_table.c.subject).order_by(revision_table.c.number.desc()).limit(1)
    touched = await database.read(lambda connection: [Touch(*row) for row in connection.execute(columns)])
    assert entry["event"] == "release:suspended"
    assert entry["body"] == {
        "release": RELEASE,
        "actor_key": "Pro000000000",
        "actor_organisation": "provider",
        "subject": taken.id,
        "detail": {
            "scope": "not us_person",
            "on_unknown": "deny",
            "authority": "BIS 2026-06-12",
            "cause": "directive",
            "until": "2026-12-02T00:00:00Z",
            "review_by": "2026-12-02T00:00:00Z",
        },
    }
    assert touched == [Touch("release", RELEASE)]


async def test_what_is_in_effect_is_loaded_with_its_scope_for_its_release_alone(
    restraint: Restraint, database: Database
) -> None:
    first = await restraint.take(ACTOR, an_order(scope="not us_person"), NOW)
    second = await restraint.take(ACTOR, an_order(verb=Verb.EMBARGO), NOW)

    found = await loaded(database)

    assert list(found) == [RELEASE]
    assert [each.narrowing for each in found[RELEASE]] == [first, second]
    assert found[RELEASE][0].scope == read_predicate("not us_person")
    assert await restraint.standing(RELEASE) == found[RELEASE]
    assert await restraint.standing("acme/other") == ()


async def test_a_scope_taken_while_any_two_letters_were_a_country_is_still_loaded(
    restraint: Restraint, database: Database
) -> None:
    taken = await restraint.take(ACTOR, an_order(scope="residence_country = GB"), NOW)
    older = update(store.narrowing_table).values(scope="residence_country = UK")
    await database.write(lambda connection: connection.execute(older))

    [found] = (await loaded(database))[RELEASE]

    assert (found.narrowing.id, found.narrowing.scope) == (taken.id, "residence_country = UK")
    with pytest.raises(Invalid, match="write `GB`"):
        await restraint.take(ACTOR, an_order(scope="residence_country = UK"), NOW)


async def test_a_whole_restoration_ends_one_and_leaves_the_others(restraint: Restraint, database: Database) -> None:
    first = await restraint.take(ACTOR, an_order(), NOW)
    second = await restraint.take(ACTOR, an_order(verb=Verb.WITHDRAW), NOW)

    restored = await restraint.take(ACTOR, an_order(verb=Verb.RESTORE, inverse_of=first.id), NOW)

    assert [each.narrowing.id for each in (await loaded(database))[RELEASE]] == [second.id]
    assert restored.inverse_of == first.id
    assert [each.id for each in await restraint.history(RELEASE)] == [restored.id, second.id, first.id]
    assert [each.number for each in await restraint.history(RELEASE, before=3, limit=1)] == [2]


async def test_partial_restorations_stay_beside_what_they_restore_until_it_is_restored_whole(
    restraint: Restraint, database: Database
) -> None:
    taken = await restraint.take(ACTOR, an_order(), NOW)
    for scope in ("us_person", "organisation = acme"):
        await restraint.take(ACTOR, an_order(verb=Verb.RESTORE, scope=scope), NOW)
    [standing] = await restraint.standing(RELEASE)

    await restraint.take(ACTOR, an_order(verb=Verb.RESTORE, inverse_of=taken.id), NOW)

    assert standing.restored_texts == ["us_person", "organisation = acme"]
    assert await loaded(database) == {}
    events = [entry["event"] for entry in await entries(database)]
    assert events == ["release:suspended", "release:restored", "release:restored", "release:restored"]


async def test_a_hold_remembers_the_stage_and_the_version_it_leaves(restraint: Restraint, database: Database) -> None:
    held = await restraint.take(ACTOR, an_order(verb=Verb.HOLD), INTERNAL)
    catalogue = Catalogue(database, Ledger(database, lambda: NOW))
    older = await catalogue.get(RELEASE)
    newer = read_release(a_file(("model: atlas", "model: next")), DOCUMENTS)
    await catalogue.apply(ACTOR, newer, NOW)

    [standing] = await restraint.standing(RELEASE)

    assert (held.stage, held.strategy) == ("internal", older.digest)
    assert standing.strategy == older.strategy
    assert standing.left_to("acme") == older.strategy.stages[0]


async def test_a_hold_before_the_first_stage_leaves_none(restraint: Restraint) -> None:
    await restraint.take(ACTOR, an_order(verb=Verb.HOLD), NOW)

    [standing] = await restraint.standing(RELEASE)
    assert (standing.narrowing.stage, standing.left_to("acme")) == ("", None)


async def test_a_roll_back_names_a_stage_that_was_open_before(restraint: Restraint) -> None:
    taken = await restraint.take(ACTOR, an_order(verb=Verb.ROLL_BACK, stage="internal"), GENERAL)

    assert taken.stage == "internal"
    for stage, moment in (("general", GENERAL), ("general", INTERNAL), ("internal", INTERNAL), ("", GENERAL)):
        with pytest.raises(Invalid) as refused:
            await restraint.take(ACTOR, an_order(verb=Verb.ROLL_BACK, stage=stage), moment)
        assert refused.value.param == "stage"


REFUSED: dict[str, tuple[dict[str, Any], type[GatewayError], str]] = {
    "an unknown release": ({"release": "acme/none"}, NotFound, "no such release"),
    "a scope that cannot be read": ({"scope": "not not"}, Invalid, "scope cannot be understood"),
    "a component not enforced": ({"scope": "component = inference.image"}, Invalid, "not enforced here"),
    "no cause": ({"cause": " "}, Invalid, "`cause`"),
    "an end that has been": ({"until": NOW.latest}, Invalid, "ended already"),
    "a word for unknown": ({"on_unknown": "ask"}, Invalid, "`deny` or to `allow`"),
    "a stage of a suspension": ({"stage": "internal"}, Invalid, "Only a roll-back"),
    "an organisation that there is not": ({"scope": "not organisation = acne"}, Invalid, "Did you mean `acme`?"),
    "an inverse of a suspension": ({"inverse_of": "narrowing_1"}, Invalid, "Only a restoration"),
    "nothing to restore": ({"verb": Verb.RESTORE}, Conflict, "nothing to restore"),
    "nothing of that name": ({"verb": Verb.RESTORE, "inverse_of": "narrowing_x"}, NotFound, "is in force"),
    "a restoration that ends": ({"verb": Verb.RESTORE, "until": NOW.latest + 1}, Invalid, "no end"),
    "a restoration of the unknown": ({"verb": Verb.RESTORE, "on_unknown": "allow"}, Invalid, "of whom it is unknown"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_cannot_be_taken_is_refused_when_previewed_and_leaves_no_trace(
    restraint: Restraint, database: Database, what: str
) -> None:
    differences, kind, told = REFUSED[what]

    for ask in (lambda order: restraint.take(ACTOR, order, NOW), lambda order: restraint.draft(order, NOW)):
        with pytest.raises(kind) as refused:
            await ask(an_order(**differences))
        assert told in refused.value.message

    assert await entries(database) == [] and await loaded(database) == {}


async def test_of_several_one_must_be_named_and_what_is_over_cannot_be_restored(restraint: Restraint) -> None:
    first = await restraint.take(ACTOR, an_order(until=NOW.latest + 10), NOW)
    second = await restraint.take(ACTOR, an_order(), NOW)

    with pytest.raises(Conflict) as several:
        await restraint.draft(an_order(verb=Verb.RESTORE), NOW)
    later = await restraint.draft(an_order(verb=Verb.RESTORE), at(NOW.latest + 10))
    with pytest.raises(NotFound):
        await restraint.draft(an_order(verb=Verb.RESTORE, inverse_of=first.id), at(NOW.latest + 10))

    assert first.id in several.value.message and second.id in several.value.message
    assert later.inverse_of == second.id


async def test_of_restorations_that_race_one_wins(restraint: Restraint, database: Database) -> None:
    await restraint.take(ACTOR, an_order(), NOW)

    restore = [restraint.take(ACTOR, an_order(verb=Verb.RESTORE), NOW) for _ in range(4)]
    outcomes = await asyncio.gather(*restore, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 3 + ["Narrowing"]
    assert len(await entries(database)) == 2


async def test_narrowings_taken_at_once_all_count(restraint: Restraint) -> None:
    taken = await asyncio.gather(
        *(restraint.take(ACTOR, an_order(scope=f"organisation = o{i}"), NOW) for i in range(5))
    )

    assert sorted(each.number for each in taken) == [1, 2, 3, 4, 5]
    assert {each.until for each in taken} == {NEVER}
    assert len(await restraint.standing(RELEASE)) == 5


async def test_a_scope_changed_behind_its_back_is_never_taken_for_nobody(
    restraint: Restraint, database: Database
) -> None:
    await restraint.take(ACTOR, an_order(scope="us_person"), NOW)
    await database.write(lambda c: c.execute(update(store.narrowing_table).values(scope="us_person =")))

    with pytest.raises(Unavailable):
        await loaded(database)
