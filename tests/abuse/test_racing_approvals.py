"""Approvals raced over two processes: each counts once, one apply wins, nothing is applied before it is agreed to."""

import asyncio
import base64
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.abuse.replicas import Replicas, replicas
from tests.fakes.postgresql import PostgreSQLServer
from tests.journeys.releases import TO_ALL, open_to_all

PROCESSES = 2
AT_ONCE = 8
"""Requests of one kind that set out together, by turns to both processes."""
ROUNDS = 3
NUMBERS = count(1)

Answer = tuple[int, str]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQLServer) -> Iterator[Replicas]:
    """Two gateway processes on one database, and a key that plans, which issued none of those that agree."""
    with replicas(tmp_path_factory.mktemp("replicas"), postgresql_server, PROCESSES) as running:
        _, running.first.keys["manager"] = running.first.enter("provider", "provider")
        running.follow()
        yield running


def planned(house: Replicas, release: str, per_minute: int) -> dict[str, Any]:
    """A change that widens a release's limit to so many."""
    file = open_to_all(release, f"requests_per_minute: {per_minute}", upstream="fake")
    found: dict[str, Any] = house.first.control("POST", "/changes", "manager", json={"file": file})["change"]
    assert found["effect"] == "widening"
    return found


def released(house: Replicas) -> str:
    """A release of its own that everybody can call ten times a minute."""
    release = f"race/model-{next(NUMBERS)}"
    house.first.apply(open_to_all(release, "requests_per_minute: 10", upstream="fake"))
    return release


def together(house: Replicas, *asked: tuple[str, dict[str, Any], str]) -> list[Answer]:
    """Acts (verb, change, whose key) all at once, by turns to each process; status and code or state of each."""

    async def run() -> list[Answer]:
        async with httpx.AsyncClient(timeout=30) as client:

            async def one(number: int, verb: str, change: dict[str, Any], who: str) -> Answer:
                gateway = house.gateways[number % len(house.gateways)]
                body = {"approve": {"digest": change["digest"]}, "reject": {"cause": "late"}}.get(verb)
                answer = await client.post(
                    f"{gateway.base_url}/control/changes/{change['id']}/{verb}",
                    headers={"authorization": f"Bearer {house.first.keys[who]}"},
                    json=body,
                )
                told = answer.json()
                return answer.status_code, told.get("code") or told.get("change", told)["state"]

            return await asyncio.gather(*(one(number, *each) for number, each in enumerate(asked)))

    return asyncio.run(run())


def agreed(house: Replicas, change: dict[str, Any]) -> dict[str, Any]:
    """The change, approved by two."""
    for who in ("approver", "analyst"):
        assert together(house, ("approve", change, who))[0][0] == 200
    return change


def recorded(house: Replicas, change: dict[str, Any]) -> list[str]:
    """What the ledger says of a change, in order."""
    return [
        entry["event"].removeprefix("change:")
        for entry in house.first.entries(release=change["release"])
        if entry["body"]["subject"] == change["id"]
    ]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_one_persons_approval_sent_to_both_processes_at_once_counts_once(house: Replicas, _round: int) -> None:
    change = planned(house, released(house), 20)

    answers = Counter(together(house, *[("approve", change, "approver")] * AT_ONCE))
    applied = together(house, ("apply", change, "manager"))

    assert answers == {(200, "planned"): 1, (409, "approved_already"): AT_ONCE - 1}
    assert applied == [(409, "approvals_missing")]
    assert recorded(house, change) == ["planned", "approved"]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_two_people_who_approve_at_the_same_time_are_two(house: Replicas, _round: int) -> None:
    change = planned(house, released(house), 20)

    answers = together(house, ("approve", change, "approver"), ("approve", change, "analyst"))

    assert sorted(answers) == [(200, "approved"), (200, "planned")] or set(answers) == {(200, "approved")}
    assert recorded(house, change) == ["planned", "approved", "approved"]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_many_who_apply_one_change_exactly_one_does(house: Replicas, _round: int) -> None:
    change = agreed(house, planned(house, released(house), 20))

    answers = Counter(together(house, *[("apply", change, "manager")] * AT_ONCE))

    assert answers == {(200, "applied"): 1, (409, "change_closed"): AT_ONCE - 1}
    assert recorded(house, change).count("applied") == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_rival_changes_to_one_version_exactly_one_is_applied_and_the_others_are_stale(
    house: Replicas, _round: int
) -> None:
    release = released(house)
    rivals = [agreed(house, planned(house, release, 20 + number)) for number in range(4)]

    answers = Counter(together(house, *[("apply", change, "manager") for change in rivals]))
    versions = house.first.control("GET", f"/releases/{release}/versions")["versions"]

    assert answers == {(200, "applied"): 1, (409, "change_stale"): 3}
    assert [version["number"] for version in versions] == [2, 1]
    assert versions[0]["change"] in {change["id"] for change in rivals}


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_applying_that_races_the_approvals_is_refused_until_both_are_there(house: Replicas, _round: int) -> None:
    change = planned(house, released(house), 20)
    acts = [("approve", change, "approver"), ("approve", change, "analyst"), *[("apply", change, "manager")] * 6]

    answers = together(house, *acts, *acts[:2])
    told = recorded(house, change)

    assert {code for status, code in answers[2:8] if status != 200} <= {"approvals_missing", "change_closed"}
    assert told[:3] == ["planned", "approved", "approved"]
    assert told[3:] in ([], ["applied"])


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_change_that_is_rejected_and_applied_at_once_is_one_of_the_two(house: Replicas, _round: int) -> None:
    change = agreed(house, planned(house, released(house), 20))

    answers = together(house, ("apply", change, "manager"), ("reject", change, "approver"))

    assert sorted(status for status, _ in answers) == [200, 409]
    assert {code for status, code in answers if status == 409} == {"change_closed"}
    assert len([each for each in recorded(house, change) if each in {"applied", "rejected"}]) == 1


OURS = "sha256:" + "a" * 64
RESULTS = Path(__file__).parents[1] / "releases" / "evidence" / "files" / "lm-eval-0.34.json"


def gated(release: str) -> str:
    """A release file whose second stage reads evidence."""
    gate = "opens_when: [{evidence: {suite: lm-eval, task: wmdp_bio, metric: acc, at_most: 0.35}}]"
    later = f"  - {{name: later, opens: 2200-01-01T00:00:00Z, access: api, {TO_ALL}, {gate}}}\n"
    model = f"model: {{snapshot: {OURS}}}"
    return open_to_all(release, "requests_per_minute: 20", upstream="fake", more=model) + later


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_evidence_that_races_an_apply_leaves_no_approval_that_had_not_seen_it(house: Replicas, _round: int) -> None:
    release = released(house)
    change = house.first.control("POST", "/changes", "manager", json={"file": gated(release)})["change"]
    agreed(house, change)
    files = {RESULTS.name: base64.b64encode(RESULTS.read_bytes()).decode()}
    evidence = {"release": release, "snapshot": OURS, "files": files}

    with ThreadPoolExecutor() as pool:
        adding = pool.submit(house.first.control, "POST", "/evidence", "manager", json=evidence)
        answers = set(together(house, *[("apply", change, "manager")] * 4))
        adding.result()

    order = [entry["event"] for entry in house.first.entries(release=release)]
    told = [event for event in order if event in {"change:applied", "evidence:added"}]
    if (200, "applied") in answers:
        assert told == ["change:applied", "evidence:added"]
    else:
        assert (answers, told) == ({(409, "evidence_moved")}, ["evidence:added"])
    assert together(house, ("approve", change, "approver"))[0][0] == (409 if (200, "applied") in answers else 200)
