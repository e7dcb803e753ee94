"""How often somebody may ask, and guess."""

from gateway.clock import SECOND
from gateway.identity.logins.pacing import GUESSES, GUESSES_WITHIN, SLOWER, Guesses, Pace

INTERVAL = 5 * SECOND


def test_who_keeps_the_pace_is_never_too_early_and_who_does_not_must_wait_longer() -> None:
    pace = Pace(INTERVAL)
    assert not any(pace.is_too_early("steady", n * INTERVAL) for n in range(20))

    assert not pace.is_too_early("hasty", 0)
    assert pace.is_too_early("hasty", INTERVAL - 1)
    assert pace.is_too_early("hasty", 2 * INTERVAL)  # ten seconds, from now on
    assert not pace.is_too_early("hasty", 2 * INTERVAL + INTERVAL + 2 * SLOWER)


def test_only_so_many_are_remembered_the_oldest_forgotten_first() -> None:
    pace, guesses = Pace(INTERVAL, keeps=3), Guesses(keeps=3)
    for number in range(4):
        pace.is_too_early(str(number), 0)
        for _ in range(GUESSES):
            guesses.note(str(number), 0)

    assert [pace.is_too_early(str(number), 1) for number in (3, 2, 1)] == [True] * 3
    assert not pace.is_too_early("0", 1)
    assert [guesses.wait_us(str(number), 1) > 0 for number in range(4)] == [False, True, True, True]


def test_guesses_are_used_up_and_come_back_with_time() -> None:
    guesses = Guesses()
    for number in range(GUESSES):
        assert not guesses.wait_us("mallory", number)
        guesses.note("mallory", number)

    assert guesses.wait_us("mallory", GUESSES) == GUESSES_WITHIN - GUESSES and not guesses.wait_us("ada", GUESSES)
    assert guesses.wait_us("mallory", GUESSES_WITHIN - 1) == 1
    assert not guesses.wait_us("mallory", GUESSES_WITHIN)
