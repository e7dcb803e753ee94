"""What people have not done in time: a stage not approved, a change not decided, a narrowing that nobody has seen.

Where a day must pass, it passes by a jump of the database's clock, which the gateways then take on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.callers import ROOMY
from tests.cluster.database_faults import jump, take_on_its_time
from tests.fakes.cluster import ClusterHouse
from tests.journeys.releases import LONG_AGO, TO_ALL, in_seconds, open_to_all, quoted, release

A_MONTH_S = 30 * 86400.0
A_DAY = "25 hours"


@contextmanager
def stage_unapproved(house: ClusterHouse) -> Iterator[None]:
    first = f"name: general, opens: {LONG_AGO}, access: api, {TO_ALL}"
    come, later = '"2024-06-01T00:00:00Z"', quoted(in_seconds(A_MONTH_S))

    def file(opens: str) -> str:
        gated = f"name: more, opens: {opens}, access: api, {TO_ALL}, opens_when: [{{approvals: 2}}]"
        return release("alert/gated", first, gated)

    house.apply(file(come))
    yield
    house.apply(file(later))


@contextmanager
def change_undecided(house: ClusterHouse) -> Iterator[None]:
    sent = {"file": open_to_all("alert/planned", ROOMY), "documents": {}, "adopt": True}
    planned = house.control("POST", "/changes", json=sent)
    change = planned["change"]["id"]
    jump(house, A_DAY)
    take_on_its_time(house)
    yield
    house.control("POST", f"/changes/{change}/reject", "approver", json={"cause": "Not now."})


@contextmanager
def narrowing_unseen(house: ClusterHouse) -> Iterator[None]:
    name = "alert/held"
    house.apply(open_to_all(name, ROOMY))
    taken = house.control("POST", f"/releases/{name}/narrowings", json={"verb": "hold", "cause": "drill"})
    jump(house, A_DAY)
    take_on_its_time(house)
    yield
    seen = {"verdict": "confirm", "cause": "I was there."}
    house.control("POST", f"/releases/{name}/narrowings/{taken['id']}/review", "approver", json=seen)
