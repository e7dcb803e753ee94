"""What many times come to: by nearest rank, so that each figure is a time that was measured."""

import math
from collections.abc import Sequence


def p99(times_s: Sequence[float]) -> float:
    """The time that all but one in a hundred keep to."""
    return sorted(times_s)[math.ceil(0.99 * len(times_s)) - 1]


def spread(times_s: Sequence[float]) -> str:
    """For a report."""
    half = sorted(times_s)[len(times_s) // 2]
    return f"{len(times_s)} times; p50 {half:.3f} s, p99 {p99(times_s):.3f} s, at most {max(times_s):.3f} s"
