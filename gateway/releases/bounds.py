"""The exact upper bound of a rate, from how often something was seen in how many trials (Clopper and Pearson, 1934).

With `n` trials and `k` events, the one-sided bound at a confidence is the rate at which `k` events or fewer
would be seen with the probability 1 - confidence alone. Whether it lies at or below a rate needs no bound: the
binomial tail at that rate says it. Everything is decimal, with more digits than any sum here loses.
"""

from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, Context, Decimal
from functools import lru_cache

TRIALS_MAX = 10**12
EVENTS_MAX = 10_000
"""More are no budget; and each costs a step of the sum."""

_DIGITS = 60
_EXACT = Context(prec=_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""So wide a range of exponents that no term becomes nothing."""
_SLACK = Decimal("1e-40")
"""Far more than a sum of so many terms of so many digits can be wrong by, relatively."""
_SHOWN_DIGITS = 4


@lru_cache(maxsize=1_000)
def lies_within(trials: int, events: int, rate: Decimal, confidence: Decimal) -> bool:
    """Whether the upper bound lies at or below a rate; what no digits could tell counts as above."""
    if rate >= 1:
        return True
    if not trials or rate <= 0 or events >= trials:
        return False
    return _EXACT.multiply(_tail(trials, events, rate), 1 + _SLACK) <= 1 - confidence


@lru_cache(maxsize=1_000)
def upper_bound(trials: int, events: int, confidence: Decimal) -> Decimal:
    """The bound, to four digits and never rounded down."""
    if not trials or events >= trials:
        return Decimal(1)
    low, high = _EXACT.divide(Decimal(events), Decimal(trials)), Decimal(1)
    while _rounded(low) != _rounded(high) and high - low > high * Decimal("1e-9"):
        # Between powers of ten first: the bound may be smaller than one by many of them.
        middle = _EXACT.sqrt(low * high) if low > 0 and high > 2 * low else _middle(low, high)
        if lies_within(trials, events, middle, confidence):
            high = middle
        else:
            low = middle
    return _rounded(high)


def _middle(low: Decimal, high: Decimal) -> Decimal:
    return high / 1_000 if low == 0 else _EXACT.divide(low + high, Decimal(2))


def _tail(trials: int, events: int, rate: Decimal) -> Decimal:
    """The probability of so many events or fewer, at a rate."""
    odds = _EXACT.divide(rate, 1 - rate)
    term = total = _EXACT.power(1 - rate, trials)
    for event in range(1, events + 1):
        term = _EXACT.divide(_EXACT.multiply(_EXACT.multiply(term, odds), Decimal(trials - event + 1)), Decimal(event))
        total = _EXACT.add(total, term)
    return total


def _rounded(rate: Decimal) -> Decimal:
    return rate if not rate else Context(prec=_SHOWN_DIGITS, rounding=ROUND_CEILING).plus(rate)
