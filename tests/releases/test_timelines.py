"""A strategy as bars: every stage can be seen, in order, and now is where it is."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import DAY, NEVER, at
from gateway.releases.cohorts import Canary
from gateway.releases.narrowings import Narrowing, Verb, in_effect
from gateway.releases.strategies import Stage, Strategy
from gateway.releases.timelines import SHARE_MIN, TAIL, layout
from tests.releases.builders import a_moment, a_stage, a_strategy, an_instant

YEAR = 365 * DAY


def staged(*opens: str, closes: str | None = None) -> Strategy:
    """Stages that open on these days, the last of which may close."""
    stages = [a_stage(f"s{i}", an_instant(f"{day}T00:00:00Z")) for i, day in enumerate(opens)]
    if closes is not None:
        stages[-1] = a_stage(stages[-1].name, stages[-1].opens, closes=an_instant(f"{closes}T00:00:00Z"))
    return a_strategy(*stages)


def test_a_single_stage_without_an_end_fills_the_axis_from_where_it_opened() -> None:
    drawn = layout(staged("2026-01-01"), a_moment("2026-06-01T00:00:00Z"))

    (bar,) = drawn.bars
    assert (bar.start, bar.end, bar.ends, bar.state) == (0.0, 1.0, NEVER, "open")
    assert drawn.now == pytest.approx(1 - TAIL) and drawn.to_scale


def test_a_stage_ends_where_the_next_opens_or_where_it_closes() -> None:
    closing = a_stage("brief", 0, closes=2 * DAY)
    drawn = layout(a_strategy(closing, a_stage("later", 4 * DAY, closes=6 * DAY)), at(3 * DAY))

    brief, later = drawn.bars
    assert (brief.ends, brief.start, brief.end) == (2 * DAY, 0.0, pytest.approx(1 / 3))
    assert (later.start, later.end) == (pytest.approx(2 / 3), 1.0)
    assert drawn.now == pytest.approx(0.5) and drawn.stage is None
    assert (brief.state, later.state) == ("past", "to come")


def test_time_is_to_scale_while_every_span_can_be_seen() -> None:
    drawn = layout(
        staged("2026-01-01", "2026-04-01", "2027-01-01", closes="2028-01-01"), a_moment("2026-01-02T00:00:00Z")
    )

    first, second, third = (bar.end - bar.start for bar in drawn.bars)
    assert drawn.to_scale
    assert (second / first, third / second) == (pytest.approx(275 / 90), pytest.approx(365 / 275))


def test_stages_centuries_apart_can_all_be_seen_and_the_drawing_says_so() -> None:
    drawn = layout(staged("2026-01-01", "2026-01-02", "2240-01-01"), a_moment("2026-01-01T12:00:00Z"))

    first, second, third = (bar.end - bar.start for bar in drawn.bars)
    assert not drawn.to_scale
    assert first >= SHARE_MIN and second > first and third == pytest.approx(TAIL)
    assert drawn.bars[0].start < drawn.now < drawn.bars[0].end


def test_before_the_first_stage_the_axis_begins_with_now() -> None:
    drawn = layout(staged("2027-01-01"), a_moment("2026-06-01T00:00:00Z"))

    assert (drawn.now, drawn.stage, drawn.bars[0].state) == (0.0, None, "to come")
    assert drawn.bars[0].start == pytest.approx(1 - TAIL)


def test_a_strategy_without_stages_has_no_bars() -> None:
    drawn = layout(a_strategy(), at(7))

    assert (drawn.bars, drawn.now) == ((), 0.0)


instants = st.one_of(st.integers(0, 400 * DAY), st.integers(0, NEVER - 1))


@given(
    opens=st.lists(instants, unique=True, min_size=1, max_size=10).map(sorted),
    lengths=st.lists(st.integers(1, 100 * YEAR) | st.none(), min_size=10, max_size=10),
    now=instants,
)
def test_whatever_the_dates_the_drawing_keeps_their_order(
    opens: list[int], lengths: list[int | None], now: int
) -> None:
    stages: list[Stage] = []
    for i, start in enumerate(opens):
        length = lengths[i]
        closes = NEVER if length is None else min(start + length, NEVER)
        stages.append(a_stage(f"s{i}", start, closes=closes))
    drawn = layout(a_strategy(*stages), at(now))

    ends = [end for bar in drawn.bars for end in (bar.start, bar.end)]
    assert all(0 <= end <= 1.0000001 for end in [*ends, drawn.now])
    assert all(one <= other + 1e-9 for one, other in pairwise(ends))
    assert all(bar.end > bar.start for bar in drawn.bars)
    for bar in drawn.bars:
        assert (drawn.now >= bar.start) or now < bar.opens
        assert (drawn.now <= bar.end) or now > bar.ends


@given(opens=st.lists(instants, unique=True, min_size=2, max_size=10).map(sorted))
def test_no_stage_is_too_narrow_to_be_seen(opens: list[int]) -> None:
    drawn = layout(a_strategy(*(a_stage(f"s{i}", start) for i, start in enumerate(opens))), at(opens[0]))

    assert all(bar.end - bar.start > 0.01 for bar in drawn.bars)


SHARED = a_strategy(
    a_stage("preview", 0),
    a_stage("some", 2 * DAY, canary=Canary(percent=50, salt="spring")),
    a_stage("all", 4 * DAY),
)


def states_at(day: int, *narrowings: Narrowing) -> list[str]:
    in_force = in_effect(narrowings, [SHARED])
    return [bar.state for bar in layout(SHARED, at(day * DAY), narrowings=in_force).bars]


def test_the_stage_of_those_whom_a_share_leaves_out_is_open_until_the_next_for_all() -> None:
    drawn = layout(SHARED, at(3 * DAY))

    assert [states_at(day) for day in (1, 3, 5)] == [
        ["open", "to come", "to come"], ["open", "open", "to come"], ["past", "past", "open"],
    ]  # fmt: skip
    assert [bar.ends for bar in drawn.bars] == [4 * DAY, 4 * DAY, NEVER]
    assert [bar.share for bar in drawn.bars] == [None, 50, None]
    assert drawn.stands == "some is open to 50 % of organisations, preview to the others"


def test_a_wider_share_of_the_same_salt_leaves_nobody_in_the_narrower_one() -> None:
    wider = a_stage("more", 3 * DAY, canary=Canary(percent=80, salt="spring"))
    other = a_stage("more", 3 * DAY, canary=Canary(percent=80, salt="autumn"))
    first, some, _ = SHARED.stages

    told = [[bar.state for bar in layout(a_strategy(first, some, more), at(4 * DAY)).bars] for more in (wider, other)]

    assert told == [["open", "past", "open"], ["open", "open", "open"]]


def test_a_stage_that_was_rolled_back_to_is_open_again() -> None:
    back = Narrowing(
        id="narrowing_1", number=1, release=SHARED.release, verb=Verb.ROLL_BACK, stage="preview",
        strategy=SHARED.digest(), taken_at=5 * DAY, taken_by="Pro000000000", cause="drill",
    )  # fmt: skip

    shared = msgspec.structs.replace(back, taken_at=3 * DAY)

    assert states_at(6, back) == ["open", "past", "rolled back"]
    assert states_at(3, shared) == ["open", "rolled back", "to come"]
    drawn = layout(SHARED, at(3 * DAY), narrowings=in_effect([shared], [SHARED]))
    assert drawn.stands == "some is rolled back at preview"
