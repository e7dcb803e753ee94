"""The upper bound of Clopper and Pearson, held against sums of exact fractions, closed forms and published figures."""

import os
from decimal import Decimal
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.releases.bounds import EVENTS_MAX, TRIALS_MAX, lies_within, upper_bound

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 400
HIGH = Decimal("0.95")


def tail(trials: int, events: int, rate: Fraction) -> Fraction:
    """The probability of so many events or fewer, exactly."""
    return sum(
        (comb(trials, each) * rate**each * (1 - rate) ** (trials - each) for each in range(events + 1)), Fraction(0)
    )


trials_and_events = st.integers(1, 60).flatmap(lambda trials: st.tuples(st.just(trials), st.integers(0, trials)))
rates = st.integers(1, 9_999).map(lambda number: Decimal(number) / 10_000)
confidences = st.integers(500, 999).map(lambda number: Decimal(number) / 1_000)


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(seen=trials_and_events, rate=rates, confidence=confidences)
def test_whether_a_bound_lies_within_a_rate_is_what_exact_fractions_say(
    seen: tuple[int, int], rate: Decimal, confidence: Decimal
) -> None:
    trials, events = seen
    exactly = tail(trials, events, Fraction(rate)) <= 1 - Fraction(confidence)

    assert lies_within(trials, events, rate, confidence) == exactly


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(seen=trials_and_events, confidence=confidences)
def test_the_bound_is_never_below_the_exact_one_nor_more_than_a_part_in_a_thousand_above(
    seen: tuple[int, int], confidence: Decimal
) -> None:
    trials, events = seen
    bound = Fraction(upper_bound(trials, events, confidence))

    if events == trials:
        assert bound == 1
        return
    alpha = 1 - Fraction(confidence)
    assert bound == 1 or tail(trials, events, bound) <= alpha
    assert tail(trials, events, bound * Fraction(998, 1000)) > alpha


@pytest.mark.parametrize(
    ("trials", "events", "confidence", "published"),
    [
        (10, 0, "0.95", "0.2589"),
        (100, 0, "0.95", "0.02952"),
        (3_000, 0, "0.95", "0.0009981"),
        (20, 1, "0.975", "0.2488"),
        (10, 1, "0.975", "0.4451"),
        (10, 5, "0.975", "0.8130"),
        (100, 10, "0.975", "0.1763"),
    ],
)
def test_published_bounds_are_met_to_their_last_digit(
    trials: int, events: int, confidence: str, published: str
) -> None:
    assert upper_bound(trials, events, Decimal(confidence)) == pytest.approx(Decimal(published), abs=Decimal("0.0001"))


@pytest.mark.parametrize("trials", [1, 7, 3_000, 10**6, TRIALS_MAX])
def test_of_nothing_seen_the_bound_is_the_root_of_what_is_left_of_the_confidence(trials: int) -> None:
    exactly = 1 - float((Decimal("0.05").ln() / trials).exp())
    rule_of_three = 3 / trials

    bound = float(upper_bound(trials, 0, HIGH))

    if trials < 10**9:
        assert bound == pytest.approx(exactly, rel=1e-3)
    assert bound <= rule_of_three


def test_three_thousand_clean_requests_show_less_than_one_in_a_thousand_and_no_fewer_do() -> None:
    rate = Decimal("0.001")

    assert lies_within(2_995, 0, rate, HIGH)
    assert not lies_within(2_994, 0, rate, HIGH)


def test_the_largest_counts_are_answered_in_time_and_digits() -> None:
    rate = Decimal("0.00001017")

    assert lies_within(10**9, EVENTS_MAX, rate, HIGH)
    assert not lies_within(10**9, EVENTS_MAX, Decimal("0.00001016"), HIGH)


def test_nothing_observed_shows_nothing() -> None:
    assert upper_bound(0, 0, HIGH) == 1
    assert not lies_within(0, 0, Decimal("0.5"), HIGH)
