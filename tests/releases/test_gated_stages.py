"""Stages that have requirements: shut until their opening is recorded, whatever the date and whatever else opened."""

import os
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import NEVER, Moment, at
from gateway.releases.caps import Cap
from gateway.releases.components import Component
from gateway.releases.files import read_release
from gateway.releases.requirements import Approvals, Within
from gateway.releases.stage_dates import Review
from gateway.releases.strategies import AccessLevel, Conditions, InferenceTarget, Stage, Strategy, WeightsTarget
from tests.releases.builders import DOCUMENTS, a_file, a_stage, a_strategy, an_audience

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 300
TWO = (Approvals(people=2),)
SNAPSHOT = "sha256:" + "a" * 64
WMDP = "{evidence: {suite: lm-eval, task: wmdp_bio, metric: acc, at_most: 0.350, margin: 1e-2}}"


def name_at(strategy: Strategy, instant: int, **opened: int) -> str | None:
    stage = strategy.stage_at(at(instant), opened)
    return None if stage is None else stage.name


def closed(name: str, opens: int) -> Stage:
    return a_stage(name, opens, access=AccessLevel.CLOSED, to=("staff",))


def test_a_file_says_what_must_hold_in_whatever_order_it_is_written() -> None:
    requirements = [f"[{WMDP}, {{approvals: 2}}]", f"[{{approvals: 2}}, {WMDP.replace('0.350', '0.35')}]"]
    read = [
        read_release(
            a_file(
                ("terms: {aup", f"model: {{snapshot: {SNAPSHOT}}}\nterms: {{aup"),
                ("access: api", f"access: api\n    opens_when: {each}"),
            ),
            DOCUMENTS,
        ).strategy_at()
        for each in requirements
    ]

    wanted = Within(suite="lm-eval", task="wmdp_bio", metric="acc", at_most="0.35", margin="0.01")
    assert set(read[0].stages[1].opens_when) == {Approvals(people=2), wanted}
    assert read[0].digest() == read[1].digest()
    assert Strategy.read(read[0].canonical()) == read[0]


def test_a_stage_without_requirements_has_the_bytes_it_always_had() -> None:
    assert b"opens_when" not in a_strategy(a_stage()).canonical() and b"snapshot" not in a_strategy().canonical()


def test_a_gated_stage_stays_shut_past_its_date_and_the_stage_before_in_force() -> None:
    strategy = a_strategy(a_stage("first", 100), a_stage("second", 200, opens_when=TWO))

    assert name_at(strategy, 10_000) == "first"
    assert (name_at(strategy, 299, second=300), name_at(strategy, 300, second=300)) == ("first", "second")
    assert strategy.next_stage(at(10_000)) == strategy.stages[1]
    assert (strategy.next_boundary(at(150)), strategy.next_boundary(at(150), {"second": 300})) == (NEVER, 300)


def test_an_opening_recorded_before_the_date_opens_nothing_before_it() -> None:
    strategy = a_strategy(a_stage("first", 100), a_stage("second", 200, opens_when=TWO))

    assert (name_at(strategy, 199, second=150), name_at(strategy, 200, second=150)) == ("first", "second")


def test_no_later_stage_opens_past_one_that_waits() -> None:
    strategy = a_strategy(a_stage("first", 100), a_stage("second", 200, opens_when=TWO), a_stage("third", 300))

    assert name_at(strategy, 10_000) == "first"
    assert (name_at(strategy, 249, second=250), name_at(strategy, 250, second=250)) == ("first", "second")
    assert (name_at(strategy, 399, second=400), name_at(strategy, 400, second=400)) == ("first", "third")


def test_a_stage_that_closes_what_is_open_waits_for_nothing() -> None:
    strategy = a_strategy(a_stage("first", 100), a_stage("second", 200, opens_when=TWO), closed("end", 300))

    assert (name_at(strategy, 299), name_at(strategy, 300)) == ("first", "end")
    assert name_at(strategy, 500, second=400) == "end"
    assert strategy.next_stage(at(500)) is None


