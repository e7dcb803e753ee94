"""A capped stage at a whole gateway: who is let in, who waits, what they are told, and whose place is freed."""

from typing import Any

import pytest

from gateway.access.refusals import Refused
from gateway.identity.callers import Role
from gateway.releases.components import Component
from tests.builders import a_call
from tests.fakes.premises import Premises

CAPPED = "acme/capped"


def capped(cap: str, more: str = "") -> str:
    return f"""\
release: {CAPPED}
serves: {{inference: {{upstream: simulated, model: atlas}}}}
stages:
  - {{name: preview, opens: 2024-01-01T00:00:00Z, access: api, to: [public], cap: {cap}{more}}}
"""


async def call(house: Premises, name: str) -> str:
    """The code with which a call of somebody's is refused, or empty."""
    caller = house.callers[name]
    try:
        async with house.gate.admit(caller, Component.TEXT, CAPPED, a_call()):
            return ""
    except Refused as refused:
        return f"{refused.code}: {refused.message}"
    finally:
        await house.follow()


async def listed(house: Premises, name: str) -> bool:
    standings = await house.installation.usable.models(house.callers[name])
    return CAPPED in [standing.in_force.strategy.release for standing in standings]


@pytest.fixture
async def crowd(house: Premises) -> Premises:
    """The house with three organisations more."""
    for name in ("ann", "ben", "cleo"):
        await house.ask("POST", "/organisations", json={"id": name, "name": name})
        await house.enter(name, name, Role.DEVELOPER)
    return house


async def test_the_first_are_let_in_the_rest_wait_and_what_is_listed_can_be_used(crowd: Premises) -> None:
    await crowd.apply(capped("1"))

    before = [await listed(crowd, name) for name in ("ann", "ben")]
    told = [await call(crowd, name) for name in ("ann", "ben", "cleo", "ann")]

    assert before == [True, True], "while there is a place, whoever calls gets it"
    assert told[0] == told[3] == ""
    assert "admits 1 organisation," in told[1] and "number 1 of those who wait" in told[1]
    assert told[2].startswith("stage_full") and "number 2" in told[2]
    assert [await listed(crowd, name) for name in ("ann", "ben", "cleo")] == [True, False, False]


async def me(house: Premises, name: str) -> dict[str, Any]:
    answer = await house.ask("GET", "/me", name)
    return next(each for each in answer.json()["releases"] if each["release"] == CAPPED)


async def test_whoever_waits_sees_where_and_is_let_in_as_a_place_is_freed(crowd: Premises) -> None:
    await crowd.apply(capped("1"))
    for name in ("ann", "ben", "cleo"):
        await call(crowd, name)
    page = await crowd.ask("GET", f"/releases/{CAPPED}/lines/preview/places")
    waited = [(await me(crowd, name))["waits_at"] for name in ("ann", "ben", "cleo")]
    ann = page.json()["places"][0]

    freed = await crowd.ask("POST", f"/places/{ann['id']}/free", json={"cause": "left"})

    assert waited == [None, 1, 2]
    assert [(each["organisation"], each["admitted_to"]) for each in page.json()["places"]] == [
        ("ann", ["preview"]), ("ben", []), ("cleo", []),
    ]  # fmt: skip
    assert freed.json()["lets_in"] == ["ben"]
    assert await call(crowd, "ben") == ""
    assert (await me(crowd, "ben"))["components"] == ["inference.text"]
    assert (await call(crowd, "ann")).startswith("stage_full"), "whoever left stands last"
    lines = await crowd.ask("GET", f"/releases/{CAPPED}/lines")
    assert lines.json()["lines"] == [{"line": "preview", "caps": {"preview": 1}, "standing": 3}]


async def test_freeing_a_place_cuts_what_its_holder_has_under_way(crowd: Premises) -> None:
    await crowd.apply(capped("1"))
    await call(crowd, "ben")
    page = await crowd.ask("GET", f"/releases/{CAPPED}/lines/preview/places")
    await call(crowd, "cleo")

    async with crowd.gate.admit(crowd.callers["ben"], Component.TEXT, CAPPED, a_call()) as passage:
        await crowd.ask("POST", f"/places/{page.json()['places'][0]['id']}/free", json={"cause": "left"})
        cut = passage.cut_reason

    assert cut == "stage_full"
    assert await call(crowd, "cleo") == ""


async def test_a_grant_that_is_revoked_gives_its_place_to_whoever_waits_next(crowd: Premises) -> None:
    by_grant = capped("1").replace("access: api, to: [public]", "access: limited, to: [testers]")
    await crowd.apply(by_grant.replace("stages:", "audiences: {testers: {grant: required}}\nstages:"))
    grants = {}
    for name in ("ann", "ben"):
        given = {"organisation": name, "release": CAPPED, "authority": "contract"}
        grants[name] = (await crowd.ask("POST", "/grants", json=given)).json()["id"]
        await crowd.follow()
    before = [await call(crowd, name) for name in ("ann", "ben")]

    await crowd.ask("POST", f"/grants/{grants['ann']}/revoke", json={"cause": "left"})
    await crowd.follow()
    await crowd.installation.place_chaser.look()
    await crowd.follow()

    assert [told.split(":")[0] for told in before] == ["", "stage_full"]
    assert [(await call(crowd, name)).split(":")[0] for name in ("ann", "ben")] == ["grant_ended", ""]
    entries = (await crowd.ask("GET", "/ledger?event=place:freed", "auditor")).json()["entries"]
    assert [(each["body"]["organisation"], each["body"]["detail"]["lets_in"]) for each in entries] == [("ann", ["ben"])]
    assert await crowd.installation.place_chaser.look() == 0


