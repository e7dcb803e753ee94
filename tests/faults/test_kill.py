"""Killed at any moment, the gateway has recorded everything that passed, and closes it when it starts again."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.nursery import Nursery
from tests.fakes.upstreams import UpstreamProcess, upstream_process
from tests.faults.conftest import SOAK
from tests.faults.load import Got, Load
from tests.faults.record import Record
from tests.faults.report import write_report

KILLS = 50 if SOAK else 4
RESTART_MAX_S = 10.0
MODEL = "fault/killed"
FILE = f"""\
release: {MODEL}
serves: {{inference: {{upstream: paced, model: any}}}}
stages:
  - name: general
    opens: 2024-01-01T00:00:00Z
    access: api
    to: [public]
    offers: [inference.text]
    conditions: {{requests_per_minute: 1000000, tokens_per_day: 1000000000}}
"""


@dataclass(frozen=True)
class Kill:
    """What one life came to."""

    restart_s: float
    seen: int
    """Requests that the upstream saw."""
    answers: int
    """Answers of which a caller got the head at least."""
    left_open: int
    """Calls under way when it was killed."""


def kill_once(
    gateway: GatewayProcess, upstream: UpstreamProcess, after_s: float, *, at_request: bool
) -> tuple[Kill, list[Got]]:
    """Put load on it, kill it in the midst, start it again.

    `at_request` leaves the killing to the upstream: as soon as it has seen a request, and no sooner.
    """
    seen_before = len(upstream.seen)
    with Load(gateway.base_url, gateway.keys["developer"], MODEL) as load:
        assert load.begun.wait(20)
        time.sleep(after_s)
        if at_request:
            upstream.kill_at_next_request(gateway.pid)
            until(lambda: not gateway.is_running, 10)
        gateway.kill()
    restarted = time.monotonic()
    gateway.start()
    restart_s = time.monotonic() - restarted
    crashed = [body for body in Record.on(gateway.data).ended if body["outcome"] == "unknown_after_crash"]
    kill = Kill(restart_s, len(upstream.seen) - seen_before, len(load.got), len(crashed))
    return kill, load.got


@pytest.mark.soak
def test_nothing_passes_unrecorded_and_nothing_stays_open_however_often_it_is_killed(
    tmp_path: Path, nursery: Nursery
) -> None:
    dice, kills, got = random.Random(2), list[Kill](), list[Got]()
    with upstream_process(tmp_path / "paced", interval_ms=5, chunks=20) as upstream:
        gateway = GatewayProcess(tmp_path, upstreams={"paced": upstream.url}, launch=nursery.launch)
        try:
            gateway.start()
            gateway.apply(FILE)
            for number in range(KILLS):
                kill, answers = kill_once(gateway, upstream, dice.uniform(0, 0.5), at_request=number % 2 == 0)
                kills.append(kill)
                got += answers
                assert Record.on(gateway.data).mistakes(upstream.seen, got) == []
        finally:
            gateway.kill()

    assert {answer.status for answer in got} == {200}
    assert kills[-1].left_open > 0, "every kill met an idle gateway, which shows nothing"
    assert max(kill.restart_s for kill in kills) <= RESTART_MAX_S
    if SOAK:
        write_report("kill -9 under load", _figures(kills, Record.on(gateway.data), len(got)))


def _figures(kills: list[Kill], record: Record, answers: int) -> dict[str, str]:
    return {
        "kills": f"{len(kills)}, every other at the very moment the upstream saw a request",
        "requests that the upstream saw": f"{sum(kill.seen for kill in kills)}",
        "requests that the upstream saw and the ledger did not": "0",
        "answers that callers got, whole or in part": f"{answers}",
        "answers that callers got without an entry": "0",
        "calls under way when killed, closed as `unknown_after_crash`": f"{kills[-1].left_open}",
        "calls left open after the restart": "0",
        "entries, contiguous, every leaf hash right": f"{len(record.entries)}",
        "tokens held by nobody": "0",
        "slowest restart": f"{max(kill.restart_s for kill in kills):.1f} s",
    }
