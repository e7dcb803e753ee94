"""Who could use a release, counted over a million organisations, at an instant that half was recorded after."""

import asyncio
import os
import time
from functools import partial

import pytest
from sqlalchemy import Connection, insert

from gateway.access.census import Counting
from gateway.access.explaining import Explaining
from gateway.access.group_answers import Answered, Asking
from gateway.access.judging import Judging
from gateway.access.naming import organisations_of
from gateway.access.populations import Group, Read, groups
from gateway.access.questions import Question
from gateway.access.representatives import caller_of
from gateway.access.snapshot import EMPTY, Snapshot
from gateway.clock import DAY, Instant, Moment, at
from gateway.database.engine import Database
from gateway.identity import store
from gateway.identity.index import slices
from gateway.identity.organisations import Organisation
from gateway.identity.predicates import Fact, Sought
from gateway.ledger.events import Event
from gateway.ledger.rows import RowInsert
from gateway.ledger.store import Act, Actor, Ledger
from gateway.ledger.tables import act_table
from gateway.metrics import Metrics
from gateway.releases.catalogue import bring_into_force
from gateway.releases.components import Component
from tests.access.judges.oracle import expected
from tests.builders import a_stage, a_strategy, an_assertion
from tests.contracts.test_reach import BATCH, NOW, fill
from tests.releases.builders import an_audience

SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
ORGANISATIONS = 1_000_000 if SOAK else 1_000
COUNT_MAX_S = 60.0
ACTOR = Actor(key="Pro000000000", organisation="provider")
STRATEGY = a_strategy(a_stage(to=("citizens",)), audiences={"citizens": an_audience(("us_person", "=", True))})
ACTS_PLACED = 1_000_000
"""Where the acts of this test stand in the list: behind those that its own services write."""


class OracleJudge:
    """Answers as the rules say."""

    policy = "sha256:" + "f" * 64

    async def ask(self, question: Question) -> object:
        return expected(question)


class Now:
    """Only the time is kept."""

    def __init__(self, instant: Instant) -> None:
        self.moment = at(instant)

    def now(self) -> tuple[Snapshot, Moment]:
        return EMPTY, self.moment


async def counting(database: Database) -> Counting:
    """A release for US persons, in force since two days before NOW, counted a day after NOW."""
    clock = Now(NOW - 2 * DAY)
    ledger = Ledger(database, lambda: clock.moment)

    def work(connection: Connection) -> tuple[None, list[Act]]:
        _, act = bring_into_force(connection, ACTOR, STRATEGY, None, clock.moment, base="", adopt=True)
        return None, [Act(event=Event.POLICY_CHANGED, subject=OracleJudge.policy), act]

    await ledger.administer(ACTOR, work)
    clock.moment = at(NOW + DAY)
    judging = Judging(OracleJudge(), Metrics())  # type: ignore[arg-type]
    return Counting(database, Explaining(database, ledger, clock, judging))  # type: ignore[arg-type]


ACT_ROWS = RowInsert(
    "ledger_act",
    {
        "index": "bigint",
        "at": "bigint",
        "event": "varchar",
        "subject": "varchar",
        "organisation": "varchar",
        "release": "varchar",
    },
)


async def recorded(database: Database, everybody: list[tuple[str, dict[str, Fact]]]) -> list[str]:
    """Record every other assertion a moment after NOW, the others before; who was known as a US person by then."""
    asserted = [(organisation, name, value) for organisation, held in everybody for name, value in held.items()]
    for first in range(0, len(asserted), BATCH):
        event = Event.ATTRIBUTE_ASSERTED.value
        rows = [
            (ACTS_PLACED + number, NOW + (1 if number % 2 else -1), event, f"assertion_{number:024x}", organisation, "")
            for number, (organisation, *_) in enumerate(asserted[first : first + BATCH], first)
        ]
        await database.write(partial(ACT_ROWS.execute, rows=rows), deadline_s=60)
    return [
        organisation
        for number, (organisation, name, value) in enumerate(asserted)
        if number % 2 == 0 and name == "us_person" and value is True
    ]


