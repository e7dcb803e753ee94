"""Places in line, on both engines: first come, never more than the cap, kept, freed in order."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from sqlalchemy import select

from gateway.access.places import store
from gateway.access.places.asking import Places
from gateway.access.places.records import Turn
from gateway.clock import DAY, Moment
from gateway.database.engine import Database, open_database
from gateway.errors import Conflict, LedgerUnavailable, NotFound
from gateway.ledger.entries import entry_from
from gateway.ledger.store import Actor, Ledger, Touch
from gateway.ledger.tables import entry_table, head_table
from gateway.releases.catalogue import Catalogue
from gateway.releases.files import read_release
from gateway.releases.lines import Left
from tests.faults.report import note_case
from tests.properties import TITLE
from tests.releases.builders import a_moment

SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
RACES = 10_000 if SOAK else 4
RELEASE = "acme/atlas-1"
NOW = a_moment("2027-01-06T00:00:00Z")
BEFORE = a_moment("2026-12-01T00:00:00Z")
PROVIDER = Actor(key="provider", organisation="provider")


def by(organisation: str) -> Actor:
    return Actor(key=f"key-{organisation}", organisation=organisation)


class House:
    """The lines of one release in a database, as one process keeps them."""

    def __init__(self, database: Database, release: str = RELEASE) -> None:
        self.database = database
        self.release = release
        self.ledger = Ledger(database, lambda: NOW)
        self.places = Places(database, self.ledger)

    async def apply(self, cap: str, later: str = "") -> None:
        """The release, whose first stage has this cap."""
        content = f"""\
