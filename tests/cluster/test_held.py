"""A hold that comes a second before the next stage opens keeps it shut everywhere. Only `make soak` collects this."""

import time

import pytest

from gateway.clock import SECOND, Instant
from tests.cluster.callers import call
from tests.fakes.cluster import ClusterHouse
from tests.journeys.releases import LONG_AGO, TO_ALL, in_seconds, quoted, release

COUNT = 20
BEGUN_S = 60.0
"""Until the first opens: the releases have to be there by then, on a machine that is busy."""
APART_S = 3.0
HELD_S = 2.0
"""How long before a stage opens it is held."""
IN_FORCE_S = 1.0

pytestmark = pytest.mark.soak


def test_a_stage_that_is_held_a_second_before_it_opens_opens_at_neither_gateway(loaded: ClusterHouse) -> None:
    """A hold freezes the stage that is open: the next one does not take its place."""
    coming = {f"force/held-{turn}": in_seconds(BEGUN_S + APART_S * turn) for turn in range(COUNT)}
    for name, opens in coming.items():
        apply(loaded, name, opens)
    apply(loaded, "force/not-held", last := max(coming.values()))
    loaded.follow()

    in_time = []
    for name, opens in coming.items():
        time.sleep(max(0.0, seconds_until(opens) - HELD_S))
        loaded.control("POST", f"/releases/{name}/narrowings", json={"verb": "hold", "cause": "drill"})
        if seconds_until(opens) >= IN_FORCE_S:
            in_time.append(name)
    time.sleep(max(0.0, seconds_until(last)) + 1.0)

    def answers(name: str) -> list[int]:
        return [call(loaded, url, name) for url in loaded.processes]

    assert len(in_time) >= COUNT // 2, "most were held a second before they would have opened"
    assert answers("force/not-held") == [200, 200]
    assert [name for name in in_time if answers(name) != [403, 403]] == []


def apply(house: ClusterHouse, name: str, opens: Instant) -> None:
    """A release that is the provider's own until its next stage opens."""
    internal = f"name: internal, opens: {LONG_AGO}, access: closed, to: [staff]"
    general = f"name: general, opens: {quoted(opens)}, access: api, {TO_ALL}"
    file = release(name, internal, general, more="audiences: {staff: {role: staff}}")
    house.control("POST", "/releases", json={"file": file, "documents": {}, "adopt": True})


def seconds_until(instant: Instant) -> float:
    return instant / SECOND - time.time()
