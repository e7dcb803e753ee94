"""Byte ranges: RFC 9110 section 14, one range, hostile headers ignored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hub.ranges import RangeNotSatisfiable, byte_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        (b"bytes=0-9", (0, 9)),
        (b"bytes=90-", (90, 99)),
        (b"bytes=90-500", (90, 99)),
        (b"bytes=-10", (90, 99)),
        (b"bytes=-500", (0, 99)),
        (b"bytes=9-3", None),
        (b"bytes=-", None),
        (b"bytes=0-1,4-5", None),
        (b"lines=0-9", None),
        (b"bytes=+1-2", None),
        (b"bytes=" + b"9" * 400 + b"-", None),
    ],
)
def test_a_range_of_a_hundred_bytes_is_read_as_the_specification_says(
    header: bytes | None, expected: tuple[int, int] | None
) -> None:
    assert byte_range(header, 100) == expected


@pytest.mark.parametrize("header", [b"bytes=100-", b"bytes=100-200", b"bytes=-0"])
def test_a_range_outside_the_file_is_told_so(header: bytes) -> None:
    with pytest.raises(RangeNotSatisfiable):
        byte_range(header, 100)


@given(st.binary(max_size=60), st.integers(0, 10_000))
def test_no_header_gives_a_byte_outside_the_file(header: bytes, total: int) -> None:
    try:
        span = byte_range(b"bytes=" + header, total)
    except RangeNotSatisfiable:
        return

    assert span is None or 0 <= span[0] <= span[1] < total
