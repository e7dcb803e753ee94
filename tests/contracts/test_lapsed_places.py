"""Places whose grants are over, on both engines: freed where grants alone admit, and nowhere else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.access import store as access
from gateway.access.in_force import all_in_force
from gateway.access.places import store
from gateway.access.places.asking import Places
from gateway.access.places.lapsing import PlaceChaser, lines_by_grant
from gateway.access.snapshot import InForce, Snapshot
from gateway.clock import DAY, Moment, at
from gateway.database.engine import Database
from gateway.ledger.store import Actor, Ledger
from gateway.releases.audiences import PUBLIC
from gateway.releases.caps import Cap
from gateway.releases.catalogue import bring_into_force
from gateway.releases.narrowings import InEffect, Narrowing, Verb, scope_of
from gateway.releases.strategies import AccessLevel, Strategy
from tests.builders import a_grant, a_stage, a_strategy
from tests.releases.builders import an_audience

NOW = at(20_000 * DAY)
PROVIDER = Actor(key="Pro000000000", organisation="provider")
RELEASE = "acme/atlas-1"
AUDIENCES = {
    "granted": an_audience(("grant", "=", "required"), ("kyc", ">=", "K1")),
    "staff": an_audience(("role", "=", "staff")),
    "known": an_audience(("kyc", ">=", "K3")),
}


def counting(*to: str, cap: int = 1) -> Strategy:
    """A release whose one stage admits the first of those."""
    stage = a_stage(name="preview", access=AccessLevel.LIMITED, to=to, cap=Cap(organisations=cap))
    return a_strategy(stage, audiences=AUDIENCES)


class Line:
    """The line of one stage, as one process keeps it, at a time that is set."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.moment = NOW
        self.ledger = Ledger(database, lambda: self.moment)
        self.places = Places(database, self.ledger)
        self.releases: dict[str, InForce] = {}
        self.chaser = PlaceChaser(self, database, self.ledger)  # type: ignore[arg-type]

    def now(self) -> tuple[Snapshot, Moment]:
        """As the process has it."""
        return Snapshot(1, self.releases, ""), self.moment

    async def apply(self, strategy: Strategy) -> None:
        """Bring a release into force, and see it."""

        def work(connection: Any) -> tuple[dict[str, InForce], list[Any]]:
            _, act = bring_into_force(connection, PROVIDER, strategy, None, self.moment, base="", adopt=True)
            return dict(all_in_force(connection)), [act]

        self.releases = await self.ledger.administer(PROVIDER, work)

    async def give(self, organisation: str, number: int = 1, **differences: Any) -> None:
        """A grant to an organisation."""
        grant = a_grant(id=f"grant_{organisation}_{number}", organisation=organisation, **differences)
        await self.database.write(lambda connection: access.add_grant(connection, grant))

    async def join(self, *organisations: str) -> None:
        """Stand in line, one after the other."""
        for name in organisations:
            await self.places.ask(Actor(key="key", organisation=name), RELEASE, "preview")

    async def standing(self) -> list[str]:
        """Whoever stands in the line."""
        return await self.database.read(lambda connection: store.first(connection, RELEASE, "preview", 100))


@pytest.fixture
async def line(database: Database) -> AsyncIterator[Line]:
    """A line on a fresh database."""
    yield Line(database)


async def test_a_place_is_freed_once_its_last_grant_is_over_and_not_before(line: Line) -> None:
    await line.apply(counting("granted", "staff"))
    await line.give("ann", ends_at=NOW.latest + DAY)
    await line.give("ann", 2, ends_at=NOW.latest + 2 * DAY)
    await line.give("ben")
    await line.join("ann", "ben")

    looks = []
    for days in (0, 1, 2, 2):
        line.moment = at(NOW.latest + days * DAY)
        looks.append((await line.chaser.look(), await line.standing()))

    both, ben = (0, ["ann", "ben"]), ["ben"]
    assert looks == [both, both, (1, ben), (0, ben)]


async def test_a_grant_may_be_over_and_may_be_not_yet_while_the_time_is_uncertain(line: Line) -> None:
    await line.apply(counting("granted"))
    await line.give("ann", ends_at=NOW.latest + DAY)
    await line.join("ann")

    line.moment = Moment(NOW.latest + DAY - 1, NOW.latest + DAY + 1)

    assert await line.chaser.look() == 0


@pytest.mark.parametrize(
    "differences",
    [
        {"paused_at": NOW.latest},
        {"recertify_by": NOW.latest - DAY},
        {"starts_at": NOW.latest + DAY},
    ],
)
async def test_a_grant_that_may_admit_again_keeps_its_place(line: Line, differences: dict[str, Any]) -> None:
    await line.apply(counting("granted"))
    await line.give("ann", **differences)
    await line.join("ann")

    assert (await line.chaser.look(), await line.standing()) == (0, ["ann"])


async def test_whoever_never_had_a_grant_and_the_provider_itself_keep_their_places(line: Line) -> None:
    await line.apply(counting("granted", "staff"))
    await line.give("provider", revoked_at=NOW.latest)
    await line.join("ann", "provider")

    assert (await line.chaser.look(), await line.standing()) == (0, ["ann", "provider"])


@pytest.mark.parametrize("to", [(PUBLIC,), ("granted", "known"), ("granted", PUBLIC)])
async def test_where_one_may_be_admitted_without_a_grant_places_are_kept(line: Line, to: tuple[str, ...]) -> None:
    await line.apply(counting(*to))
    await line.give("ann", revoked_at=NOW.latest)
    await line.join("ann")

    assert (await line.chaser.look(), await line.standing()) == (0, ["ann"])


def test_a_line_that_a_stage_rolled_back_to_opens_to_others_is_not_by_grant() -> None:
    strategy, former = counting("granted"), counting("known")
    taken = Narrowing(
        id="narrowing_1", number=1, release=RELEASE, verb=Verb.ROLL_BACK, stage="preview", cause="drill",
        taken_at=NOW.latest, taken_by="key",
    )  # fmt: skip
    alone = InForce(strategy, strategy.digest())
    rolled_back = InForce(strategy, alone.digest, narrowings=(InEffect(taken, scope_of(""), strategy=former),))

    assert (lines_by_grant(alone), lines_by_grant(rolled_back)) == (["preview"], [])
