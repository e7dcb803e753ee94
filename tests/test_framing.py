"""Which heads can be read in one way only."""

import pytest

from gateway.errors import Invalid
from gateway.framing import check, without_upgrade

HOST = (b"host", b"x")
CHUNKED = (b"transfer-encoding", b"chunked")
CONTINUE = (b"expect", b"100-Continue")


@pytest.mark.parametrize(
    ("version", "told", "waits"),
    [
        ("1.1", [HOST], False),
        ("1.1", [HOST, CHUNKED], False),
        ("1.1", [HOST, (b"transfer-encoding", b" Chunked ")], False),
        ("1.1", [CONTINUE, HOST], True),
        ("1.1", [HOST, (b"expect", b"more")], False),
        ("1.0", [], False),
        ("1.0", [HOST, CONTINUE], False),
    ],
)
def test_what_can_be_read_in_one_way_is_taken(version: str, told: list[tuple[bytes, bytes]], waits: bool) -> None:
    assert check(version, told) is waits


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("1.1", []),
        ("1.1", [HOST, HOST]),
        ("1.0", [HOST, HOST]),
        ("2.0", []),
        ("1.1", [HOST, (b"transfer-encoding", b"gzip, chunked")]),
        ("1.1", [HOST, (b"transfer-encoding", b"identity")]),
        ("1.1", [HOST, CHUNKED, CHUNKED]),
        ("1.0", [HOST, CHUNKED]),
    ],
)
def test_what_can_be_read_in_two_ways_is_malformed(version: str, told: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Invalid) as raised:
        check(version, told)

    assert (raised.value.status, raised.value.code) == (400, "malformed_http")


def test_a_head_without_its_wish_for_another_protocol_is_as_it_was() -> None:
    headers = [HOST, (b"connection", b"upgrade"), (b"upgrade", b"h2c"), (b"x", b""), (b"upgrade", b"websocket")]

    assert without_upgrade(b"POST", b"/a?b", "1.1", headers) == (
        b"POST /a?b HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nx: \r\n\r\n"
    )