@pytest.mark.soak
async def test_who_could_use_it_then_is_counted_over_every_organisation(
    postgresql_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = await counting(postgresql_database)
    entered = await recorded(postgresql_database, await fill(postgresql_database, ORGANISATIONS))

    took = {}
    for name, instant in (("then", NOW), ("now", None)):
        began = time.monotonic()
        census = await counted.census(STRATEGY.release, instant)
        took[name] = time.monotonic() - began
        [text] = census.counts
        if name == "then":
            assert text.admitted == len(entered)
            assert set(text.named) <= set(entered)
        assert census.organisations == ORGANISATIONS
        assert text.audiences == {"citizens": text.admitted}
    with capsys.disabled():
        print(f"\ncounted over {ORGANISATIONS} organisations: {took['then']:.2f} s then, {took['now']:.2f} s now")

    page = await counted.page(STRATEGY.release, Component.TEXT, NOW, "", 100)
    assert [each.organisation for each in page.admitted] == entered[:100]
    assert not SOAK or max(took.values()) < COUNT_MAX_S


async def test_a_disabled_organisation_is_counted_until_it_was(postgresql_database: Database) -> None:
    counted = await counting(postgresql_database)
    await fill(postgresql_database, 50)
    before = await counted.census(STRATEGY.release, NOW)
    [some, *_] = before.counts[0].named

    def disable(connection: Connection) -> None:
        store.end_organisation(connection, some, NOW + 1, "gone")
        act = {"index": ACTS_PLACED, "at": NOW + 1, "event": "organisation:disabled", "subject": some}
        connection.execute(insert(act_table), [act | {"organisation": some, "release": ""}])

    await postgresql_database.write(disable)
    after, now = await counted.census(STRATEGY.release, NOW), await counted.census(STRATEGY.release, None)

    assert after == before
    assert (now.organisations, now.counts[0].admitted) == (49, before.counts[0].admitted - 1)


@pytest.mark.parametrize("size", [3, 1_000])
@pytest.mark.parametrize("limit", [5, 1_000])
async def test_members_of_groups_are_named_whole_and_in_order_however_organisations_are_sliced(
    database: Database, monkeypatch: pytest.MonkeyPatch, size: int, limit: int
) -> None:
    monkeypatch.setattr("gateway.access.populations.slices", partial(slices, size=size))
    everybody = await fill(database, 40)
    read = Read("acme/atlas-1", (Sought("us_person"),), ())

    def work(connection: Connection) -> dict[Fact | None, tuple[int, list[str]]]:
        found = groups(connection, read, at(NOW), limit=99)
        return {
            group.attributes[0]: (
                group.organisations,
                organisations_of(connection, read, at(NOW), [group], limit=limit),
            )
            for group in found
        }

    named = await database.read(work, deadline_s=COUNT_MAX_S)

    for value in (True, False, None):
        members = [name for name, held in everybody if held.get("us_person") is value]
        count, names = named[value]
        assert count == len(members) > 5
        assert set(names) <= set(members) and names == sorted(names) and len(names) == min(limit, len(members))


async def test_organisations_are_told_apart_by_the_assurance_that_is_asked_and_by_no_other(database: Database) -> None:
    asserted = [("K3", 0), ("K3", 1), ("K3", 2), ("K3", 3), ("K3", 4), ("K1", 4)]

    def work(connection: Connection) -> dict[tuple[Fact | None, ...], int]:
        for place, (level, assurance) in enumerate(asserted):
            name = f"org-{place}"
            store.add_organisation(connection, Organisation(name, name, 0, ""))
            held = an_assertion("kyc", level, id=f"attr_{place}", assurance=assurance)
            store.add_assertion(connection, name, held, "")
        sought = (Sought("kyc"), Sought("kyc", 2), Sought("kyc", 3))
        found = groups(connection, Read("acme/atlas-1", sought, ()), at(NOW), limit=99)
        told = {group.attributes: group.organisations for group in found}
        by_hand = {caller_of(Read("acme/atlas-1", sought, ()), group).attributes: group for group in found}
        assert sorted(each.assurance for [each] in by_hand if each.value == "K3") == [0, 2, 3]
        return told

    assert await database.write(work) == {("K3", None, None): 2, ("K3", "K3", None): 1, ("K3",) * 3: 2, ("K1",) * 3: 1}


class Turns:
    """Counts how often whoever else runs on the loop has a turn."""

    def __init__(self) -> None:
        self.taken = 0

    async def take(self) -> None:
        while True:
            self.taken += 1
            await asyncio.sleep(0)


async def test_calls_have_their_turn_between_any_two_groups_and_alike_organisations_are_asked_once(
    sqlite_database: Database,
) -> None:
    counted, turns = await counting(sqlite_database), Turns()
    await fill(sqlite_database, 300)
    await counted.census(STRATEGY.release, None)  # every answer is kept from here on
    asked: list[Group] = []
    answer = Asking.answer

    async def noted(asking: Asking, group: Group, component: Component) -> Answered:
        asked.append(group)
        before = turns.taken
        told = await answer(asking, group, component)
        assert turns.taken > before
        return told

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Asking, "answer", noted)
        others = asyncio.create_task(turns.take())
        await counted.census(STRATEGY.release, None)
        of_the_census = len(asked)
        await counted.page(STRATEGY.release, Component.TEXT, None, "", 200)
        others.cancel()

    assert of_the_census == 3
    assert len(asked) - of_the_census == 3
