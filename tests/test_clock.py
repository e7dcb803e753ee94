"""Time is an interval: what opens waits for the earliest now, what closes for the latest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import READING_US, DatabaseClock, Moment, at, datetime_from, elapsed_us, instant_from, text_from
from gateway.errors import ClockUnknown


def test_before_the_first_reading_there_is_no_time() -> None:
    with pytest.raises(ClockUnknown):
        DatabaseClock().now()


def test_one_reading_bounds_now_by_the_time_the_question_took() -> None:
    clock = DatabaseClock()
    heard = elapsed_us()

    clock.observe(1_000_000_000, heard - 500, heard)
    now = clock.now()

    assert now.earliest >= 1_000_000_000 - 1
    assert 500 + READING_US <= now.uncertainty < 1_000 + READING_US


def test_readings_that_agree_narrow_the_interval() -> None:
    clock = DatabaseClock()
    start = elapsed_us() - 10_000
    clock.observe(5_000_000, start, start + 4_000)
    wide = clock.now().uncertainty

    clock.observe(5_004_100, start + 4_050, start + 4_150)

    assert clock.now().uncertainty < wide


@pytest.mark.parametrize("step_us", [-3_600_000_000, -1_000_000, 1_000_000, 3_600_000_000])
def test_a_step_of_the_database_clock_is_counted_and_not_followed(step_us: int) -> None:
    clock = DatabaseClock()
    start = elapsed_us()
    clock.observe(10_000_000_000, start - 100, start)
    before = clock.now()

    stepped = clock.observe(10_000_000_000 + step_us, start, start + 100)
    again = clock.observe(10_000_000_000 + step_us + 300, start + 300, start + 400)

    assert abs(stepped - step_us) < 5_000
    assert again == 0, "one step is noticed once"
    assert clock.steps == 1
    assert 0 <= clock.now().earliest - before.earliest < 500_000


def test_a_boundary_is_open_only_when_no_possible_now_lies_before_it() -> None:
    moment = Moment(99, 101)

    assert moment.surely_reached(99) and not moment.surely_reached(100)
    assert moment.maybe_reached(101) and not moment.maybe_reached(102)


@given(st.integers(0, 4_102_444_800_000_000))
def test_instants_survive_the_way_through_text(instant: int) -> None:
    assert instant_from(datetime_from(instant)) == instant
    assert text_from(instant).endswith("Z")
    assert at(instant).uncertainty == 0
