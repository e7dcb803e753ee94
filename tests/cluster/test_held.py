"""A hold that comes a second before the next stage opens keeps it shut everywhere. Only `make soak` collects this."""

import time

import pytest

from gateway.clock import SECOND
from tests.cluster.callers import call
from tests.fakes.cluster import ClusterHouse
from tests.journeys.releases import LONG_AGO, TO_ALL, in_seconds, quoted, release

COUNT = 20
IN_FORCE_S = 1.0
EACH_S = 0.1
"""How long a hold takes to be said, on a machine that is busy."""


@pytest.mark.soak
def test_a_stage_that_is_held_a_second_before_it_opens_opens_at_neither_gateway(loaded: ClusterHouse) -> None:
    """A hold freezes the stage that is open: the next one does not take its place."""
    names, opens = [f"force/held-{turn}" for turn in range(COUNT)], in_seconds(20.0)
    internal = f"name: internal, opens: {LONG_AGO}, access: closed, to: [staff]"
    coming = f"name: general, opens: {quoted(opens)}, access: api, {TO_ALL}"
    for name in [*names, "force/not-held"]:
        file = release(name, internal, coming, more="audiences: {staff: {role: staff}}")
        loaded.control("POST", "/releases", json={"file": file, "documents": {}, "adopt": True})
    loaded.follow()
    time.sleep(max(0.0, opens / SECOND - time.time() - IN_FORCE_S - EACH_S * COUNT))
    for name in names:
        loaded.control("POST", f"/releases/{name}/narrowings", json={"verb": "hold", "cause": "drill"})
    held_s = opens / SECOND - time.time()
    time.sleep(max(0.0, held_s) + 0.5)

    def answers(name: str) -> list[int]:
        return [call(loaded, url, name) for url in loaded.processes]

    assert held_s > 0, "every one was held before it would have opened"
    assert answers("force/not-held") == [200, 200]
    assert [name for name in names if answers(name) != [403, 403]] == []
    assert loaded.entries(event="access:admitted", release=names[0]) == []
