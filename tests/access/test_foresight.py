"""Who gains and who loses, as planned: what the judge answers for each organisation once the change is in force."""

import os
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete

from gateway.access import store as access
from gateway.access.concurrences import store as concurrences
from gateway.access.concurrences.records import OwnConcurrence
from gateway.access.consequences import Consequences, Tally
from gateway.access.foresight import Foresight
from gateway.access.grants import Grant, Holdings
from gateway.access.in_force import left
from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import read_policy_set
from gateway.access.judging import Judging
from gateway.access.places import store as places
from gateway.access.places.records import Place
from gateway.access.questions import Question
from gateway.access.snapshot import InForce
from gateway.access.standing import Use, gather
from gateway.clock import DAY, NEVER, Moment, at
from gateway.database.engine import Database
from gateway.identity import store as identity
from gateway.identity.callers import Assertion, Caller, Role
from gateway.identity.index import slices
from gateway.identity.organisations import PROVIDER, Organisation
from gateway.metrics import Metrics
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.effects import instants
from gateway.releases.evidence import store as evidence
from gateway.releases.lines import Line
from gateway.releases.narrowings import InEffect, Narrowing, Verb, in_effect
from gateway.releases.requirements import Approvals
from gateway.releases.strategies import AccessLevel, Strategy
from gateway.shipped import shipped
from tests.access.judges.oracle import expected
from tests.builders import PAST, a_grant, a_stage, a_strategy, an_acceptance, an_assertion
from tests.randomly import NOW, RELEASE, TEXTS, callers, held, neighbours
from tests.releases.builders import an_audience

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 30
PATIENCE_S = 30.0
"""Thousands of cases meet a machine that is busy with something else now and then."""

HERE = Moment(NOW, NOW + 1000)
SOON = NOW + DAY
shares = st.sampled_from(
    [None, None, *(Canary(percent=percent, salt=salt) for percent in (30, 60) for salt in ("spring", "autumn"))]
)


class OracleJudge:
    """Answers as the rules say, which every judge is held to (tests/access/judges)."""

    policy = "sha256:" + "f" * 64

    async def ask(self, question: Question) -> object:
        return expected(question)


class Organised(NamedTuple):
    """One organisation, with what is asserted of it and what it holds."""

    id: str
    attributes: tuple[Assertion, ...]
    grants: tuple[Grant, ...]
    accepted: frozenset[str]
    agreed: tuple[OwnConcurrence, ...] = ()
    stands_in: frozenset[str] = frozenset()
    """Lines, in the order of the organisations."""


@pytest.fixture
async def foresight(database: Database) -> AsyncIterator[Foresight]:
    yield Foresight(database, Judging(OracleJudge(), Metrics()))  # type: ignore[arg-type]


