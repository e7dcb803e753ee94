"""Capacity and misuse budgets: what is not said is not met."""

import json
from typing import Any

import pytest

from gateway.clock import DAY, Instant, at
from gateway.errors import Invalid
from gateway.releases.evidence.reading import read_evidence
from gateway.releases.evidence.records import Evidence
from gateway.releases.fulfilment import Answer, Known, answer, read_by
from gateway.releases.requirements import Headroom, MisuseBudget, Requirement
from tests.releases.builders import an_instant

NOW: Instant = an_instant("2027-03-01T00:00:00Z")
SNAPSHOT = "sha256:" + "a" * 64
BUDGET = MisuseBudget(
    domain="cyber", at_most="0.001", window_days=7, requests=1_000, max_age_days=7, zero_tolerance=("jailbreak",)
)
HEADROOM = Headroom(of="requests_per_minute", at_least="6000", max_age_days=30)
COUNT: dict[str, Any] = {
    "domain": "cyber", "since": "2027-02-20T00:00:00Z", "until": "2027-02-28T00:00:00Z", "requests": 10_000,
    "confirmed": 2, "events": {"jailbreak": 0},
}  # fmt: skip


def evidence(number: int = 1, *, snapshot: str = SNAPSHOT, **said: Any) -> Evidence:
    """A file of our own form, as it would be read."""
    content = json.dumps({"evidence": "release-gateway/1", "suite": "monitoring", **said}).encode()
    return Evidence(
        id=f"evidence_{number}", release="acme/atlas-1", snapshot=snapshot, files={},
        findings=read_evidence({"counts.json": content}), added_at=NOW - DAY // 2 + number, vouched_by="k",
        organisation="provider",
    )  # fmt: skip


def answered(requirement: Requirement, *found: Evidence, now: Instant = NOW) -> Answer:
    return answer(requirement, Known(snapshot=SNAPSHOT, evidence=found), at(now))


def test_a_count_whose_worst_lies_within_the_budget_meets_it_and_says_with_what() -> None:
    met = answered(BUDGET, evidence(misuse=[COUNT]))

    assert met.met
    assert met.said == "2 confirmed in 10000 requests: up to 0.0006295 at 0.95 confidence (evidence_1)"


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ({"confirmed": 5}, "5 confirmed in 10000 requests: up to 0.001052 at 0.95 confidence, and 0.001 is tolerated"),
        ({"requests": 999, "confirmed": 0}, "999 of 1000 requests were observed"),
        ({"requests": 2_000, "confirmed": 0}, "up to 0.001497 at 0.95 confidence, and 0.001 is tolerated"),
        ({"since": "2027-02-22T00:00:00Z"}, "it counts 6 of 7 days"),
        ({"since": "2027-01-01T00:00:00Z", "until": "2027-02-21T00:00:00Z"}, "more than 7 days ago"),
        ({"until": "2027-03-02T00:00:00Z"}, "which has not come"),
        ({"events": {"jailbreak": 1}}, "jailbreak was seen 1 time, and is not tolerated once"),
        ({"events": {}}, "it is not said how often jailbreak was seen"),
    ],
)
def test_a_count_that_says_too_much_or_too_little_meets_no_budget(differs: dict[str, Any], said: str) -> None:
    unmet = answered(BUDGET, evidence(misuse=[COUNT | differs]))

    assert not unmet.met
    assert said in unmet.said


def test_no_count_one_of_another_domain_and_one_of_another_model_meet_no_budget() -> None:
    elsewhere = evidence(misuse=[COUNT], snapshot="sha256:" + "b" * 64)

    assert answered(BUDGET).said == "no evidence of misuse in cyber was added"
    assert answered(BUDGET, evidence(misuse=[COUNT | {"domain": "biology"}])).met is False
    assert "another snapshot" in answered(BUDGET, elsewhere).said


def test_of_several_counts_the_one_that_reaches_furthest_decides() -> None:
    earlier = COUNT | {"since": "2027-02-01T00:00:00Z", "until": "2027-02-27T00:00:00Z", "confirmed": 500}

    assert answered(BUDGET, evidence(1, misuse=[COUNT]), evidence(2, misuse=[earlier])).met
    assert read_by([BUDGET], [evidence(misuse=[COUNT])], SNAPSHOT) != []


