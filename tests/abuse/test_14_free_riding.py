"""Abuse 14: what a call may come to is taken before it passes, and what it came to is counted, whoever leaves."""

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.fakes.gateway import running, until
from tests.fakes.house import CHAT, MESSAGES, House, eventually, open_house
from tests.fakes.upstream import CHUNK, DONE, USAGE_CHUNK, Seen, chunked, saying
from tests.fakes.upstreams import upstream_process

LIMIT = 5_000

BOUNDS = ("max_tokens", "max_completion_tokens")


def metered(house: House, name: str, limit: int | None = LIMIT) -> str:
    """A release of its own with so many tokens a day."""
    release = f"demo/{name}"
    conditions = f", conditions: {{tokens_per_day: {limit}}}" if limit is not None else ""
    house.apply(
        f"release: {release}\nserves: {{inference: {{upstream: simulated, model: {name}}}}}\n"
        "stages:\n  - {name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public],\n"
        f"     offers: [inference.text, inference.embeddings]{conditions}}}\n"
    )
    return release


def used(house: House, release: str, by: str = "developer") -> int:
    """Tokens that count against today, as the caller itself is told."""
    told = house.ask("GET", "/control/me", by).json()["releases"]
    return int(next(each["used"]["tokens_today"] for each in told if each["release"] == release))


