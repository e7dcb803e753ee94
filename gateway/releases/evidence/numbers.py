"""Numbers of results files as exact decimal text; what is no finite number has none."""

import math
import re
from decimal import Decimal, InvalidOperation

import msgspec

ABSENT = msgspec.Raw(b"null")
"""A number that a file does not give."""

DIGITS_MAX = 28
"""Longer ones would be rounded on their way through decimal arithmetic."""
_SMALLEST, _LARGEST = Decimal("1e-30"), Decimal("1e30")


def decimal_text(value: object) -> str:
    """The number as it was written, without an exponent; empty for anything that is no finite number within bounds.

    Of JSON that was not read (`msgspec.Raw`) it is digit for digit what stands there.
    """
    if isinstance(value, msgspec.Raw):
        value = _as_it_stands(bytes(value))
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


_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def _as_it_stands(text: bytes) -> str:
    if text[:1] == b'"':
        return msgspec.json.decode(text, type=str)
    return text.decode() if _NUMBER.fullmatch(text) else ""
