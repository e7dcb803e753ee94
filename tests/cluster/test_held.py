"""A hold keeps the next stage shut everywhere, a second before it would open. Only `make soak` collects this."""

import time
from typing import NamedTuple

import pytest

from gateway.clock import SECOND, Instant
from tests.cluster.callers import call
from tests.fakes.cluster import ClusterHouse
from tests.faults.percentiles import spread
from tests.faults.report import write_report
from tests.journeys.releases import LONG_AGO, TO_ALL, in_seconds, quoted, release

COUNT = 100
OPENS_S = 3.0
"""How far ahead a stage is to open when its release is applied, on a machine that is busy."""
HELD_S = 1.0
"""How long before a stage opens its hold is asked for."""
WATCHED_S = 0.5
"""How long after a stage would have opened it is looked for: a hold that comes late would end what it lets in."""

pytestmark = pytest.mark.soak


class Held(NamedTuple):
    """One hold: how long it had to be in force everywhere, and what was answered once the stage would have opened."""

    had_s: float
    answers: list[int]


def test_a_stage_that_is_held_within_a_second_of_its_opening_opens_at_neither_gateway(loaded: ClusterHouse) -> None:
    """A hold freezes the stage that is open: the next one does not take its place."""
    held = [hold(loaded, f"force/held-{turn}") for turn in range(COUNT)]
    in_time = [each for each in held if each.had_s > 0]
    apply(loaded, "force/not-held", in_seconds(0.5))
    loaded.follow()
    time.sleep(1.0)

    assert len(in_time) >= COUNT * 0.9, "most were held before they would have opened"
    assert [call(loaded, url, "force/not-held") for url in loaded.processes] == [200, 200]
    late = [each for each in in_time if set(each.answers) != {403}]
    assert [each for each in late if each.had_s >= 1.0] == []
    assert len(late) <= COUNT // 100, "p99 of a second"
    figures = {
        "stages held before they would open": f"{len(in_time)}",
        "how long the hold had to be in force everywhere": spread([each.had_s for each in in_time]),
        "of them opened at either gateway": f"{len(late)}",
        "calls answered after the instant of opening": f"{sum(len(each.answers) for each in in_time)}",
    }
    write_report("stages held just before they open, at both gateways of a cluster under load", figures)


def hold(house: ClusterHouse, name: str) -> Held:
    """Hold a release just before its next stage opens, and call it at every gateway from that instant on."""
    opens = in_seconds(OPENS_S)
    apply(house, name, opens)
    time.sleep(max(0.0, seconds_until(opens) - HELD_S))
    house.control("POST", f"/releases/{name}/narrowings", json={"verb": "hold", "cause": "drill"})
    had_s = seconds_until(opens)
    answers: list[int] = []
    time.sleep(max(0.0, had_s))
    while seconds_until(opens) > -WATCHED_S:
        answers += [call(house, url, name) for url in house.processes]
    return Held(had_s, answers)


def apply(house: ClusterHouse, name: str, opens: Instant) -> None:
    """A release that is the provider's own until its next stage opens."""
    internal = f"name: internal, opens: {LONG_AGO}, access: closed, to: [staff]"
    general = f"name: general, opens: {quoted(opens)}, access: api, {TO_ALL}"
    file = release(name, internal, general, more="audiences: {staff: {role: staff}}")
    house.control("POST", "/releases", json={"file": file, "documents": {}, "adopt": True})


def seconds_until(opens: Instant) -> float:
    return opens / SECOND - time.time()
