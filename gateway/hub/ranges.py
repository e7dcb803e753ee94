"""One byte range of a file, as RFC 9110 section 14 has it."""

import re

from gateway.errors import GatewayError

_RANGE = re.compile(rb"bytes=(\d{0,18})-(\d{0,18})")


class RangeNotSatisfiable(GatewayError):
    """The range lies outside the file."""

    status = 416
    code = "range_not_satisfiable"
    message = "The requested range lies outside the file."
    next_step = "Ask for the whole file, or for a range inside it."


def byte_range(header: bytes | None, total: int) -> tuple[int, int] | None:
    """First and last byte asked for, both inclusive; None for the whole file.

    What is not one well-formed range of bytes is ignored, as the specification allows.
    """
    match = _RANGE.fullmatch(header) if header is not None else None
    if match is None or match[0] == b"bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        length = int(last)
        if length == 0 or total == 0:
            raise RangeNotSatisfiable
        return max(0, total - length), total - 1
    start, end = int(first), min(int(last), total - 1) if last else total - 1
    if last and int(last) < start:
        return None
    if start >= total:
        raise RangeNotSatisfiable
    return start, end
