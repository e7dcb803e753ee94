"""Log lines hold one event each, and neither content nor secrets."""

import asyncio
import io
import json
import logging
from contextlib import redirect_stderr, redirect_stdout

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.logs import Format, set_up_logs


def logged(form: Format, *events: tuple[str, dict[str, object]]) -> str:
    stream = io.StringIO()
    set_up_logs("info", form, stream)
    for event, values in events:
        structlog.get_logger().info(event, **values)
    return stream.getvalue()


def test_an_event_is_one_json_object_with_its_instant_and_level() -> None:
    (line,) = logged("json", ("ledger_started", {"entries": 3})).splitlines()

    event = json.loads(line)

    assert (event["event"], event["level"], event["entries"]) == ("ledger_started", "info", 3)
    assert event["timestamp"].endswith("Z")


def test_a_stream_that_is_no_terminal_gets_json() -> None:
    json.loads(logged("auto", ("started", {})))


def test_with_no_stream_it_is_standard_error_as_it_is_then() -> None:
    set_up_logs("info", "json")
    said, spoken = io.StringIO(), io.StringIO()

    with redirect_stderr(said), redirect_stdout(spoken):
        structlog.get_logger().info("started")

    assert (json.loads(said.getvalue())["event"], spoken.getvalue()) == ("started", "")


@pytest.mark.parametrize("form", ["json", "console"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(hostile=st.text())
def test_no_value_ends_a_line_or_steers_a_terminal(form: Format, hostile: str) -> None:
    hostile = f"{hostile}\r\n2026 [info] forged\x1b[2J\u2028"

    written = logged(form, ("asked", {"path": hostile, "list": [hostile], "map": {hostile: hostile}}))

    assert len(written.splitlines()) == 1
    assert "\x1b" not in written


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_key_is_never_written(form: Format) -> None:
    written = logged(form, ("asked", {"header": "Bearer rsg_live_abcdefghijkl_0123456789"}))

    assert "abcdefghijkl" not in written
    assert "rsg_…" in written or "rsg_\\u2026" in written


@pytest.mark.parametrize("form", ["json", "console"])
def test_of_an_exception_the_type_and_place_are_told_and_not_its_words(form: Format) -> None:
    stream = io.StringIO()
    set_up_logs("info", form, stream)

    try:
        raise ValueError("the prompt said: attack at dawn")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed too")

    assert "attack" not in stream.getvalue()
    assert stream.getvalue().count("ValueError") == 2
    assert stream.getvalue().count("tests/test_logs.py:") == 2


def test_what_a_lost_task_raised_is_not_quoted_from_the_loops_own_message() -> None:
    stream = io.StringIO()
    set_up_logs("info", "json", stream)

    loop = asyncio.new_event_loop()
    loop.call_exception_handler({"message": "Task failed", "exception": ValueError("attack at dawn")})
    loop.close()

    event = json.loads(stream.getvalue())
    assert (event["event"], event["exception"], event["logger"]) == ("Task failed", "ValueError", "asyncio")
    assert "attack" not in stream.getvalue()


def test_of_a_value_that_is_not_plain_only_the_type_is_told() -> None:
    assert json.loads(logged("json", ("asked", {"body": b"attack at dawn"})))["body"] == "<bytes>"


def test_a_long_value_is_cut() -> None:
    assert len(logged("json", ("asked", {"path": "x" * 100_000}))) < 1_000


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    set_up_logs("warning", "json", stream)

    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger().warning("loud")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_access_token_is_ever_written_not_even_one_that_was_cut(form: Format) -> None:
    token = f"eyJhbGciOiJFZDI1NTE5In0.{'eyJpc3MiOiJodHRwcyJ9' * 3}.c2lnbmF0dXJl"

    written = logged(form, ("asked", {"header": f"Bearer {token}", "cut": token[:60], "two": [token, token]}))

    assert "eyJ" not in written and "c2lnbmF0dXJl" not in written
