"""How often tokens may be had: just so often, whoever else asks, and failed proofs at the expense of their source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import MINUTE, SECOND
from gateway.errors import GatewayError, Invalid, Unauthenticated
from gateway.identity.tokens.rates import (
    FAILED_PROOFS,
    FAILURE_COST,
    Rate,
    SignInRates,
    SourceRates,
    TokenRates,
    TooManyRequests,
    TooManyTokenRequests,
    source_of,
)


class Standing:
    """A clock that stands where it was put."""

    def __init__(self) -> None:
        self.now = 1_000_000_000

    def __call__(self) -> int:
        return self.now


def tried(rates: TokenRates, client: str, peer: str, *, proves: bool = True) -> bool:
    """Whether the proof was looked at."""
    try:
        with rates.proving(client, peer):
            if not proves:
                raise Unauthenticated
    except TooManyTokenRequests:
        return False
    except Unauthenticated:
        return True
    return True


def test_as_many_as_a_minute_has_come_at_once_and_then_one_by_one() -> None:
    clock = Standing()
    rates = TokenRates(6, 0, clock)

    assert [tried(rates, "a", "10.0.0.1") for _ in range(8)] == [True] * 6 + [False] * 2
    assert tried(rates, "b", "10.0.0.1")
    with pytest.raises(TooManyTokenRequests) as refused, rates.proving("a", "10.0.0.1"):
        pass
    assert refused.value.retry_after_s == 10
    clock.now += 10 * SECOND - 1
    assert not tried(rates, "a", "10.0.0.1")
    clock.now += 1
    assert tried(rates, "a", "10.0.0.1") and not tried(rates, "a", "10.0.0.1")


@given(st.integers(1, 50), st.lists(st.integers(0, 30 * SECOND), min_size=1, max_size=200))
def test_in_no_minute_pass_twice_as_many_and_over_long_never_more_than_the_rate(limit: int, pauses: list[int]) -> None:
    clock, passed = Standing(), []
    rates = TokenRates(limit, 0, clock)
    began = clock.now
    for pause in pauses:
        clock.now += pause
        if tried(rates, "a", "x"):
            passed.append(clock.now)

    assert len(passed) <= limit + (clock.now - began) * limit // MINUTE + 1
    for since in passed:
        assert sum(since <= at < since + MINUTE for at in passed) <= 2 * limit


def test_failed_proofs_cost_their_source_and_never_the_client_they_named() -> None:
    clock = Standing()
    rates = TokenRates(2, 10 * FAILURE_COST, clock)

    assert [tried(rates, "victim", "10.6.6.6", proves=False) for _ in range(11)] == [True] * 10 + [False]
    assert not tried(rates, "somebody", "10.6.6.6"), "the source has used up its room, whoever it names"
    assert [tried(rates, "victim", "10.0.0.1") for _ in range(3)] == [True, True, False]


def test_many_at_once_do_not_all_find_room() -> None:
    rates = TokenRates(3, 0, Standing())
    under_way = [rates.proving("a", "x") for _ in range(3)]
    for each in under_way:
        each.__enter__()

    assert not tried(rates, "a", "x")


def test_a_source_is_an_address_or_the_network_that_one_holder_has() -> None:
    assert source_of("2001:db8:1:2:3::1") == source_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert source_of("2001:db8:1:3::1") != source_of("2001:db8:1:2::1")
    assert source_of("::ffff:10.0.0.1") == source_of("10.0.0.1") == "10.0.0.1"
    assert (source_of(None), source_of("unix")) == ("", "unix")


def test_what_is_counted_is_bounded_and_who_used_most_is_remembered() -> None:
    rate = Rate(60, kept_max=100)
    for _ in range(60):
        rate.take("busy", 0)
    for number in range(10_000):
        rate.take(f"source {number}", number)
        assert len(rate) <= 101

    assert rate.wait_us("busy", 10_000) > 0
    assert Rate(0).wait_us("anybody", 0) == 0


def asked(rates: SourceRates, peer: str, fails_by: Exception | None = None) -> bool:
    """Whether it was looked at."""
    try:
        with rates.asking(peer):
            if fails_by is not None:
                raise fails_by
    except TooManyRequests:
        return False
    except GatewayError:
        return True
    return True


def test_a_source_that_presents_what_was_never_given_is_charged_as_one_that_guesses() -> None:
    guesses = [Invalid("Never given.", code=code) for code in sorted(FAILED_PROOFS)] + [Unauthenticated()]
    for guess in guesses:
        rates = SignInRates(3 * FAILURE_COST, Standing())
        assert [asked(rates, "10.6.6.6", guess) for _ in range(4)] == [True] * 3 + [False]
        assert asked(rates, "10.0.0.1")

    waiting = TokenRates(1, 4, Standing())
    pending = Invalid("Nobody has entered the code yet.", code="authorization_pending")
    assert [asked(waiting, "10.0.0.1", pending) for _ in range(5)] == [True] * 4 + [False]


def test_what_a_session_is_given_is_bounded_whatever_address_it_is_asked_from() -> None:
    clock = Standing()
    rates = TokenRates(2, 0, clock)
    for _ in range(2):
        rates.give("session_a")

    with pytest.raises(TooManyTokenRequests) as refused:
        rates.give("session_a")
    rates.give("session_b")
    clock.now += 30 * SECOND
    rates.give("session_a")

    assert refused.value.retry_after_s == 30
