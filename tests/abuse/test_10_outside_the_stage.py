"""Abuse 10: nothing passes before its stage has surely opened or once it may have closed, by whatever road."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.clock import DAY, MINUTE, SECOND, Instant, text_from
from tests.abuse.clocks import StoppedClock
from tests.fakes.house import House, eventually, open_house

HOUR = 60 * MINUTE


class Staged(NamedTuple):
    """A house whose clock stands still, and two releases that open for the same hour to come, one of them unlisted."""

    house: House
    clock: StoppedClock
    opens: Instant
    listed: str
    hidden: str


@pytest.fixture(scope="module")
def still_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose clock stands still."""
    with open_house(tmp_path_factory.mktemp("stopped")) as house:
        house.installation.current.clock = StoppedClock(house.now().latest)  # type: ignore[assignment]
        yield house


@pytest.fixture
def stopped(still_house: House) -> Staged:
    """A release that opens for one hour, an hour or two from where the clock was last put: no clock goes back."""
    clock = still_house.installation.current.clock
    assert isinstance(clock, StoppedClock)
    clock.stands_at(clock.now().latest)
    opens = (clock.now().latest // HOUR + 2) * HOUR
    name = opens // HOUR
    for release, listed in ((f"demo/staged-{name}", "true"), (f"demo/quiet-{name}", "false")):
        still_house.apply(staged(release, listed, opens, opens + HOUR))
    return Staged(still_house, clock, opens, f"demo/staged-{name}", f"demo/quiet-{name}")


def staged(release: str, listed: str, opens: Instant, closes: Instant) -> str:
    """A release file with one stage between two instants."""
    return (
        f"release: {release}\nlisted: {listed}\n"
        "serves: {inference: {upstream: simulated, model: staged}}\n"
        f'stages:\n  - {{name: week, opens: "{text_from(opens)}", closes: "{text_from(closes)}", access: api,\n'
        "     to: [public], offers: [inference.text, inference.embeddings]}\n"
    )


def passes(house: House, release: str, **fields: Any) -> bool:
    """Whether a call passes; every other way of asking must agree."""
    status = house.chat(release, **fields).status_code
    listed = release in [each["id"] for each in house.ask("GET", "/v1/models", "developer").json()["data"]]
    shown = house.ask("GET", f"/v1/models/{release}", "developer").status_code == 200
    embedded = house.ask("POST", "/v1/embeddings", "developer", json={"model": release, "input": "x"}).status_code
    assert {listed, shown, embedded == 200, status == 200} in ({True}, {False}), "the ways of asking do not agree"
    return status == 200


@pytest.mark.parametrize(
    ("offset", "uncertainty", "expected"),
    [
        (-1, 0, False),
        (0, 0, True),
        (1, 0, True),
        (-1, 2, False),
        (-200_000, 200_001, False),
        (0, 200_000, True),
        (HOUR - 1, 0, True),
        (HOUR, 0, False),
        (HOUR + 1, 0, False),
        (HOUR - 1, 1, False),
        (HOUR - 200_000, 200_000, False),
        (HOUR - 200_001, 200_000, True),
    ],
)
@pytest.mark.parametrize("unlisted", [False, True])
def test_a_stage_opens_and_closes_at_its_instant_and_no_tick_beside_it(
    stopped: Staged, unlisted: bool, offset: int, uncertainty: int, expected: bool
) -> None:
    house, clock, opens, listed, hidden = stopped

    clock.stands_at(opens + offset, uncertainty=uncertainty)

    assert passes(house, hidden if unlisted else listed) == expected


def test_a_clock_that_is_not_known_well_opens_nothing(stopped: Staged) -> None:
    house, clock, opens, listed, _ = stopped

    clock.stands_at(opens + SECOND, uncertainty=250_001)

    answer = house.chat(listed)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "clock_unknown")


def test_an_answer_kept_from_before_the_end_does_not_outlast_it(stopped: Staged) -> None:
    house, clock, opens, listed, _ = stopped
    clock.stands_at(opens + HOUR - 1)
    for _ in range(3):
        assert passes(house, listed)
    before = len(house.upstream.requests)

    clock.stands_at(opens + HOUR)
    told = [house.chat(listed) for _ in range(5)]

    assert {answer.json()["error"]["code"] for answer in told} == {"stage_closed"}
    assert len(house.upstream.requests) == before


