"""Each preset is its history: asked at any of its instants, the gateway answers as history did."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import read_policy_set
from gateway.access.judging import Judging
from gateway.clock import DAY, NEVER, Instant
from gateway.metrics import Metrics
from gateway.releases.components import Component
from gateway.releases.files import read_release
from gateway.releases.fitting import Fitting, fitted
from gateway.releases.presets import Kind, Preset, preset, presets
from gateway.shipped import shipped
from tests.releases.replaying import TABLES, differences, replay, table

HISTORIES = presets(Kind.HISTORY)
TEMPLATES = presets(Kind.TEMPLATE)
ROWS_LEAST = 300


def named(preset: Preset) -> str:
    return preset.name


@pytest.fixture(scope="module")
def judging() -> Iterator[Judging]:
    """What decides in production, with the policies that ship."""
    judge = EmbeddedJudge(read_policy_set(shipped("policies")), timeout_s=10)
    asyncio.run(judge.start())
    yield Judging(judge, Metrics())
    asyncio.run(judge.stop())


@pytest.mark.parametrize("preset", HISTORIES, ids=named)
async def test_a_history_replays_without_a_difference(preset: Preset, judging: Judging) -> None:
    answered = await replay(preset.strategy(), table(preset.name), judging)

    assert not (found := differences(answered)), found


@pytest.mark.parametrize("preset", TEMPLATES, ids=named)
async def test_a_template_admits_whom_it_says_it_does(preset: Preset, judging: Judging) -> None:
    answered = await replay(preset.strategy(), table(preset.name), judging)

    assert not (found := differences(answered)), found


def test_the_histories_are_asked_three_hundred_times_at_least() -> None:
    assert sum(len(table(preset.name)) for preset in HISTORIES) >= ROWS_LEAST


def test_every_preset_has_a_table_and_every_table_a_preset() -> None:
    assert {path.stem for path in TABLES.iterdir()} == {preset.name for preset in (*HISTORIES, *TEMPLATES)}


@pytest.mark.parametrize("preset", HISTORIES, ids=named)
def test_every_date_of_a_history_is_asked_about_at_its_tick_and_at_the_one_before(preset: Preset) -> None:
    asked = {row.instant for row in table(preset.name)}
    dates = {date for stage in preset.strategy().stages for date in (stage.opens, stage.closes) if date != NEVER}

    assert dates | {date - 1 for date in dates} <= asked


@pytest.mark.parametrize("preset", HISTORIES, ids=named)
async def test_a_history_that_began_a_day_earlier_or_later_is_told_apart(preset: Preset, judging: Judging) -> None:
    began = preset.strategy().stages[0].opens
    for shift in (-DAY, DAY):
        content = fitted(preset.content, Fitting(release=preset.strategy().release, starts=began + shift))
        moved = read_release(content, preset.documents).strategy_at()

        assert differences(await replay(moved, table(preset.name), judging))


@pytest.mark.parametrize("preset", HISTORIES, ids=named)
async def test_what_a_history_never_offered_is_never_admitted(preset: Preset, judging: Judging) -> None:
    strategy = preset.strategy()
    offered = {component for stage in strategy.stages for component in stage.offers}
    rows = [
        row._replace(component=component)
        for row in table(preset.name)
        for component in Component
        if component not in offered
    ]

    assert "admitted" not in {got for _, got in await replay(strategy, rows, judging)}


@given(
    each=st.sampled_from([*HISTORIES, *TEMPLATES]).map(named).map(preset),
    starts=st.integers(DAY, 80 * 365 * DAY),
    after=st.one_of(st.integers(-400 * DAY, 4000 * DAY), st.sampled_from([-1, 0, 1])),
    which=st.integers(0, 10_000),
)
def test_a_fitted_preset_answers_as_its_original_did_as_long_after_its_start(
    judging: Judging, each: Preset, starts: Instant, after: int, which: int
) -> None:
    content = fitted(each.content, Fitting(release=each.strategy().release, starts=starts))
    original, moved = each.strategy(), read_release(content, each.documents).strategy_at()
    began = original.stages[which % len(original.stages)].opens
    rows = table(each.name)
    row = rows[which % len(rows)]._replace(instant=began + after)
    later = row._replace(instant=row.instant - original.stages[0].opens + starts)

    async def answers() -> tuple[str, str]:
        [then], [now] = await replay(original, [row], judging), await replay(moved, [later], judging)
        return then.got, now.got

    then, now = asyncio.run(answers())
    assert then == now


async def test_one_wrong_answer_is_found_and_shown_in_its_table(judging: Judging) -> None:
    [gpt_4] = [preset for preset in HISTORIES if preset.name == "gpt-4"]
    first, *rest = table("gpt-4")

    shown = differences(await replay(gpt_4.strategy(), [first._replace(expected="admitted"), *rest], judging))

    assert len(shown.splitlines()) == len(rest) + 3
    assert shown.count("≠") == 1 and "2023-03-13T23:59:59.999999Z" in shown
