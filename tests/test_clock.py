"""Time is an interval: what opens waits for the earliest now, what closes for the latest."""

import random

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


@pytest.mark.parametrize("step_us", [-3_600_000_000, -1_000_000, -200_000, 20_000, 200_000, 1_000_000, 5_000_000])
@pytest.mark.parametrize("drift_ppm", [-300, 0, 300])
def test_the_time_stays_known_for_hours_behind_a_step(step_us: int, drift_ppm: int) -> None:
    clock, start, chance = DatabaseClock(), elapsed_us(), random.Random(step_us)

    def read(after_us: int, stepped: int) -> int:
        true = 10_000_000_000 + after_us + after_us * drift_ppm // 1_000_000
        told = (true + stepped) // 1_000 * 1_000
        heard = start + after_us + chance.randint(100, 30_000)
        return clock.observe(told, start + after_us - chance.randint(100, 30_000), heard)

    for number in range(20):
        read(number * 300_000, 0)
    noticed = [read(number * 300_000, step_us) for number in range(20, 6_000)]

    assert [abs(noticed[0] - step_us) < 100_000, set(noticed[1:])] == [True, {0}]
    after_us = 6_000 * 300_000
    moment = clock.at(start + after_us)
    assert moment.uncertainty < 150_000
    true = 10_000_000_000 + after_us + after_us * drift_ppm // 1_000_000
    assert moment.earliest <= true <= moment.latest


def test_a_clock_that_is_set_again_and_again_is_known_less_and_less() -> None:
    clock, start = DatabaseClock(), elapsed_us()
    clock.observe(10_000_000_000, start, start + 100)

    for number in range(1, 2_000):
        after_us = number * 300_000
        clock.observe(10_000_000_000 + after_us + number * 7_000_000, start + after_us, start + after_us + 100)

    assert clock.at(start + 2_000 * 300_000).uncertainty > 250_000