async def test_a_higher_cap_lets_in_whoever_waits(crowd: Premises) -> None:
    await crowd.apply(capped("1"))
    for name in ("ann", "ben", "cleo"):
        await call(crowd, name)

    await crowd.apply(capped("2"))

    assert [await call(crowd, name) == "" for name in ("ann", "ben", "cleo")] == [True, True, False]


async def test_nobody_takes_a_place_who_is_refused_for_something_else(crowd: Premises) -> None:
    await crowd.apply(
        capped("1", ", conditions: {terms: [aup]}").replace("stages:", "terms: {aup: terms/aup.md}\nstages:")
    )

    assert (await call(crowd, "ann")).startswith("terms_not_accepted")
    lines = await crowd.ask("GET", f"/releases/{CAPPED}/lines")
    assert lines.json()["lines"][0]["standing"] == 0


async def test_a_later_version_cannot_say_that_a_review_was_missed(crowd: Premises) -> None:
    late = ", review_by: 2025-01-01T00:00:00Z, if_overdue: freeze"
    await crowd.apply(capped("2"))

    refused = await crowd.ask("POST", "/releases", json={"file": capped("2", late), "documents": {}})
    assert refused.status_code == 400 and "lies in the past" in refused.text


async def test_a_stage_that_was_to_be_reviewed_takes_nobody_new_keeps_the_rest_and_is_chased_once(
    crowd: Premises,
) -> None:
    late = ", review_by: 2025-01-01T00:00:00Z, if_overdue: freeze"
    await crowd.apply(capped("2", late))

    told = await call(crowd, "ann")
    await crowd.installation.stage_chaser.look()
    await crowd.installation.stage_chaser.look()

    shown = (await crowd.ask("GET", f"/releases/{CAPPED}")).json()
    entries = (await crowd.ask("GET", "/ledger?event=stage:overdue", "auditor")).json()["entries"]
    assert told.startswith("stage_frozen")
    assert not await listed(crowd, "ann")
    assert shown["stages"][0]["review"] == {"by": "2025-01-01T00:00:00Z", "if_overdue": "freeze", "overdue": True}
    assert [entry["body"]["detail"]["stage"] for entry in entries] == ["preview"]
    assert crowd.installation.stage_chaser.count() == 1


ASKED = f"""\
release: {CAPPED}
serves: {{inference: {{upstream: simulated, model: atlas}}}}
stages:
  - name: window
    opens: 2024-01-01T00:00:00Z
    access: api
    to: [public]
    conditions: {{concurrence: Department of Commerce}}
"""


async def test_an_authority_agrees_to_one_organisation_and_to_no_other_until_it_is_withdrawn(crowd: Premises) -> None:
    await crowd.apply(ASKED)
    order = {
        "organisation": "ann", "release": CAPPED, "authority": "Department of Commerce", "reference": "letter 7",
        "expires_at": "2100-01-01T00:00:00Z",
    }  # fmt: skip
    before = await call(crowd, "ann")

    given = await crowd.ask("POST", "/concurrences", "approver", json=order)
    after = [await call(crowd, name) for name in ("ann", "ben")]
    async with crowd.gate.admit(crowd.callers["ann"], Component.TEXT, CAPPED, a_call()) as passage:
        await crowd.ask("POST", f"/concurrences/{given.json()['id']}/withdraw", json={"cause": "letter 8"})
        cut = passage.cut_reason

    assert before.startswith("concurrence_required")
    assert (given.status_code, given.json()["state"], given.json()["warnings"]) == (201, "standing", [])
    assert after[0] == "" and after[1].startswith("concurrence_required")
    assert cut == "concurrence_ended"
    assert (await call(crowd, "ann")).startswith("concurrence_ended")
    listed_ones = (await crowd.ask("GET", "/concurrences?organisation=ann")).json()["concurrences"]
    assert [each["state"] for each in listed_ones] == ["withdrawn"]


async def test_a_concurrence_that_no_stage_asks_for_is_recorded_with_a_warning(crowd: Premises) -> None:
    await crowd.apply(ASKED)
    order = {
        "organisation": "ann", "release": CAPPED, "authority": "Somebody", "reference": "x",
        "expires_at": "2100-01-01T00:00:00Z",
    }  # fmt: skip

    given = await crowd.ask("POST", "/concurrences", json=order)
    unknown = await crowd.ask("POST", "/concurrences", json=order | {"organisation": "nobody"})
    over = await crowd.ask("POST", "/concurrences", json=order | {"expires_at": "2020-01-01T00:00:00Z"})

    assert "Department of Commerce" in given.json()["warnings"][0]
    assert (unknown.status_code, over.status_code) == (400, 400)


async def test_nobody_stands_in_line_before_they_have_accepted_the_terms(crowd: Premises) -> None:
    with_terms = capped("1", ", conditions: {terms: [aup]}").replace("stages:", "terms: {aup: terms/aup.md}\nstages:")
    await crowd.apply(with_terms)
    [text] = (await crowd.ask("GET", f"/releases/{CAPPED}/terms", "ann")).json()
    for name in ("ann", "cleo"):
        await crowd.ask("POST", f"/releases/{CAPPED}/terms/aup/accept", name, json={"digest": text["digest"]})
    await crowd.follow()

    told = [await call(crowd, name) for name in ("ann", "ben", "cleo")]

    assert [each.split(":")[0] for each in told] == ["", "terms_not_accepted", "stage_full"]
    assert [(await me(crowd, name))["waits_at"] for name in ("ben", "cleo")] == [None, 1], "ben has asked for no place"
