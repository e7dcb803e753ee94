"""Numbers of results files as exact decimal text; what is no finite number has none."""

import math
from decimal import Decimal, InvalidOperation

DIGITS_MAX = 28
"""Longer ones would be rounded on their way through decimal arithmetic."""
_SMALLEST, _LARGEST = Decimal("1e-30"), Decimal("1e30")


def decimal_text(value: object) -> str:
    """The number as it was written, without an exponent; empty for anything that is no finite number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    written = value if isinstance(value, str) else repr(value)
    if len(written) > DIGITS_MAX:
        return ""
    try:
        number = Decimal(written)
    except InvalidOperation:
        return ""
    if not number.is_finite() or not (number == 0 or _SMALLEST <= abs(number) <= _LARGEST):
        return ""
    return f"{number.normalize():f}" if number else "0"
