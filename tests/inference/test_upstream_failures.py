"""An upstream that fails is told once to the operator and to the record: its kind, and not a word of what it said."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.abuse.logs import captured_logs
from tests.fakes.house import House, eventually, open_house
from tests.fakes.upstream import CHUNK, chunked, saying

CANARY = b"what-the-upstream-said"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture
def logged_house(tmp_path: Path) -> Iterator[tuple[House, StringIO]]:
    """A gateway, and everything it logs."""
    with captured_logs() as log, open_house(tmp_path) as house:
        yield house, log


def status(code: int) -> bytes:
    """A whole answer with a status."""
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        code,
        len(CANARY),
        CANARY,
    )


def warnings(log: StringIO) -> list[dict[str, Any]]:
    """What was logged of upstreams."""
    lines = [json.loads(line) for line in log.getvalue().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "upstream_failed"]


def end_of(house: House, request_id: str) -> dict[str, Any]:
    """How the record says that a call ended."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = [e["body"] for e in house.entries(event="access:finished") if e["body"]["admitted"] == request_id]
        return bool(found)

    eventually(is_there)
    return found[0]


@pytest.mark.parametrize(
    ("says", "stream", "code", "told"),
    [
        (status(500), False, "upstream_failed", 502),
        (status(401), True, "upstream_failed", 502),
        (status(504), False, "upstream_timeout", 504),
        (status(429), False, "upstream_busy", 503),
        (b"not http at all " + CANARY + b"\r\n\r\n", False, "upstream_failed", 502),
        (STREAM + chunked(CHUNK), True, "upstream_failed", 200),
        (
            STREAM + chunked(CHUNK + b'data: {"error": {"message": "' + CANARY + b'"}}\n\n'),
            True,
            "upstream_failed",
            200,
        ),
    ],
)
def test_a_failed_upstream_leaves_one_warning_and_its_kind_and_status_in_the_record(
    logged_house: tuple[House, StringIO], says: bytes, stream: bool, code: str, told: int
) -> None:
    house, log = logged_house
    house.upstream.answer = saying(says, then_close=True)

    answer = house.chat(house.models["api"], stream=stream)
    end = end_of(house, answer.headers["x-request-id"])

    assert answer.status_code == told
    assert (end["outcome"], end["reasons"], end["status"]) == ("upstream_error", [code], told)
    assert [(each["upstream"], each["kind"], each["level"]) for each in warnings(log)] == [
        ("simulated", code, "warning")
    ]
    assert warnings(log)[0]["request_id"] == answer.headers["x-request-id"]
    assert CANARY.decode() not in log.getvalue()


def test_an_upstream_that_is_not_there_is_told_as_unreachable(logged_house: tuple[House, StringIO]) -> None:
    house, log = logged_house
    house.run(house.upstream.__aexit__(None, None, None))

    answer = house.chat(house.models["api"])
    end = end_of(house, answer.headers["x-request-id"])

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert (end["outcome"], end["reasons"], end["status"]) == ("upstream_error", ["upstream_unreachable"], 502)
    assert [each["kind"] for each in warnings(log)] == ["upstream_unreachable"]


def test_an_answer_that_is_given_leaves_no_warning_and_no_reason(logged_house: tuple[House, StringIO]) -> None:
    house, log = logged_house

    answers = [house.chat(house.models["api"], stream=stream) for stream in (False, True)]

    ends = [end_of(house, answer.headers["x-request-id"]) for answer in answers]
    assert [(end["outcome"], "reasons" in end) for end in ends] == [("complete", False)] * 2
    assert warnings(log) == []