LONG = COUNT | {"since": "2010-01-01T00:00:00Z", "until": "2027-02-28T00:00:01Z", "requests": 10**12}


@pytest.mark.parametrize(
    "differs",
    [
        {},
        {"since": "2027-02-27T00:00:00Z", "requests": 10},
        {"since": "2027-01-01T00:00:00Z", "until": "2027-02-21T00:00:02Z"},
    ],
)
@pytest.mark.parametrize("later", [LONG, LONG | {"events": {}}, LONG | {"since": "2027-02-20T00:00:00Z"}])
def test_what_is_not_tolerated_once_no_later_count_takes_back(differs: dict[str, Any], later: dict[str, Any]) -> None:
    saw = COUNT | {"events": {"jailbreak": 3}} | differs

    unmet = answered(BUDGET, evidence(1, misuse=[saw]), evidence(2, misuse=[later]))

    assert not unmet.met
    assert unmet.said == "jailbreak was seen 3 times, and is not tolerated once (evidence_1)"


def test_what_is_not_tolerated_once_is_over_when_the_window_has_passed_it() -> None:
    saw = COUNT | {"since": "2027-01-01T00:00:00Z", "until": "2027-02-21T00:00:01Z", "events": {"jailbreak": 3}}

    assert answered(BUDGET, evidence(1, misuse=[saw]), evidence(2, misuse=[LONG])).met


def test_a_longer_count_makes_no_less_of_one_that_it_holds() -> None:
    much = COUNT | {"confirmed": 500}

    unmet = answered(BUDGET, evidence(1, misuse=[much]), evidence(2, misuse=[LONG]))

    assert not unmet.met
    assert unmet.said.startswith("500 confirmed in 10000 requests: up to 0.05")
    assert unmet.said.endswith(", and 0.001 is tolerated (evidence_1)")


@pytest.mark.parametrize(
    "differs",
    [
        {"since": "2027-02-27T00:00:00Z"},
        {"requests": 999},
        {"since": "2027-01-01T00:00:00Z", "until": "2027-02-21T00:00:01Z"},
        {"since": "2009-12-31T00:00:00Z"},
    ],
)
def test_a_longer_count_decides_over_one_too_small_one_before_the_window_and_one_that_it_does_not_hold(
    differs: dict[str, Any],
) -> None:
    much = COUNT | {"confirmed": 500} | differs

    assert answered(BUDGET, evidence(1, misuse=[much]), evidence(2, misuse=[LONG])).met


def test_a_capacity_is_met_by_the_newest_statement_that_is_dated_and_large_enough() -> None:
    def stated(value: float, run_at: str = "2027-02-20T00:00:00Z", number: int = 1) -> Evidence:
        return evidence(number, run_at=run_at, capacities=[{"of": "requests_per_minute", "value": value}])

    undated = evidence(capacities=[{"of": "requests_per_minute", "value": 9_000}])

    assert answered(HEADROOM, stated(6_000)).met
    assert answered(HEADROOM, stated(5_999.5)).said == "5999.5 is below 6000 (evidence_1)"
    assert not answered(HEADROOM, stated(9_000), stated(10, "2027-02-21T00:00:00Z", 2)).met
    assert "does not say when" in answered(HEADROOM, undated).said
    assert "more than 30 days ago" in answered(HEADROOM, stated(9_000, "2027-01-01T00:00:00Z")).said
    assert answered(HEADROOM).said == "no evidence of a capacity of requests_per_minute was added"


@pytest.mark.parametrize(
    "said",
    [
        {"misuse": [COUNT | {"confirmed": 10_001, "requests": 10**6}]},
        {"misuse": [COUNT | {"confirmed": 3, "requests": 2}]},
        {"misuse": [COUNT | {"requests": 0}]},
        {"misuse": [COUNT | {"confirmed": -1}]},
        {"misuse": [COUNT | {"until": COUNT["since"]}]},
        {"misuse": [COUNT, COUNT]},
        {"misuse": [COUNT | {"since": "2027-02-20"}]},
        {"misuse": []},
        {"capacities": [{"of": "requests_per_minute", "value": "many"}]},
    ],
)
def test_a_count_that_makes_no_sense_is_no_evidence(said: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        evidence(**said)