@st.composite
def populations(draw: st.DrawFn) -> list[Organised]:
    """Up to five customers and the provider."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        caller: Caller = draw(callers())
        holds: Holdings = draw(held())
        found.append(
            Organised(
                f"org-{number}",
                caller.attributes,
                holds.grants.get(RELEASE, ()),
                holds.accepted.get(RELEASE, frozenset()),
                holds.concurrences.get(RELEASE, ()),
                frozenset(draw(st.lists(st.sampled_from("abcd"), max_size=3))),
            )
        )
    return [*found, Organised(PROVIDER, draw(callers()).attributes, (), frozenset())]


async def settle(database: Database, population: list[Organised]) -> None:
    """Put a population in place of the one that there was."""

    def work(connection: Connection) -> None:
        for table in (
            access.grant_table,
            access.acceptance_table,
            concurrences.concurrence_table,
            places.place_table,
            identity.assertion_table,
            identity.organisation_table,
        ):
            connection.execute(delete(table))
        for each in population:
            identity.add_organisation(connection, Organisation(each.id, each.id, 0, ""))
            for assertion in each.attributes:
                named = Assertion(
                    f"{assertion.id}_{each.id}", *(getattr(assertion, f) for f in assertion.__struct_fields__[1:])
                )
                identity.add_assertion(connection, each.id, named, "")
            for number, grant in enumerate(each.grants):
                fields = {f: getattr(grant, f) for f in grant.__struct_fields__}
                access.add_grant(
                    connection, Grant(**fields | {"id": f"grant_{each.id}_{number}", "organisation": each.id})
                )
            for concurrence in each.agreed:
                own = {"id": f"concurrence_{each.id}", "organisation": each.id}
                concurrences.add_concurrence(connection, msgspec.structs.replace(concurrence, **own))
            for line in sorted(each.stands_in):
                places.add_places(connection, [a_place(each.id, line, places.next_number(connection, RELEASE, line))])
            for digest in each.accepted:
                access.accept_terms(
                    connection,
                    an_acceptance(
                        id=f"terms_{each.id}_{digest[-1]}", organisation=each.id, name=digest[-1], digest=digest
                    ),
                )

    await database.write(work, deadline_s=PATIENCE_S)


def a_place(organisation: str, line: str, number: int) -> Place:
    return Place(
        id=f"place_{line}_{number}", release=RELEASE, line=line, number=number, organisation=organisation, asked_at=0,
        asked_by="key",
    )  # fmt: skip


async def kept(database: Database, organisation: str) -> tuple[Caller, Holdings]:
    """A key of an organisation, and what it holds, from everything that stands of it in the database."""

    def work(connection: Connection) -> tuple[Caller, Holdings]:
        profile = identity.profile(connection, organisation)
        assert profile is not None
        role = Role.STAFF if organisation == PROVIDER else Role.DEVELOPER
        caller = Caller("key", organisation, (role,), None, profile.assertions, NEVER)
        return caller, access.holdings(connection, organisation)

    return await database.read(work, deadline_s=PATIENCE_S)


def answered(
    strategy: Strategy | None,
    whose: tuple[Caller, Holdings],
    component: Component,
    moment: Moment,
    lines: Mapping[str, Line],
    narrowings: tuple[InEffect, ...] = (),
) -> tuple[bool, bool]:
    """What the rules say to it, as things stand and once it has accepted every text."""
    if strategy is None:
        return False, False
    caller, holds = whose
    accepting = msgspec.structs.replace(holds, accepted={strategy.release: frozenset(TEXTS.values())})
    in_force = InForce(strategy, strategy.digest(), lines=lines, narrowings=narrowings)
    uses = [Use(caller, component, in_force, each) for each in (holds, accepting)]
    as_it_is, accepted = (expected(gather(use, moment).question).allow for use in uses)
    return as_it_is, accepted


def told(found: Consequences, component: Component, instant: int) -> tuple[Tally, set[str], set[str]]:
    """What was foreseen for a component from an instant on."""
    steps = [step for step in found.steps if step.component is component and step.begins <= instant < step.until]
    assert len(steps) <= 1
    return (steps[0].tally, set(steps[0].gaining), set(steps[0].losing)) if steps else (Tally(), set(), set())


@st.composite
def some_by_shares(draw: st.DrawFn) -> tuple[Strategy, Strategy]:
    """Two neighbours, some of whose later stages reach a share of organisations first."""

    def shared(strategy: Strategy) -> Strategy:
        first, *later = strategy.stages
        drawn = [msgspec.structs.replace(stage, canary=draw(shares)) for stage in later]
        return msgspec.structs.replace(strategy, stages=(first, *drawn))

    before, after = draw(neighbours())
    return shared(before), shared(after)


@st.composite
def narrowed(draw: st.DrawFn, strategy: Strategy) -> tuple[InEffect, ...]:
    """Perhaps what narrows the release, taken now or before anybody was admitted to it."""
    rows = [
        Narrowing(
            id=f"narrowing_{number}",
            number=number,
            release=RELEASE,
            verb=draw(st.sampled_from([Verb.HOLD, Verb.HOLD, Verb.ROLL_BACK, Verb.SUSPEND, Verb.EMBARGO])),
            scope=draw(st.sampled_from(["", "", "not us_person", "organisation = org-1", "kyc >= K3"])),
            on_unknown=draw(st.sampled_from(["deny", "allow"])),
            strategy=strategy.digest(),
            stage=draw(st.sampled_from([stage.name for stage in strategy.stages])),
            cause="drill",
            taken_at=draw(st.sampled_from([PAST - 1, NOW])),
            taken_by="Pro000000000",
            until=draw(st.sampled_from([NEVER, NEVER, NOW + 2 * DAY])),
        )
        for number in range(1, draw(st.sampled_from([1, 1, 1, 2, 3])))
    ]
    return in_effect(rows, [strategy])


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pair=some_by_shares(), population=populations(), is_new=st.sampled_from([False, False, True]), data=st.data())
async def test_who_gains_by_a_plan_is_whom_the_judge_admits_once_it_is_applied(
    foresight: Foresight,
    database: Database,
    pair: tuple[Strategy, Strategy],
    population: list[Organised],
    is_new: bool,
    data: st.DataObject,
) -> None:
    before, after = None if is_new else pair[0], pair[1]
    narrowings = data.draw(narrowed(pair[0]))
    await settle(database, population)

    found = await foresight.consequences(before, after, HERE, narrowings)

    standing = {each.id: await kept(database, each.id) for each in population}
    stages = [stage for each in (before, after) if each for stage in each.stages]
    lines = await database.read(
        lambda connection: places.lines(connection, RELEASE, stages, left(narrowings)), deadline_s=PATIENCE_S
    )
    ends = {each.narrowing.until for each in narrowings} - {NEVER}
    for instant in sorted({*instants([each for each in (before, after) if each], HERE), *ends}):
        moment = HERE if instant == HERE.earliest else at(instant)
        for component in Component:
            gain, lose, may_gain, may_lose, again = set(), set(), set(), set(), set()
            for name, whose in standing.items():
                (was, could), (becomes, can) = (
                    answered(each, whose, component, moment, lines, narrowings) for each in (before, after)
                )
                gain |= {name} if becomes and not was else set()
                lose |= {name} if was and not becomes else set()
                again |= {name} if was and not becomes and can else set()
                may_gain |= {name} if can and not could and not becomes else set()
                may_lose |= {name} if could and not can and not was else set()
            tally, gaining, losing = told(found, component, instant)
            assert tally == Tally(len(gain), len(may_gain), len(lose), len(again), len(may_lose))
            assert (gaining, losing) == (gain | may_gain, lose | may_lose)


KNOWN = {"known": an_audience(("kyc", ">=", "K3"))}


def for_the_known(**differences: object) -> Strategy:
    return a_strategy(a_stage(access=AccessLevel.LIMITED, to=("known",)), **{"audiences": KNOWN} | differences)


async def test_an_audience_that_does_not_know_says_of_how_many(foresight: Foresight, database: Database) -> None:
    await settle(
        database,
        [Organised(f"org-{n}", (an_assertion("kyc", "K4"),) if n < 2 else (), (), frozenset()) for n in range(5)],
    )

    found = await foresight.consequences(None, for_the_known(), HERE)

    assert [(each.stage, each.audience, each.organisations) for each in found.unknown] == [("general", "known", 3)]
    assert told(found, Component.TEXT, NOW)[0] == Tally(gain=2)


async def test_a_stage_that_nobody_can_use_is_told_of(foresight: Foresight, database: Database) -> None:
    await settle(database, [Organised("org-0", (an_assertion("kyc", "K1"),), (), frozenset())])

    found = await foresight.consequences(None, for_the_known(), HERE)

    assert (found.unreached, found.steps) == (("general",), ())


async def test_who_gains_later_is_told_from_when(foresight: Foresight, database: Database) -> None:
    await settle(database, [Organised("org-0", (), (a_grant(),), frozenset())])
    later = a_strategy(
        a_stage(name="some", access=AccessLevel.LIMITED, to=("known",)), a_stage(opens=SOON), audiences=KNOWN
    )

    found = await foresight.consequences(for_the_known(), later, HERE)

    assert [(step.begins, step.until, step.tally.gain, step.gaining) for step in found.steps] == [
        (SOON, NEVER, 1, ("org-0",))
    ]


async def test_a_version_that_finds_its_gate_opened_before_lets_people_in_and_one_that_does_not_keeps_them_out(
    foresight: Foresight, database: Database
) -> None:
    weak, strong = (
        a_strategy(a_stage(name="out", opens=PAST, opens_when=(Approvals(people=people),))) for people in (1, 2)
    )
    await settle(database, [Organised("org-0", (), (), frozenset())])
    await database.write(
        lambda connection: evidence.add_opening(connection, RELEASE, strong.opening_digest(strong.stages[0]), NOW - DAY)
    )

    returns = await foresight.consequences(weak, strong, HERE)
    leaves = await foresight.consequences(strong, weak, HERE)

    assert told(returns, Component.TEXT, NOW) == (Tally(gain=1), {"org-0"}, set())
    assert told(leaves, Component.TEXT, NOW) == (Tally(lose=1), set(), {"org-0"})


async def test_who_is_thrown_out_where_a_gated_canary_grows_is_told(foresight: Foresight, database: Database) -> None:
    names = [f"org-{number}" for number in range(20)]
    half, most = (
        a_strategy(
            a_stage(name="out", opens=PAST, opens_when=(Approvals(people=1),), canary=Canary(percent=percent, salt="s"))
        )
        for percent in (50, 90)
    )
    await settle(database, [Organised(name, (), (), frozenset()) for name in names])
    opening = half.opening_digest(half.stages[0])
    await database.write(lambda connection: evidence.add_opening(connection, RELEASE, opening, NOW - DAY))

    found = await foresight.consequences(half, most, HERE)

    inside = {name for name in names if Canary(percent=50, salt="s").reaches(name)}
    assert told(found, Component.TEXT, NOW) == (Tally(lose=len(inside)), set(), inside)


async def test_who_gains_by_a_canary_is_whom_it_reaches(foresight: Foresight, database: Database) -> None:
    names = [f"org-{number}" for number in range(20)]
    await settle(database, [Organised(name, (), (), frozenset()) for name in names])
    canary = Canary(percent=30, salt="spring")
    first = a_stage(name="some", access=AccessLevel.LIMITED, to=("known",))

    found = await foresight.consequences(
        None, a_strategy(first, a_stage(opens=SOON, canary=canary), audiences=KNOWN), HERE
    )

    reached = tuple(sorted(name for name in names if canary.reaches(name)))
    assert 0 < len(reached) < 20
    assert [(step.begins, step.tally.gain, step.gaining) for step in found.steps] == [(SOON, len(reached), reached)]


async def test_a_canary_that_reaches_nobody_is_told_of_and_its_audiences_do_not_wonder_about_the_others(
    foresight: Foresight, database: Database
) -> None:
    canary = Canary(percent=30, salt="spring")
    names = [name for name in (f"org-{number}" for number in range(20)) if not canary.reaches(name)]
    await settle(database, [Organised(name, (), (), frozenset()) for name in names])
    some = a_stage(name="some", opens=SOON, access=AccessLevel.LIMITED, to=("known",), canary=canary)

    found = await foresight.consequences(None, a_strategy(a_stage(), some, audiences=KNOWN), HERE)

    assert (found.unknown, found.unreached) == ((), ("some",))
    assert [step.tally.gain for step in found.steps] == [len(names), len(names)]


async def test_nobody_gains_by_a_wider_version_of_what_is_suspended(foresight: Foresight, database: Database) -> None:
    await settle(database, [Organised("org-0", (), (), frozenset())])
    taken = Narrowing(
        id="narrowing_1", number=1, release=RELEASE, verb=Verb.SUSPEND, cause="order", taken_at=NOW, taken_by="key",
        until=SOON,
    )  # fmt: skip

    found = await foresight.consequences(for_the_known(), a_strategy(), HERE, in_effect([taken]))

    assert [(step.begins, step.tally.gain) for step in found.steps] == [(SOON, 1)]


async def test_organisations_that_are_disabled_neither_gain_nor_lose(foresight: Foresight, database: Database) -> None:
    await settle(database, [Organised("org-0", (), (), frozenset()), Organised("org-1", (), (), frozenset())])
    await database.write(lambda connection: identity.end_organisation(connection, "org-1", NOW, "gone"))

    found = await foresight.consequences(None, a_strategy(), HERE)

    assert found.steps[0].gaining == ("org-0",)


async def test_an_assertion_withdrawn_or_weaker_than_another_counts_for_nothing(
    foresight: Foresight, database: Database
) -> None:
    strong, weak = an_assertion("kyc", "K1", id="attr_b", assurance=4), an_assertion("kyc", "K5", id="attr_a")
    gone = an_assertion("kyc", "K5", id="attr_c", assurance=4)
    await settle(
        database,
        [Organised("org-0", (strong, weak), (), frozenset()), Organised("org-1", (gone,), (), frozenset())],
    )
    await database.write(lambda connection: identity.withdraw_assertion(connection, "attr_c_org-1", NOW, "wrong"))

    found = await foresight.consequences(None, for_the_known(), HERE)

    assert found.steps == ()
    assert [each.organisations for each in found.unknown] == [1]


async def test_however_organisations_are_sliced_they_are_grouped_and_named_alike(
    foresight: Foresight, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(database, [Organised(f"org-{n}", (an_assertion("kyc", f"K{n}"),), (), frozenset()) for n in range(6)])

    found = []
    for size in (1, 2, 3, 100):
        monkeypatch.setattr("gateway.access.populations.slices", partial(slices, size=size))
        found.append(await foresight.consequences(None, for_the_known(), HERE))

    assert found[0].steps[0].gaining == ("org-3", "org-4", "org-5")
    assert found == [found[0]] * 4


async def test_the_policies_that_ship_foresee_the_same(database: Database) -> None:
    await settle(database, [Organised(f"org-{n}", (an_assertion("kyc", f"K{n}"),), (), frozenset()) for n in range(5)])
    judge = EmbeddedJudge(read_policy_set(shipped("policies")), timeout_s=5)
    await judge.start()

    found = await Foresight(database, Judging(judge, Metrics())).consequences(None, for_the_known(), HERE)
    await judge.stop()

    assert found.steps[0].gaining == ("org-3", "org-4")
    assert found.steps[0].audiences == {"known": Tally(gain=2)}