def ended(house: House, release: str) -> dict[str, Any]:
    """How the last call of a release ended."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = house.entries(release=release, event="access:finished")
        return bool(found)

    eventually(is_there)
    body: dict[str, Any] = found[0]["body"]
    return body


def leave_after(house: House, release: str, bytes_read: int, **fields: Any) -> None:
    """Ask for a stream, read a little of it, and hang up."""
    body = json.dumps({"model": release, "messages": MESSAGES, "stream": True, **fields}).encode()
    key = house.tokens["developer"]
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", house.port)) as connection:
        connection.sendall(head.encode() + body)
        if bytes_read:
            connection.recv(bytes_read)
        else:
            asked = len(house.upstream.requests)
            eventually(lambda: len(house.upstream.requests) > asked)


@pytest.mark.parametrize("bytes_read", [0, 1, 400])
@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False}}, {"stream_options": None}])
def test_whoever_hangs_up_before_the_usage_is_told_pays_for_the_whole(
    house: House, bytes_read: int, options: dict[str, Any]
) -> None:
    release = metered(house, f"leaving-{bytes_read}-{len(json.dumps(options))}")
    house.upstream.interval_s = 0.02

    leave_after(house, release, bytes_read, **options)

    end = ended(house, release)
    house.upstream.interval_s = 0.0
    assert (end["outcome"], end["usage_basis"]) == ("client_gone", "reported")
    assert (end["tokens_in"], end["tokens_out"], end["tokens_settled"]) == (7, 5, 12)
    assert used(house, release) == 12


def test_an_answer_whose_cost_is_never_told_costs_what_was_taken_for_it(own_house: House) -> None:
    release = metered(own_house, "silent")
    start = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    own_house.upstream.answer = saying(start, chunked(CHUNK), then_close=True)

    own_house.chat(release, stream=True, max_tokens=100)

    end = ended(own_house, release)
    taken = own_house.entries(release=release, event="access:admitted")[0]["body"]["tokens_reserved"]
    assert (end["usage_basis"], end["tokens_settled"]) == ("reserved", taken)
    assert used(own_house, release) == taken > 100


SEEN = 30
PACE_S = 1.0 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 0.02


@pytest.mark.parametrize("limited", [True, False])
def test_an_answer_whose_cost_is_never_told_is_recorded_as_not_known_with_the_least_it_was(
    own_house: House, limited: bool
) -> None:
    release = metered(own_house, "silent", LIMIT if limited else None)
    start = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    own_house.upstream.answer = saying(start, *[chunked(CHUNK)] * SEEN, then_close=True, pause_s=0.003)

    own_house.chat(release, stream=True, max_tokens=100)

    end = ended(own_house, release)
    assert (end["outcome"], end["usage_basis"]) == ("upstream_error", "reserved" if limited else "unknown")
    assert SEEN // 2 < end["tokens_out"] <= SEEN
    assert (end.get("tokens_settled", 0) > 100) is limited


@pytest.mark.parametrize("limited", [True, False])
def test_whoever_hangs_up_on_an_answer_that_takes_its_time_pays_for_the_whole(own_house: House, limited: bool) -> None:
    release = metered(own_house, "slow", LIMIT if limited else None)
    own_house.upstream.interval_s, own_house.upstream.chunks = PACE_S, 42

    leave_after(own_house, release, 1)

    until(lambda: bool(own_house.entries(release=release, event="access:finished")), 60)
    end = ended(own_house, release)
    assert (end["outcome"], end["usage_basis"]) == ("client_gone", "reported")
    assert (end["tokens_in"], end["tokens_out"]) == (7, 42)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (CHAT, {"max_tokens": LIMIT}),
        (CHAT, {"max_tokens": 2**31 - 1}),
        (CHAT, {"max_tokens": 1, "max_completion_tokens": LIMIT}),
        (CHAT, {"max_tokens": LIMIT, "max_completion_tokens": 1}),
        (CHAT, {"n": 100, "max_tokens": 50}),
        (CHAT, {"n": 1024, "max_tokens": 5}),
        (CHAT, {"n": 4}),
        ("/v1/completions", {"prompt": "x", "best_of": 100, "max_tokens": 50}),
        ("/v1/completions", {"prompt": "x", "n": 1, "best_of": 1024, "max_tokens": 5}),
        ("/v1/completions", {"prompt": ["x"] * 200, "max_tokens": 25}),
        ("/v1/completions", {"prompt": [[1]] * 100, "max_tokens": 50, "n": 1}),
        ("/v1/completions", {"prompt": ["x"] * 20, "max_tokens": 25, "n": 10}),
        ("/v1/embeddings", {"input": "x" * LIMIT}),
    ],
)
def test_a_call_that_could_come_to_more_than_is_left_takes_nothing_and_reaches_nobody(
    house: House, path: str, fields: dict[str, Any]
) -> None:
    release = metered(house, "spending")
    body = {"model": release, **({"messages": MESSAGES} if path == CHAT else {}), **fields}
    before = len(house.upstream.requests)

    answer = house.ask("POST", path, "developer", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "insufficient_quota")
    assert answer.headers["x-should-retry"] == "false"
    assert (len(house.upstream.requests), used(house, release)) == (before, 0)


@pytest.mark.parametrize(
    "field",
    [
        *("n_predict", "N_Predict", "max_new_tokens", "max_length", "max_output_tokens", "num_predict", "n_cmpl"),
        *("MAX_TOKENS", "max-tokens", "Max_Completion_Tokens", "N", "best-of", "chat_template"),
    ],
)
def test_a_bound_in_a_spelling_that_only_some_servers_read_is_refused(house: House, field: str) -> None:
    before = len(house.upstream.requests)

    answer = house.chat(metered(house, "spelling"), max_tokens=1, **{field: 4_000})

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert len(house.upstream.requests) == before


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens", "n", "best_of"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "5", True, [5], {"x": 5}, 2**31, 10**400])
def test_a_bound_that_servers_read_differently_is_refused(house: House, field: str, value: Any) -> None:
    before = len(house.upstream.requests)

    answer = house.chat(metered(house, "bounds"), **{field: value})

    assert answer.status_code == 400
    assert len(house.upstream.requests) == before


@pytest.mark.parametrize("fields", [{}, {"max_tokens": None}, {"max_tokens": None, "max_completion_tokens": None}])
def test_a_caller_who_names_no_bound_is_given_the_one_that_was_taken(house: House, fields: dict[str, Any]) -> None:
    release = metered(house, "open-end")

    answer = house.chat(release, **fields)

    taken = house.entries(release=release, event="access:admitted")[0]["body"]["tokens_reserved"]
    sent = house.upstream.requests[-1]
    asked: Any = sent.json["max_tokens"]
    assert answer.status_code == 200
    assert 0 < asked <= taken - len(MESSAGES)


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, House]]:
    """A gateway for each name under which a model's server may read its bound, and it reads no other."""
    with ExitStack() as stack:
        named = {
            name: stack.enter_context(open_house(tmp_path_factory.mktemp(name), {"output_limit": name}))
            for name in BOUNDS
        }
        for house in named.values():
            house.apply(
                "release: demo/bounded\nserves: {inference: {upstream: simulated, model: x}}\n"
                "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public],"
                f" conditions: {{tokens_per_day: {LIMIT}, max_output_tokens: 100}}}}]\n"
            )
        yield named