def test_the_stage_before_a_gated_one_may_close_by_itself_meanwhile() -> None:
    gated = ("access: api", "access: api\n    opens_when: [{approvals: 2}]")
    closes = ("access: closed", "closes: 2027-07-01T00:00:00Z, access: closed")

    assert read_release(a_file(gated, closes), DOCUMENTS).faults == ()
    assert len(read_release(a_file(closes), DOCUMENTS).faults) == 1


def test_a_stage_whose_end_came_before_its_opening_is_never_opened_and_shuts_nothing() -> None:
    strategy = a_strategy(
        a_stage("first", 100), a_stage("second", 200, closes=300, opens_when=TWO), a_stage("third", 400)
    )

    assert strategy.waiting_stage(at(299)) == strategy.stages[1]
    assert strategy.waiting_stage(Moment(299, 300)) is None and strategy.waiting_stage(at(500)) is None
    assert name_at(strategy, 500) == "first"


def test_what_is_behind_a_stage_that_missed_its_end_opens_no_more_but_the_end_of_the_release_does() -> None:
    first, missed, third = (
        a_stage("first", 100),
        a_stage("second", 200, closes=300, opens_when=TWO),
        a_stage("third", 400),
    )
    strategy = a_strategy(first, missed, third, a_stage("end", 900, access=AccessLevel.CLOSED))
    opened = {"second": 250}

    assert [strategy.can_open(each, at(299)) for each in strategy.stages] == [True, True, True, True]
    assert [strategy.can_open(each, at(300)) for each in strategy.stages] == [True, False, False, True]
    assert [strategy.can_open(each, at(300), opened) for each in strategy.stages] == [True, True, True, True]
    assert strategy.can_open(third, Moment(299, 301))


@pytest.mark.parametrize(
    "changed",
    [
        {"snapshot": SNAPSHOT},
        {"audiences": {"testers": an_audience(("grant", "=", "required"), ("kyc", ">=", "K1"))}},
        {"inference": InferenceTarget("vllm", "another")},
        {"stages": (a_stage("g", 100, to=("testers",), opens_when=(Approvals(people=1),)),)},
        {"stages": (a_stage("g", 101, to=("testers",), opens_when=TWO),)},
        {"stages": (a_stage("g", 100, to=("public",), opens_when=TWO),)},
    ],
)
def test_an_opening_is_of_the_stage_as_it_stood_with_its_audiences_and_its_model(changed: dict[str, Any]) -> None:
    stage = a_stage("g", 100, to=("testers",), opens_when=TWO)
    testers = an_audience(("grant", "=", "required"))
    strategy = a_strategy(stage, audiences={"testers": testers})
    other = msgspec.structs.replace(strategy, **changed)
    recorded = {strategy.stage_digest(stage): 300}

    assert strategy.opened(recorded) == {"g": 300}
    assert other.opened(recorded) == {}


@pytest.mark.parametrize(
    "moved", [{"cap": Cap(organisations=9)}, {"cap": None}, {"review": Review(by=900)}, {"perpetual": True}]
)
def test_a_cap_or_a_review_that_is_moved_keeps_the_opening_and_voids_what_was_said_of_the_stage(
    moved: dict[str, Any],
) -> None:
    stage = a_stage("g", 100, opens_when=TWO, cap=Cap(organisations=5))
    strategy = a_strategy(stage)
    other = msgspec.structs.replace(stage, **moved)
    later = a_strategy(other)
    recorded = {strategy.opening_digest(stage): 300}

    assert later.opened(recorded) == {"g": 300}
    assert later.stage_digest(other) != strategy.stage_digest(stage)


TERMS = {"aup": "sha256:" + "1" * 64, "licence": "sha256:" + "2" * 64}


