"""Reports over the door: made from what is in force and on record, as of any instant."""

import asyncio
from typing import Any

import pytest

from gateway.clock import Moment, instant_written, text_from
from gateway.ledger.store import Actor
from gateway.lifetime import Lifetime
from gateway.releases.narrowings import Verb
from gateway.releases.restraint import Order
from tests.fakes.premises import LIMITED, OPEN, Premises, open_release

KINDS = ("sb53", "decision-record", "specialised-access")


def table(report: dict[str, Any], title: str) -> list[list[str]]:
    """Rows of the section whose title begins so."""
    (found,) = [section for section in report["sections"] if section["title"].startswith(title)]
    rows: list[list[str]] = found["table"]["rows"]
    return rows


async def test_a_decision_record_holds_every_version_that_the_ledger_has(house: Premises) -> None:
    await house.apply(open_release().replace("requests_per_minute: 60", "requests_per_minute: 5"))
    record = (await house.ask("GET", f"/releases/{OPEN}/reports/decision-record", by="auditor")).json()

    held = table(record, "What the ledger holds")
    entry = (await house.ask("GET", f"/ledger/{held[-1][0]}", by="auditor")).json()["entry"]
    assert (record["number"], [row[2] for row in held]) == (2, ["release:applied"] * 2)
    assert (entry["leaf_hash"], entry["body"]["release"]) == (held[-1][-1], OPEN)


async def test_a_record_of_the_past_knows_nothing_of_what_came_after(house: Premises) -> None:
    first = (await house.ask("GET", f"/releases/{OPEN}")).json()["applied_at"]
    path = f"/releases/{OPEN}/reports/decision-record"
    before = (await house.ask("GET", path, params={"at": first})).json()
    await house.apply(open_release().replace("requests_per_minute: 60", "requests_per_minute: 5"))

    after, now = [(await house.ask("GET", path, params=asked)).json() for asked in ({"at": first}, {})]

    assert (before["number"], now["number"]) == (1, 2)
    assert after == before


async def test_specialised_access_counts_who_holds_a_grant_by_sector(house: Premises) -> None:
    for i in range(6):
        organisation = f"lab-{i}"
        await house.ask("POST", "/organisations", json={"id": organisation, "name": organisation})
        await house.ask(
            "POST",
            f"/organisations/{organisation}/attributes",
            json={"name": "sector", "value": "academia", "issuer": "registry"},
        )
        await house.ask("POST", "/grants", json={"organisation": organisation, "release": LIMITED, "authority": "x"})
    await house.ask("POST", "/grants", json={"organisation": "acme", "release": LIMITED, "authority": "x"})

    report = (await house.ask("GET", f"/releases/{LIMITED}/reports/specialised-access")).json()

    counted = dict(table(report, "Organisations"))
    assert (counted["academia"], counted["unknown"], counted["industry"]) == ("6", "fewer than 5", "0")
    assert "lab-0" not in str(report) and "acme" not in str(report["sections"])


@pytest.mark.parametrize("kind", KINDS)
async def test_a_report_on_what_is_not_there_is_not_found(house: Premises, kind: str) -> None:
    assert (await house.ask("GET", f"/releases/acme/nothing/reports/{kind}")).status_code == 404


async def test_a_report_that_nobody_makes_is_told_as_that(house: Premises) -> None:
    answer = await house.ask("GET", f"/releases/{OPEN}/reports/horoscope")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("by", ["developer", "staff"])
async def test_reports_are_for_those_who_oversee(house: Premises, by: str) -> None:
    answers = [await house.ask("GET", f"/releases/{OPEN}/reports/{kind}", by=by) for kind in KINDS]

    assert [answer.status_code for answer in answers] == [403] * 3


async def test_what_is_recorded_later_changes_no_answer_about_the_past(house: Premises) -> None:
    await Lifetime(house.installation).record_start()
    await house.ask("POST", "/grants", json={"organisation": "acme", "release": LIMITED, "authority": "x"})
    at = text_from(house.areas.current.clock.now().latest + 1)
    while text_from(house.areas.current.clock.now().earliest) <= at:
        await asyncio.sleep(0.005)
        await house.follow()
    paths = [f"reports/{kind}" for kind in KINDS] + ["label", "classification", "timeline", "timeline.svg"]

    async def told() -> list[str]:
        return [(await house.ask("GET", f"/releases/{LIMITED}/{path}", params={"at": at})).text for path in paths]

    before = await told()
    for number in range(6):
        name = f"lab-{number}"
        claim = {"name": "sector", "value": "academia", "issuer": "registry", "asserted_at": "2024-01-01T00:00:00Z"}
        given = {"organisation": name, "release": LIMITED, "authority": "x", "starts_at": "2026-01-01T00:00:00Z"}
        await house.ask("POST", "/organisations", json={"id": name, "name": name})
        await house.ask("POST", f"/organisations/{name}/attributes", json=claim)
        await house.ask("POST", "/grants", json=given)
    asked_for_before = Moment(instant_written(at) - 1, instant_written(at) - 1)  # and recorded only now
    order = Order(release=LIMITED, verb=Verb.SUSPEND, cause="order")
    await house.areas.restraint.take(Actor(key="Pro000000000", organisation="provider"), order, asked_for_before)
    now = (await house.ask("GET", f"/releases/{LIMITED}/label")).json()["label"]

    assert await told() == before
    assert now["access"]["label"] == "closed" and now["narrowings"]