def test_a_refusal_kept_from_before_the_opening_does_not_outlast_it(
    stopped: Staged,
) -> None:
    house, clock, opens, listed, _ = stopped
    clock.stands_at(opens - 1)
    early = [house.chat(listed) for _ in range(3)]

    clock.stands_at(opens)

    assert {answer.json()["error"]["code"] for answer in early} == {"stage_not_open"}
    assert all(text_from(opens) in answer.json()["error"]["message"] for answer in early)
    assert passes(house, listed)


@pytest.mark.parametrize("header", ["idempotency-key", "x-request-id", "x-stainless-retry-count", "if-none-match"])
def test_a_call_that_passed_once_is_not_replayed_after_the_end(stopped: Staged, header: str) -> None:
    house, clock, opens, listed, _ = stopped
    clock.stands_at(opens)
    first = house.chat(listed, headers={header: "again"})
    before = len(house.upstream.requests)

    clock.stands_at(opens + HOUR)
    again = house.chat(listed, headers={header: "again"})

    assert (first.status_code, again.status_code) == (200, 403)
    assert len(house.upstream.requests) == before


@pytest.mark.parametrize("header", ["date", "x-date", "x-request-start", "x-amz-date", "if-modified-since"])
def test_a_caller_cannot_say_what_time_it_is(stopped: Staged, header: str) -> None:
    house, clock, opens, listed, _ = stopped
    clock.stands_at(opens - HOUR)

    assert house.chat(listed, headers={header: text_from(opens + 1)}).status_code == 403


def test_a_stream_ends_when_its_stage_does(stopped: Staged) -> None:
    house, clock, opens, listed, _ = stopped
    clock.stands_at(opens + HOUR - 1)
    house.upstream.interval_s, house.upstream.chunks = 0.05, 2_000

    with house.client.stream(
        "POST",
        f"{house.url}/v1/chat/completions",
        json={"model": listed, "messages": [{"role": "user", "content": "x"}], "stream": True},
        headers=house.headers("developer"),
    ) as answer:
        lines = answer.iter_lines()
        next(lines)
        closed_at = time.monotonic()
        clock.stands_at(opens + HOUR)
        rest = [line for line in lines if line]
        took_s = time.monotonic() - closed_at

    house.upstream.interval_s, house.upstream.chunks = 0.0, 5
    told = json.loads(rest[-1].removeprefix("data: "))
    eventually(lambda: bool(house.entries(release=listed, event="access:finished")))
    end = house.entries(release=listed, event="access:finished")[0]["body"]
    assert took_s < 1
    assert told["error"]["code"] == "stage_closed"
    assert not any("[DONE]" in line for line in rest)
    assert (end["outcome"], end["reasons"]) == ("cut", ["stage_closed"])


def test_a_machine_whose_clock_was_set_opens_and_closes_nothing_by_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = house.now().latest
    house.apply(staged("demo/tomorrow", "true", (now // DAY + 1) * DAY, (now // DAY + 2) * DAY))
    told = []
    for shift_s in (-10 * 86_400, 86_400, 365 * 86_400):
        for name in ("time", "time_ns"):
            real, unit = getattr(time, name), 1 if name == "time" else 10**9
            monkeypatch.setattr(time, name, lambda real=real, by=shift_s * unit: real() + by)
        told.append((house.chat("demo/tomorrow").status_code, house.chat(house.models["api"]).status_code))
        monkeypatch.undo()

    assert told == [(403, 200)] * 3


def test_nobody_who_waits_at_the_door_is_let_in_before_it_opens(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        opens = (house.now().latest // SECOND + 3) * SECOND
        house.apply(staged("demo/awaited", "true", opens, opens + DAY))
        clock = house.installation.current.clock
        entered: list[tuple[bool, Instant, Instant]] = []

        def knock(_: int) -> None:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                asked_at = clock.now().earliest
                status = house.chat("demo/awaited").status_code
                entered.append((status == 200, asked_at, clock.now().latest))
                if status == 200:
                    return

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(knock, range(4)))

        early = [each for each in entered if each[0] and each[2] < opens]
        admitted = house.entries(release="demo/awaited", event="access:admitted")
        assert early == []
        assert len(admitted) == 4, "all four got in once it was open"
        first = min(each[1] for each in entered if each[0])
        assert first < opens + SECOND
