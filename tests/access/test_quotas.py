"""Limits: exact in any span of sixty seconds, never over the day, whatever the order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access.quotas import Exceeded, Left, Meter, Settle, Take, Taken, near
from gateway.access.reasons import Reason
from gateway.clock import AHEAD_MAX, DAY, SECOND

NOON = 20_000 * DAY + 12 * 3600 * SECOND


def test_the_last_request_that_fits_passes_and_the_next_is_refused() -> None:
    meter = Meter()
    claim = Take("o:r", requests_per_minute=3)

    answers = [meter.take(claim, NOON + i) for i in range(4)]

    assert [answer.requests_remaining for answer in answers[:3] if isinstance(answer, Taken)] == [2, 1, 0]
    assert isinstance(answers[3], Exceeded) and answers[3].reason is Reason.RATE_LIMIT_EXCEEDED


def test_waiting_as_long_as_told_is_long_enough_and_one_second_less_is_not() -> None:
    meter = Meter()
    claim = Take("o:r", requests_per_minute=1)
    meter.take(claim, NOON + 700_000)
    refused = meter.take(claim, NOON + 30 * SECOND)
    assert isinstance(refused, Exceeded) and refused.retry_after_s is not None

    too_early = meter.take(claim, NOON + 30 * SECOND + (refused.retry_after_s - 1) * SECOND)
    in_time = meter.take(claim, NOON + 30 * SECOND + refused.retry_after_s * SECOND)

    assert isinstance(too_early, Exceeded)
    assert isinstance(in_time, Taken)


def test_a_burst_at_the_edge_of_two_minutes_does_not_double_the_limit() -> None:
    meter = Meter()
    claim = Take("o:r", requests_per_minute=60)
    edge = NOON + 60 * SECOND

    before = [meter.take(claim, edge - 1) for _ in range(60)]
    after = [meter.take(claim, edge + 1) for _ in range(60)]

    assert all(isinstance(answer, Taken) for answer in before)
    assert all(isinstance(answer, Exceeded) for answer in after)


@given(
    limit=st.integers(1, 8),
    steps=st.lists(st.integers(0, 25 * SECOND), min_size=1, max_size=60),
)
@settings(max_examples=200)
def test_no_span_of_sixty_seconds_holds_more_than_the_limit(limit: int, steps: list[int]) -> None:
    meter, at, admitted = Meter(), NOON, []

    for step in steps:
        at += step
        stored = Meter.stored(*meter.row())
        if isinstance(stored.take(Take("o:r", requests_per_minute=limit), at), Taken):
            admitted.append(at)
        meter = stored

    for start in admitted:
        assert sum(start <= moment < start + 60 * SECOND for moment in admitted) <= limit


@given(
    calls=st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 100), st.integers(0, 30_000 * SECOND)), min_size=1, max_size=40
    )
)
@settings(max_examples=200)
def test_tokens_settled_in_any_order_never_exceed_the_day(calls: list[tuple[int, int, int]]) -> None:
    meter, at = Meter(), NOON
    used_by_day: dict[int, int] = {}
    open_calls: list[Settle] = []

    for reserved, share, step in calls:
        at += step
        answer = meter.take(Take("o:r", tokens=reserved, tokens_per_day=1000), at)
        if isinstance(answer, Taken):
            used = reserved * share // 100
            used_by_day[answer.day] = used_by_day.get(answer.day, 0) + used
            open_calls.append(Settle("o:r", answer.day, reserved, used))
        if len(open_calls) > 3:
            meter.settle(open_calls.pop(len(calls) % 3), at)

    assert all(used <= 1000 for used in used_by_day.values())
    assert meter.tokens_reserved >= 0


def test_a_call_settled_after_midnight_does_not_touch_the_new_day() -> None:
    meter = Meter()
    taken = meter.take(Take("o:r", tokens=900, tokens_per_day=1000), NOON)
    assert isinstance(taken, Taken)
    tomorrow = NOON + DAY
    meter.take(Take("o:r", tokens=400, tokens_per_day=1000), tomorrow)

    meter.settle(Settle("o:r", taken.day, 900, 850), tomorrow)

    assert (meter.tokens_reserved, meter.tokens_used) == (400, 0)


def test_a_quota_that_is_spent_says_when_the_day_ends() -> None:
    meter = Meter()

    meter.take(Take("o:r", tokens=1, tokens_per_day=1000), NOON)
    refused = meter.take(Take("o:r", tokens=1000, tokens_per_day=1000), NOON)

    assert refused == Exceeded(Reason.INSUFFICIENT_QUOTA, 12 * 3600, None, Left(1000, 999, 12 * 3600))


def test_a_call_that_alone_is_more_than_the_day_is_told_no_time_to_wait() -> None:
    refused = Meter().take(Take("o:r", tokens=1001, tokens_per_day=1000), NOON)

    assert refused == Exceeded(Reason.INSUFFICIENT_QUOTA, None, None, Left(1000, 1000, 12 * 3600))


def test_a_refusal_says_how_both_limits_stand_whichever_did_not_fit() -> None:
    meter = Meter()
    claim = Take("o:r", tokens=300, requests_per_minute=2, tokens_per_day=1000)
    meter.take(claim, NOON)
    meter.take(claim, NOON + 10 * SECOND)

    too_many = meter.take(claim, NOON + 20 * SECOND)
    too_much = meter.take(Take("o:r", tokens=500, requests_per_minute=3, tokens_per_day=1000), NOON + 20 * SECOND)

    left = Left(1000, 400, 12 * 3600 - 20)
    assert too_many == Exceeded(Reason.RATE_LIMIT_EXCEEDED, 41, Left(2, 0, 51), left)
    assert too_much == Exceeded(Reason.INSUFFICIENT_QUOTA, 12 * 3600 - 20, Left(3, 1, 51), left)
    assert isinstance(meter.take(claim, NOON + (20 + 41) * SECOND), Taken)


def test_time_never_goes_back_within_a_meter() -> None:
    meter = Meter()
    claim = Take("o:r", requests_per_minute=1)
    meter.take(claim, NOON + 2 * SECOND)

    earlier = meter.take(claim, NOON)
    a_minute_after_the_earlier = meter.take(claim, NOON + 61 * SECOND)

    assert isinstance(earlier, Exceeded)
    assert isinstance(a_minute_after_the_earlier, Exceeded)


def test_a_day_that_has_begun_is_not_begun_again() -> None:
    meter, midnight = Meter(), NOON + DAY // 2
    claim = Take("o:r", tokens=60, tokens_per_day=100)
    meter.take(claim, midnight)

    just_before = meter.take(claim, midnight - SECOND)

    assert isinstance(just_before, Exceeded)


@given(ahead=st.integers(AHEAD_MAX + SECOND, 400 * DAY), limit=st.integers(1, 5))
@settings(max_examples=200)
def test_what_a_clock_that_ran_ahead_counted_holds_for_a_minute_and_no_longer(ahead: int, limit: int) -> None:
    meter = Meter()
    claim = Take("o:r", tokens=7, requests_per_minute=limit, tokens_per_day=1000)
    for _ in range(limit):
        meter.take(claim, NOON + ahead)
    meter = Meter.stored(*meter.row())

    at_once = meter.take(claim, NOON)
    soon = meter.take(claim, NOON + 59 * SECOND)
    later = meter.take(claim, NOON + 61 * SECOND)

    assert isinstance(at_once, Exceeded) and at_once.retry_after_s == 61
    assert isinstance(soon, Exceeded)
    assert isinstance(later, Taken)
    assert (later.day, later.tokens_remaining) == (NOON // DAY, 1000 - 7 * (limit + 1))


def test_a_limit_is_near_when_a_tenth_of_it_is_left_or_less() -> None:
    claim = Take("o:r", 0, requests_per_minute=100, tokens_per_day=1000)

    assert near(claim, Taken(0, 11, 101)) == []
    assert near(claim, Taken(0, 10, 101)) == ["requests"]
    assert near(claim, Taken(0, 0, 100)) == ["requests", "tokens"]
    assert near(Take("o:r"), Taken(0, None, None)) == []
