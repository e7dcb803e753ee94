"""Shares of organisations: the same ones for ever, never fewer of them as a share grows, about as many as it says."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import at
from gateway.releases.cohorts import Canary
from gateway.releases.files import read_release
from gateway.releases.requirements import Approvals
from gateway.releases.strategies import Stage, Strategy
from tests.releases.builders import DOCUMENTS, a_file, a_stage, a_strategy

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 300
TENTH = Canary(percent=10, salt="spring")
names = st.text(min_size=1, max_size=64)
percents = st.integers(1, 99)


def name_at(strategy: Strategy, instant: int, organisation: str, **opened: int) -> str | None:
    stage = strategy.stage_at(at(instant), opened, organisation)
    return None if stage is None else stage.name


def somebody(canary: Canary, *, inside: bool) -> str:
    """An organisation inside a share, or outside it."""
    return next(name for name in map(str, range(10_000)) if canary.reaches(name) == inside)


INSIDE, OUTSIDE = somebody(TENTH, inside=True), somebody(TENTH, inside=False)


def staged(**differences: object) -> Strategy:
    """Three stages, the second for a tenth."""
    second: Stage = a_stage("second", 200, canary=TENTH, **differences)
    return a_strategy(a_stage("first", 100), second, a_stage("third", 300))


def test_who_is_in_never_changes_from_one_release_of_the_gateway_to_the_next() -> None:
    assert [n for n in range(60) if TENTH.reaches(f"org-{n}")] == PINNED


PINNED = [6, 28, 30, 31, 33, 51, 54, 55]


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_a_share_is_about_as_large_as_it_says(percent: int) -> None:
    reached = sum(Canary(percent=percent, salt="s").reaches(f"org-{n}") for n in range(20_000))

    assert abs(reached / 200 - percent) < 1.2


def test_another_salt_draws_others() -> None:
    spring = {n for n in range(5_000) if TENTH.reaches(str(n))}
    autumn = {n for n in range(5_000) if Canary(percent=10, salt="autumn").reaches(str(n))}

    assert len(spring & autumn) < 0.2 * len(spring)


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(names, names, percents, percents)
def test_whoever_is_in_a_share_is_in_every_larger_one_of_its_salt(
    organisation: str, salt: str, one: int, other: int
) -> None:
    small, large = (Canary(percent=percent, salt=salt) for percent in sorted((one, other)))

    assert not small.reaches(organisation) or large.reaches(organisation)
    assert small.reaches(organisation) == Canary(percent=min(one, other), salt=salt).reaches(organisation)


def test_whom_a_stage_does_not_reach_yet_stays_in_the_stage_before() -> None:
    assert [name_at(staged(), instant, INSIDE) for instant in (150, 250, 350)] == ["first", "second", "third"]
    assert [name_at(staged(), instant, OUTSIDE) for instant in (150, 250, 350)] == ["first", "first", "third"]


def test_what_opens_next_is_what_will_reach_the_caller() -> None:
    coming = [staged().next_stage(at(150), organisation=each) for each in (INSIDE, OUTSIDE)]

    assert [stage.name if stage else None for stage in coming] == ["second", "third"]


def test_a_share_that_waits_holds_up_everybody_behind_it() -> None:
    strategy = staged(opens_when=(Approvals(people=2),))

    assert [name_at(strategy, 350, each) for each in (INSIDE, OUTSIDE)] == ["first", "first"]
    assert [name_at(strategy, 350, each, second=320) for each in (INSIDE, OUTSIDE)] == ["third", "third"]
    assert name_at(strategy, 250, INSIDE, second=220) == "second"


def test_a_share_is_part_of_what_was_approved() -> None:
    first, wider = staged(opens_when=(Approvals(people=2),)), Canary(percent=20, salt="spring")
    changed = a_strategy(*(a_stage("second", 200, canary=wider, opens_when=(Approvals(people=2),)),))

    assert first.stage_digest(first.stages[1]) != changed.stage_digest(changed.stages[0])


def test_a_share_is_read_from_the_file_and_the_stage_before_may_outlast_its_date() -> None:
    share = ("access: api", "access: api\n    canary: {percent: 10, salt: spring}")
    closes = ("access: closed", "closes: 2027-07-01T00:00:00Z, access: closed")

    strategy = read_release(a_file(share, closes), DOCUMENTS).strategy_at()

    assert strategy.stages[1].canary == TENTH
    assert Strategy.read(strategy.canonical()) == strategy
