"""What would have to change, found by asking again: every way is enough, and no part of one is."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from gateway.access.candidates import Asked
from gateway.access.explanations import Kind, Way
from gateway.access.grants import Holdings
from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import read_policy_set
from gateway.access.judging import Judging
from gateway.access.remedies import candidates, ways
from gateway.access.snapshot import InForce
from gateway.access.standing import Use, gather
from gateway.clock import DAY, at, text_from
from gateway.identity.callers import Role
from gateway.metrics import Metrics
from gateway.releases.caps import Cap
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.lines import Line
from gateway.releases.narrowings import in_effect
from gateway.releases.requirements import Approvals
from gateway.releases.stage_dates import Review
from gateway.releases.strategies import AccessLevel, Conditions, Stage, Strategy
from gateway.shipped import shipped
from tests.access.test_narrowings import a_narrowing, restoring
from tests.builders import PAST, a_caller, a_concurrence, a_grant, a_stage, a_strategy, an_assertion, holdings
from tests.releases.builders import an_audience

NOW = PAST + 100 * DAY
AUP = "sha256:" + "7" * 64
AUDIENCES = {
    "testers": an_audience(("grant", "=", "required"), ("kyc", ">=", "K3")),
    "abroad": an_audience(("residence_country", "not_in", ("CN", "RU"))),
    "staff": an_audience(("role", "=", "staff")),
}


@pytest.fixture
async def judging() -> AsyncIterator[Judging]:
    judge = EmbeddedJudge(read_policy_set(shipped("policies")), timeout_s=5)
    await judge.start()
    yield Judging(judge, Metrics())
    await judge.stop()


def asked(strategy: Strategy, *narrowings: Any, **differences: Any) -> Asked:
    in_force = InForce(
        strategy,
        strategy.digest(),
        differences.pop("opened", {}),
        in_effect(narrowings, [strategy]),
        differences.pop("lines", {}),
    )
    component = differences.pop("component", Component.TEXT)
    held = differences.pop("held", holdings())
    return Asked(Use(a_caller(**differences), component, in_force, held), at(NOW))


def release(*stages: Stage) -> Strategy:
    return a_strategy(*stages, audiences=AUDIENCES, terms={"aup": AUP})


async def kinds(judging: Judging, start: Asked) -> list[list[str]]:
    """The kinds of each way, after holding each against the judge: enough, and no part of it is."""
    found, whole = await ways(judging, start)
    assert whole
    for way in found:
        chosen = [candidate for candidate in candidates(start) if candidate.step in way]
        assert await _admits(judging, start, chosen)
        for left_out in chosen:
            assert not await _admits(judging, start, [each for each in chosen if each is not left_out])
    return [[step.kind.value for step in way] for way in found]


async def _admits(judging: Judging, start: Asked, chosen: list[Any]) -> bool:
    for candidate in chosen:
        start = candidate.change(start)
    question = gather(start.use, start.moment).question
    return (await judging.decide(question, question.hash())).allow


LIMITED = a_stage(name="trusted", access=AccessLevel.LIMITED, to=("testers",), conditions=Conditions(terms=("aup",)))


async def test_a_grant_a_fact_and_the_terms_are_asked_for_together(judging: Judging) -> None:
    assert await kinds(judging, asked(release(LIMITED))) == [["terms", "grant", "fact"]]


async def test_what_is_so_already_is_not_asked_for(judging: Judging) -> None:
    known = an_assertion("kyc", "K4")

    assert await kinds(judging, asked(release(LIMITED), attributes=(known,), held=holdings(a_grant()))) == [["terms"]]


async def test_a_fact_that_nobody_asserts_is_told_from_one_that_is_otherwise(judging: Judging) -> None:
    start = release(a_stage(to=("abroad",)))

    async def said(**facts: Any) -> list[str]:
        found, _ = await ways(judging, asked(start, **facts))
        return [step.says for way in found for step in way]

    [unknown] = await said()
    [otherwise] = await said(attributes=(an_assertion("residence_country", "CN"),))
    assert "`residence_country not in [CN, RU]`" in unknown and "nobody asserts it" in unknown
    assert "what is asserted is otherwise" in otherwise


async def test_a_fact_that_is_known_less_surely_than_is_asked_is_asked_for_at_that_assurance(judging: Judging) -> None:
    audiences = AUDIENCES | {"sure": an_audience(("kyc@3", ">=", "K3"))}
    strategy = msgspec.structs.replace(release(a_stage(to=("sure",))), audiences=audiences)
    known = an_assertion("kyc", "K4", assurance=1)

    assert await kinds(judging, asked(strategy, attributes=(known,))) == [["fact"]]
    [[step]], _ = await ways(judging, asked(strategy, attributes=(known,)))
    assert "`kyc@3 >= K3`; it is known at assurance 1, and 3 is asked" in step.says
    assert not await _admits(judging, asked(strategy, attributes=(known,)), [])
    assert await _admits(judging, asked(strategy, attributes=(an_assertion("kyc", "K4", assurance=3),)), [])


async def test_a_stage_to_come_is_a_date_and_one_that_waits_is_not_before_it(judging: Judging) -> None:
    coming = a_stage(name="general", opens=NOW + DAY)
    gated = msgspec.structs.replace(coming, opens_when=(Approvals(people=2),))

    async def told(stage: Stage) -> list[Way]:
        found, _ = await ways(judging, asked(release(a_stage(name="first", to=("staff",), access="closed"), stage)))
        return list(found)

    [[dated]], [[waiting]] = await told(coming), await told(gated)
    assert (dated.kind, dated.subject, dated.not_before, dated.waits) == (Kind.DATE, "general", NOW + DAY, ())
    assert (waiting.kind, waiting.not_before, waiting.waits) == (Kind.REQUIREMENTS, NOW + DAY, ("general",))


async def test_a_stage_behind_one_that_waits_waits_too(judging: Judging) -> None:
    stages = [
        a_stage(name="first", to=("staff",), access=AccessLevel.CLOSED),
        a_stage(name="some", to=("staff",), opens=NOW - DAY, opens_when=(Approvals(people=2),)),
        a_stage(name="all", opens=NOW - 1),
    ]
    [[step]], _ = await ways(judging, asked(release(*stages)))

    assert (step.kind, step.waits, step.subject) == (Kind.REQUIREMENTS, ("some",), "some")


async def test_what_is_shut_for_ever_by_a_stage_that_missed_its_end_is_no_way(judging: Judging) -> None:
    stages = [
        a_stage(name="first", to=("staff",), access=AccessLevel.CLOSED),
        a_stage(name="some", to=("staff",), opens=NOW - DAY, closes=NOW - 1, opens_when=(Approvals(people=2),)),
        a_stage(name="all", opens=NOW - 1),
    ]

    assert await ways(judging, asked(release(*stages))) == ((), True)


async def test_every_narrowing_that_takes_it_away_must_be_restored(judging: Judging) -> None:
    both = [a_narrowing(), a_narrowing(id="narrowing_2", number=2, scope="organisation = acme")]
    elsewhere = a_narrowing(id="narrowing_3", number=3, scope="organisation = bolt")

    found, _ = await ways(judging, asked(release(a_stage()), *both, elsewhere))

    assert [[step.subject for step in way] for way in found] == [["narrowing_1", "narrowing_2"]]


async def test_out_of_a_scope_by_a_fact_or_by_its_restoration_or_its_end(judging: Judging) -> None:
    narrowing = a_narrowing(scope="not us_person", until=NOW + DAY)

    assert await kinds(judging, asked(release(a_stage()), narrowing)) == [["fact"], ["date"], ["narrowing"]]
    restored = restoring(narrowing, "us_person")
    assert await kinds(judging, asked(release(a_stage()), narrowing, restored)) == [["fact"], ["date"], ["narrowing"]]


async def test_a_key_that_is_narrower_and_a_component_that_no_stage_offers(judging: Judging) -> None:
    assert await kinds(judging, asked(release(a_stage()), scopes=("weights",))) == [["key"]]
    assert await kinds(judging, asked(release(a_stage()), component=Component.EMBEDDINGS)) == [["version"]]


async def test_whom_a_canary_does_not_reach_nothing_of_its_own_admits(judging: Judging) -> None:
    canary = Canary(percent=1, salt="spring")
    assert not canary.reaches("acme")
    stages = [a_stage(name="first", to=("staff",), access=AccessLevel.CLOSED), a_stage(name="some", canary=canary)]

    assert await kinds(judging, asked(release(*stages), roles=(Role.DEVELOPER,))) == []


async def test_a_grant_that_is_paused_is_resumed_and_one_that_is_due_recertified_not_given_anew(
    judging: Judging,
) -> None:
    known, paused, due = an_assertion("kyc", "K4"), {"paused_at": PAST}, {"recertify_by": NOW}
    stage = msgspec.structs.replace(LIMITED, conditions=Conditions())

    async def told(**differences: Any) -> list[list[str]]:
        return await kinds(judging, asked(release(stage), attributes=(known,), held=holdings(a_grant(**differences))))

    assert await told(**paused) == [["resumption"]]
    assert await told(**due) == [["recertification"]]
    assert await told(**paused, **due) == [["resumption", "recertification"]]
    assert await told(**paused, revoked_at=PAST) == [["grant"]]


async def test_an_authority_that_does_not_agree_or_no_longer_is_asked_to(judging: Judging) -> None:
    stage = a_stage(conditions=Conditions(concurrence="Commerce"))

    async def said(*agreed: Any) -> list[str]:
        start = asked(release(stage), held=Holdings.of("acme", [], [], agreed))
        assert await kinds(judging, start) == [["concurrence"]]
        return [step.says for way in (await ways(judging, start))[0] for step in way]

    assert await said() == ["`Commerce` agrees to the organisation's use of acme/atlas-1."]
    [ended] = await said(a_concurrence(expires_at=NOW))
    assert "agrees anew" in ended


async def test_whoever_finds_a_stage_full_moves_up_in_its_line(judging: Judging) -> None:
    capped = a_stage(name="some", cap=Cap(organisations=2))
    start = asked(release(capped), lines={"some": Line.of(["bolt", "core"])})

    assert await kinds(judging, start) == [["place"]]
    assert await _admits(judging, asked(release(capped), lines={"some": Line.of(["bolt", "acme"])}), [])


async def test_a_stage_that_is_frozen_is_reviewed(judging: Judging) -> None:
    frozen = a_stage(name="some", cap=Cap(organisations=2), review=Review(by=NOW - 1, if_overdue="freeze"))

    assert await kinds(judging, asked(release(frozen))) == [["review"]]
    full = Line.of(["bolt", "core"])
    assert await kinds(judging, asked(release(frozen), lines={"some": full})) == [["place"]]


async def test_a_stage_that_waits_is_dated_by_its_file_and_not_by_the_instant_asked_about(judging: Judging) -> None:
    gated = a_stage(name="all", opens=NOW + DAY, opens_when=(Approvals(people=2),))
    stages = [a_stage(name="first", to=("staff",), access=AccessLevel.CLOSED), gated]
    start = asked(release(*stages), roles=(Role.DEVELOPER,))
    later = msgspec.structs.replace(start, moment=at(NOW + 30 * DAY))

    for each in (start, later):
        [[step]] = (await ways(judging, each))[0]
        assert (step.kind, step.not_before) == ("requirements", NOW + DAY)
        assert text_from(NOW + DAY) in step.says