@pytest.mark.parametrize("reads", BOUNDS)
@pytest.mark.parametrize(
    ("fields", "bound"),
    [
        ({"max_tokens": 10}, 10),
        ({"max_completion_tokens": 10}, 10),
        ({"max_tokens": 10, "max_completion_tokens": None}, 10),
        ({"max_tokens": None, "max_completion_tokens": 10}, 10),
        ({"max_tokens": 4, "max_completion_tokens": 10}, 10),
        ({"max_tokens": 10, "max_completion_tokens": 4}, 10),
        ({}, 100),
    ],
)
def test_a_bound_holds_by_whichever_name_it_was_given_and_is_read(
    houses: dict[str, House], reads: str, fields: dict[str, Any], bound: int
) -> None:
    house, release = houses[reads], "demo/bounded"
    chat = house.chat(release, **fields)
    chatted = house.upstream.requests[-1].json
    sent = {"model": release, "prompt": "x"} | {name: fields[name] for name in ["max_tokens"] if name in fields}
    house.ask("POST", "/v1/completions", "developer", json=sent)
    completed = house.upstream.requests[-1].json

    assert chat.status_code == 200
    assert {name: chatted.get(name) for name in BOUNDS if name in chatted} == {reads: bound}
    assert [name for name in BOUNDS if name in completed] == ["max_tokens"]
    assert completed["max_tokens"] == (fields.get("max_tokens") or 100)


def test_calls_at_once_never_hold_more_than_the_limit_together(own_house: House) -> None:
    release = metered(own_house, "at-once", 2_000)
    own_house.upstream.interval_s = 0.05

    with ThreadPoolExecutor(12) as threads:
        told = list(threads.map(lambda _: own_house.chat(release, max_tokens=300, stream=True), range(36)))

    admitted = own_house.entries(release=release, event="access:admitted")
    eventually(lambda: len(own_house.entries(release=release, event="access:finished")) == len(admitted))
    passed = [answer for answer in told if answer.status_code == 200]
    assert len(passed) == len(admitted) == len(own_house.upstream.requests)
    assert 0 < len(passed) < len(told)
    assert used(own_house, release) == 12 * len(passed) <= 2_000


def test_the_official_client_does_not_try_again_what_cannot_succeed(house: House) -> None:
    release = metered(house, "retries")
    client = openai.OpenAI(base_url=f"{house.url}/v1", api_key=house.tokens["developer"], max_retries=5)

    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=release, messages=MESSAGES, max_tokens=LIMIT)  # type: ignore[arg-type]

    assert len(house.entries(release=release, event="access:refused")) == 1
    assert house.entries(release=release, event="access:admitted") == []


def test_a_call_sent_again_is_a_call_of_its_own(house: House) -> None:
    release = metered(house, "again")
    before = len(house.upstream.requests)

    for _ in range(3):
        house.chat(release, headers={"idempotency-key": "same", "x-request-id": "same"})

    entries = house.entries(release=release, event="access:admitted")
    assert len({entry["id"] for entry in entries}) == 3 == len(house.upstream.requests) - before
    eventually(lambda: used(house, release) == 30)