@pytest.mark.parametrize(
    ("changed", "keeps"),
    [
        ({"terms": TERMS | {"aup": "sha256:" + "9" * 64}}, False),
        ({"terms": TERMS | {"licence": "sha256:" + "9" * 64}}, True),
        ({"inference": InferenceTarget("elsewhere", "atlas")}, False),
        ({"inference": InferenceTarget("vllm", "other")}, False),
        ({"inference": None}, False),
        ({"weights": WeightsTarget("weights/elsewhere", {"a.bin": "sha256:" + "0" * 64})}, False),
        ({"weights": WeightsTarget("weights/a", {"a.bin": "sha256:" + "9" * 64})}, False),
    ],
)
def test_an_opening_and_an_approval_are_of_the_terms_and_of_whatever_is_given(
    changed: dict[str, Any], keeps: bool
) -> None:
    stage = a_stage("g", 100, opens_when=(Approvals(people=2),), conditions=Conditions(terms=("aup",)),
                    offers=(Component.TEXT, Component.WEIGHTS))  # fmt: skip
    weights = WeightsTarget("weights/a", {"a.bin": "sha256:" + "0" * 64})
    strategy = a_strategy(stage, terms=TERMS, inference=InferenceTarget("vllm", "atlas"), weights=weights)
    other = msgspec.structs.replace(strategy, **changed)

    assert (strategy.stage_digest(stage) == other.stage_digest(stage)) is keeps
    assert (strategy.opening_digest(stage) == other.opening_digest(stage)) is keeps


def test_of_a_stage_without_either_openings_and_approvals_are_about_one_digest() -> None:
    stage = a_stage("g", 100, opens_when=TWO)
    strategy = a_strategy(stage)

    assert strategy.opening_digest(stage) == strategy.stage_digest(stage)


def test_a_version_that_leaves_the_stage_as_it_is_keeps_its_opening() -> None:
    stage = a_stage("g", 100, opens_when=TWO)
    strategy = a_strategy(stage)
    later = msgspec.structs.replace(strategy, listed=False, stages=(stage, a_stage("last", 900)))

    assert later.opened({strategy.stage_digest(stage): 300}) == {"g": 300}


@st.composite
def strategies(draw: st.DrawFn) -> Strategy:
    """Up to six stages in order of time; some have requirements, some are closed, some close by themselves."""
    opens = sorted(draw(st.lists(st.integers(0, 60), min_size=1, max_size=6, unique=True)))
    stages = []
    for number, instant in enumerate(opens):
        stage = a_stage(f"s{number}", instant, opens_when=draw(st.sampled_from([(), TWO])))
        if draw(st.integers(0, 3)) == 0:
            stage = msgspec.structs.replace(stage, access=AccessLevel.CLOSED, to=("staff",))
        if draw(st.integers(0, 3)) == 0:
            stage = msgspec.structs.replace(stage, closes=instant + draw(st.integers(1, 40)))
        stages.append(stage)
    return a_strategy(*stages)


recorded_openings = st.dictionaries(st.sampled_from([f"s{n}" for n in range(6)]), st.integers(0, 80))
moments = st.builds(lambda start, width: Moment(start, start + width), st.integers(0, 120), st.integers(0, 15))


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(strategies(), recorded_openings, moments)
def test_no_stage_is_ever_in_force_before_its_date_and_its_recorded_opening(
    strategy: Strategy, opened: dict[str, int], moment: Moment
) -> None:
    stage = strategy.stage_at(moment, opened)

    if stage is not None:
        assert moment.earliest >= stage.opens
        assert not stage.is_gated or moment.earliest >= opened.get(stage.name, NEVER)
        before = strategy.stages[: strategy.stages.index(stage)]
        if stage.is_gated or stage.access is not AccessLevel.CLOSED:
            assert all(moment.earliest >= opened.get(each.name, NEVER) for each in before if each.is_gated)


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(strategies(), recorded_openings, moments, st.integers(0, 15))
def test_what_is_in_force_changes_at_the_boundary_it_names_or_by_a_recorded_opening_alone(
    strategy: Strategy, opened: dict[str, int], moment: Moment, passed: int
) -> None:
    later = Moment(moment.earliest + passed, moment.latest + passed)

    if not later.maybe_reached(strategy.next_boundary(moment, opened)):
        assert strategy.stage_at(later, opened) == strategy.stage_at(moment, opened)


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(strategies(), recorded_openings, moments)
def test_what_waits_is_gated_unopened_due_and_behind_no_other(
    strategy: Strategy, opened: dict[str, int], moment: Moment
) -> None:
    waiting = strategy.waiting_stage(moment, opened)

    if waiting is not None:
        assert waiting.is_gated and waiting.name not in opened
        assert waiting.opens <= moment.earliest and moment.latest < waiting.closes
        before = strategy.stages[: strategy.stages.index(waiting)]
        assert all(each.name in opened for each in before if each.is_gated)