release: {self.release}
serves: {{inference: {{upstream: vllm, model: atlas}}}}
stages:
  - {{name: preview, opens: 2027-01-05T00:00:00Z, access: api, to: [public], cap: {cap}}}
{later}"""
        await Catalogue(self.database, self.ledger).apply(PROVIDER, read_release(content.encode(), {}), BEFORE)

    async def ask(self, organisation: str, stage: str = "preview") -> Turn:
        """Ask until it is answered: on a busy machine a caller may be told to try again."""
        while True:
            with suppress(LedgerUnavailable, TimeoutError):
                turn = await self.places.ask(by(organisation), self.release, stage)
                assert turn is not None
                return turn

    async def line(self) -> list[str]:
        return await self.database.read(lambda connection: store.first(connection, self.release, "preview", 1_000))

    async def id_of(self, organisation: str) -> str:
        held = await self.database.read(lambda c: store.places_of(c, self.release, "preview", [organisation]))
        return held[organisation].id

    async def recorded(self) -> int:
        """Entries of the record so far."""
        size = await self.database.read(lambda connection: connection.execute(select(head_table.c.size)).scalar())
        return size or 0

    async def told(self, first: int = 0) -> list[tuple[str, str]]:
        """Event and organisation of every entry about places, from this index on."""
        index = entry_table.c["index"]
        chosen = select(entry_table.c.line).where(index >= first).order_by(index)
        rows = await self.database.read(lambda connection: connection.execute(chosen).scalars().all())
        entries = [entry_from(line, b"") for line in rows]
        return [(e.event, e.body["organisation"]) for e in entries if e.event.startswith("place:")]


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    """A house on a fresh database."""
    yield House(database)


async def test_the_first_to_ask_hold_places_and_the_rest_wait_in_their_order(house: House) -> None:
    await house.apply("2")

    turns = [await house.ask(name) for name in ("ann", "ben", "cleo", "dan")]

    assert [turn.waiting for turn in turns] == [0, 0, 1, 2]
    assert await house.told() == [
        ("place:taken", "ann"), ("place:taken", "ben"), ("place:awaited", "cleo"), ("place:awaited", "dan"),
    ]  # fmt: skip


async def test_a_place_is_kept_however_often_it_is_asked_for_and_is_recorded_once(house: House) -> None:
    await house.apply("1")

    for _ in range(3):
        assert (await house.ask("ann")).waiting == 0
        assert (await house.ask("ben")).waiting == 1

    assert len(await house.told()) == 2


async def test_a_place_that_is_freed_lets_in_whoever_has_waited_longest(house: House) -> None:
    await house.apply("1")
    for name in ("ann", "ben", "cleo"):
        await house.ask(name)

    freed, let_in = await house.places.free(PROVIDER, await house.id_of("ann"), "left", NOW)

    assert (freed.organisation, let_in) == ("ann", ("ben",))
    assert [(await house.ask(name)).waiting for name in ("ben", "cleo")] == [0, 1]
    assert (await house.ask("ann")).waiting == 2, "whoever left stands last when asking again"


async def test_freeing_somebody_who_waits_lets_nobody_in_and_moves_the_rest_up(house: House) -> None:
    await house.apply("1")
    for name in ("ann", "ben", "cleo"):
        await house.ask(name)

    _, let_in = await house.places.free(PROVIDER, await house.id_of("ben"), "gave up", NOW)

    assert let_in == ()
    assert (await house.ask("cleo")).waiting == 1


async def test_a_stage_that_was_left_is_left_to_those_who_held_places_then_and_stand_yet(house: House) -> None:
    await house.apply("2")
    for organisation in ("acme", "bolt", "corp"):
        await house.ask(organisation)
    stage = (await Catalogue(house.database, house.ledger).get(RELEASE)).strategy.stages[0]
    before, after = Left(stage, NOW.latest), Left(stage, NOW.latest + 1)

    later = Moment(NOW.earliest + DAY, NOW.latest + DAY)
    await house.places.free(PROVIDER, await house.id_of("bolt"), "left", later)
    known = await house.database.read(lambda c: store.lines(c, RELEASE, [stage], [before, after]))

    assert [known["preview"].place_of(name, 2) for name in ("acme", "corp")] == ["held", "held"]
    places = [known[after.line].place_of(name, 2) for name in ("acme", "bolt", "corp", "dell")]
    assert places == ["held", "full", "full", "full"], "nobody moves up, and none is free"
    assert known[before.line].place_of("acme", 2) == "full"


async def test_a_place_is_freed_once_and_one_that_there_is_not_never(house: House) -> None:
    await house.apply("1")
    await house.ask("ann")
    place = await house.id_of("ann")
    await house.places.free(PROVIDER, place, "left", NOW)

    with pytest.raises(Conflict):
        await house.places.free(PROVIDER, place, "left", NOW)
    with pytest.raises(NotFound):
        await house.places.free(PROVIDER, "place_none", "left", NOW)


async def test_a_higher_cap_lets_in_whoever_waited_in_order_and_a_lower_one_keeps_the_first(house: House) -> None:
    await house.apply("2")
    for name in ("ann", "ben", "cleo", "dan"):
        await house.ask(name)

    await house.apply("3")
    raised = [(await house.ask(name)).waiting for name in ("ann", "ben", "cleo", "dan")]
    await house.apply("1")
    lowered = [(await house.ask(name)).waiting for name in ("ann", "ben", "cleo", "dan")]

    assert raised == [0, 0, 0, 1]
    assert lowered == [0, 1, 2, 3]


async def test_a_stage_takes_over_the_line_of_an_earlier_one_with_everybody_in_it(house: House) -> None:
    await house.apply(
        "1",
        "  - {name: beta, opens: 2027-02-05T00:00:00Z, access: api, to: [public],"
        " cap: {organisations: 2, line: preview}}\n",
    )
    await house.ask("ann")
    await house.ask("ben")

    assert [(await house.ask(name, "beta")).waiting for name in ("ben", "ann", "cleo")] == [0, 0, 1]


async def test_there_is_no_line_for_a_stage_without_a_cap_nor_for_one_that_is_gone(house: House) -> None:
    await house.apply("1", "  - {name: general, opens: 2027-02-05T00:00:00Z, access: api, to: [public]}\n")

    assert await house.places.ask(by("ann"), RELEASE, "general") is None
    assert await house.places.ask(by("ann"), RELEASE, "gone") is None
    assert await house.places.ask(by("ann"), "acme/none", "preview") is None
    assert await house.told() == []


async def test_a_place_that_is_taken_is_news_of_the_release_and_one_that_is_waited_for_is_none(house: House) -> None:
    await house.apply("1")
    before = (await house.ledger.news(-1)).revision
    await house.ask("ann")
    taken = await house.ledger.news(before)
    await house.ask("ben")

    assert taken.touches == (Touch("release", RELEASE),)
    assert (await house.ledger.news(taken.revision)).touches == ()


@pytest.mark.soak
async def test_fifty_who_ask_at_once_of_two_processes_never_get_more_places_than_there_are(
    database: Database, database_url: str
) -> None:
    other = open_database(database_url) if database.dialect != "sqlite" else database
    began = time.monotonic()

    for number in range(RACES):
        await _raced([House(pool, f"acme/atlas-{number}") for pool in (database, other)], random.Random(number))

    if other is not database:
        await other.close()
    if SOAK:
        name = f"fifty who ask at once of two processes never get more places than there are, {database.dialect}"
        note_case(TITLE, name, RACES, time.monotonic() - began)


async def _raced(houses: list[House], chance: random.Random) -> None:
    """Fifty organisations ask for as many places as chance has it, twice each, whichever process they reach."""
    house, cap = houses[0], chance.randint(1, 49)
    await house.apply(f"{cap}")
    before = await house.recorded()
    names = [f"org-{number}" for number in range(50)]
    asked = [(chance.choice(houses), name) for name in names for _ in range(2)]
    chance.shuffle(asked)

    turns = await asyncio.gather(*[at_house.ask(name) for at_house, name in asked])

    held = {name for (_, name), turn in zip(asked, turns, strict=True) if not turn.waiting}
    line = await house.line()
    assert len(held) == cap
    assert held == set(line[:cap])
    assert sorted(line) == sorted(names), "nobody is lost and nobody stands twice"
    told = await house.told(before)
    assert [name for _, name in told] == line, "the record has them in the order of the line"
    assert [event for event, _ in told] == ["place:taken"] * cap + ["place:awaited"] * (50 - cap)