def test_an_upstream_that_claims_to_have_cost_nothing_or_less_is_not_believed(own_house: House) -> None:
    release = metered(own_house, "liar")
    for usage in (b'{"prompt_tokens":-5,"completion_tokens":-5}', b'{"prompt_tokens":"0"}', b"null", b"[]", b"0"):
        body = b'{"choices":[],"usage":%s}' % usage
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        own_house.upstream.answer = saying(head % len(body) + body, then_close=True)
        before = used(own_house, release)

        own_house.chat(release, max_tokens=50)

        eventually(lambda before=before: used(own_house, release) > before + 50)  # type: ignore[misc]


def test_a_stream_whose_cost_is_told_before_its_content_costs_what_was_taken_for_it(own_house: House) -> None:
    release = metered(own_house, "early")
    start = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    own_house.upstream.answer = saying(
        start, chunked(USAGE_CHUNK % (1, 0, 1)), *[chunked(CHUNK)] * 5, chunked(DONE) + b"0\r\n\r\n", then_close=True
    )

    own_house.chat(release, stream=True, max_tokens=100)

    end = ended(own_house, release)
    assert (end["outcome"], end["usage_basis"]) == ("complete", "reserved")
    assert used(own_house, release) == end["tokens_settled"] > 100


def test_an_answer_that_is_no_json_behind_a_usage_that_makes_no_sense_does_not_pass(own_house: House) -> None:
    release = metered(own_house, "half-json")
    body = b'{"usage":{"prompt_tokens":-1,"completion_tokens":1},"a":"bbb"'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    own_house.upstream.answer = saying(head + body, then_close=True)

    answer = own_house.chat(release, max_tokens=100)

    end = ended(own_house, release)
    assert (answer.status_code, answer.headers["x-error-origin"]) == (502, "upstream")
    assert (end["outcome"], end["usage_basis"]) == ("upstream_error", "reserved")


def test_a_stream_under_way_when_the_gateway_is_killed_is_paid_for_in_full(tmp_path: Path) -> None:
    with (
        upstream_process(tmp_path / "up", interval_ms=50, chunks=200) as upstream,
        running(tmp_path, upstreams={"fake": upstream.url}) as gateway,
    ):
        release = "demo/killed"
        gateway.apply(
            f"release: {release}\nserves: {{inference: {{upstream: fake, model: x}}}}\n"
            "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public],"
            f" conditions: {{tokens_per_day: {LIMIT}}}}}]\n"
        )
        asked = {"model": release, "messages": MESSAGES, "stream": True, "max_tokens": 1_000}
        with gateway.http("developer") as client, client.stream("POST", CHAT, json=asked) as answer:
            next(answer.iter_bytes())
            request_id = answer.headers["x-request-id"]
            gateway.kill()
        gateway.start()

        end = gateway.ended(request_id)
        me = gateway.control("GET", "/me", "developer")
        taken = gateway.entries(release=release, event="access:admitted")[0]["body"]["tokens_reserved"]
        mine = next(each for each in me["releases"] if each["release"] == release)

        assert upstream.seen == [request_id]
        assert (end["outcome"], end["tokens_settled"]) == ("unknown_after_crash", taken)
        assert mine["used"]["tokens_today"] == taken > 1_000
        until(gateway.is_ready, 5)


def test_what_the_gateway_adds_for_its_own_count_is_kept_from_the_caller(house: House) -> None:
    release = metered(house, "frames")

    plain = house.chat(release, stream=True)
    asked = house.chat(release, stream=True, stream_options={"include_usage": True})

    seen: Seen = house.upstream.requests[-2]
    assert seen.json["stream_options"] == {"include_usage": True}
    assert '"usage"' not in plain.text
    assert '"usage"' in asked.text
