"""Access at any instant, at this door: told whole to those who oversee, to others about themselves and no more."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import Policy, policy_set
from gateway.access.judges.store import policy_table
from gateway.clock import text_from
from gateway.lifetime import Lifetime
from tests.fakes.premises import CLOSED, LIMITED, OPEN, Premises, closed_release


@pytest.fixture
async def recorded(house: Premises) -> Premises:
    """The policies that judge are recorded, as a gateway does when it starts."""
    await Lifetime(house.installation).record_start()
    return house


async def explain(
    house: Premises, release: str, by: str = "auditor", of: str | None = "acme", **query: Any
) -> httpx.Response:
    asked = {"of": of, "component": "inference.text"} | query
    return await house.ask(
        "GET", f"/access/{release}/explain", by, params={k: v for k, v in asked.items() if v is not None}
    )


async def told(house: Premises, release: str, by: str = "auditor", of: str | None = "acme", **query: Any) -> Any:
    answer = await explain(house, release, by, of, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def instant(house: Premises) -> str:
    """An instant that surely has been when this returns, with nothing recorded at it."""
    named = house.areas.current.clock.now().latest + 1
    while house.areas.current.clock.now().earliest <= named:
        await asyncio.sleep(0.005)
        await house.follow()
    return text_from(named)


def says(answer: Any) -> list[list[str]]:
    return [[step["kind"] for step in way] for way in answer["ways"]]


async def test_what_is_told_of_now_is_what_the_gate_would_answer_and_what_it_would_take(recorded: Premises) -> None:
    answer = await told(recorded, LIMITED)

    assert (answer["admitted"], answer["reasons"], answer["tense"]) == (False, ["grant_required"], "now")
    assert (answer["stage"]["name"], answer["coming"]["name"]) == ("trusted", "general")
    assert says(answer) == [["grant"], ["date"]]
    assert answer["holds_until"] == answer["coming"]["opens_at"] == answer["ways"][1][0]["not_before"]
    assert answer["audiences"] == [{"name": "testers", "truth": "no", "on_unknown": "deny"}]


async def test_the_past_is_answered_from_what_was_recorded_then(recorded: Premises) -> None:
    before = await instant(recorded)
    body = {"organisation": "acme", "release": LIMITED, "authority": "contract"}
    grant = (await recorded.ask("POST", "/grants", json=body)).json()
    between = await instant(recorded)
    await recorded.ask("POST", f"/grants/{grant['id']}/revoke", json={"cause": "breach"})
    after = await instant(recorded)

    answers = [await told(recorded, LIMITED, at=at) for at in (before, between, after)]

    assert [answer["admitted"] for answer in answers] == [False, True, False]
    assert [answer["reasons"] for answer in answers] == [["grant_required"], [], ["grant_ended"]]
    assert [answer["tense"] for answer in answers] == ["past"] * 3
    assert [answer["grant"] and answer["grant"]["id"] for answer in answers] == [None, grant["id"], None]


async def test_what_is_to_come_is_answered_from_what_is_recorded_now(recorded: Premises) -> None:
    coming = (await told(recorded, LIMITED))["coming"]["opens_at"]

    answer = await told(recorded, LIMITED, at=coming)

    assert (answer["admitted"], answer["tense"], answer["stage"]["name"]) == (True, "future", "general")


async def test_before_the_first_version_nothing_was_admitted(recorded: Premises) -> None:
    before = await instant(recorded)
    await recorded.apply(closed_release().replace(CLOSED, "acme/later"))

    answer = await told(recorded, "acme/later", at=before)
    absent = await explain(recorded, LIMITED, at="2024-06-01T00:00:00Z")

    assert (answer["admitted"], answer["reasons"], answer["strategy"]) == (False, ["model_not_found"], "")
    assert absent.status_code == 404
    assert absent.json()["detail"].startswith("`acme` was not there yet at that instant: it was entered at 20")


async def test_a_key_that_was_revoked_is_told_so_and_admitted_before(recorded: Premises) -> None:
    await recorded.ask("POST", "/grants", json={"organisation": "acme", "release": LIMITED, "authority": "contract"})
    key = recorded.callers["developer"].key
    before = await instant(recorded)
    await recorded.ask("POST", f"/keys/{key}/revoke", json={"cause": "lost"})

    was, is_now = await told(recorded, LIMITED, of=key, at=before), await told(recorded, LIMITED, of=key)

    assert (was["admitted"], was["key"]) == (True, key)
    assert (is_now["admitted"], is_now["reasons"]) == (False, ["key_revoked"])


async def test_a_key_that_was_rotated_ended_then_and_not_before(recorded: Premises) -> None:
    await recorded.ask("POST", "/grants", json={"organisation": "acme", "release": LIMITED, "authority": "contract"})
    key = recorded.callers["developer"].key
    before = await instant(recorded)
    first = await told(recorded, LIMITED, of=key, at=before)
    await recorded.ask("POST", f"/keys/{key}/rotate", json={"overlap_s": 3600})

    assert await told(recorded, LIMITED, of=key, at=before) == first
    assert (await told(recorded, LIMITED, of=key))["holds_until"] < first["holds_until"]


async def test_who_does_not_oversee_asks_about_themselves_and_nobody_else(recorded: Premises) -> None:
    mine = await told(recorded, OPEN, by="developer", of=None)
    assert (mine["organisation"], mine["key"]) == ("acme", recorded.callers["developer"].key)
    assert (await told(recorded, OPEN, by="developer", of="acme"))["admitted"] is False

    others = [
        await explain(recorded, OPEN, "developer", of)
        for of in ("bolt", "nobody", recorded.callers["stranger"].key, recorded.callers["auditor"].key, "0" * 12)
    ]
    assert [answer.status_code for answer in others] == [404] * 5
    assert len({answer.json()["detail"] for answer in others}) == 1


async def test_a_hidden_release_is_as_absent_as_one_that_there_is_not(recorded: Premises) -> None:
    answers = [
        await explain(recorded, release, "developer", None, **query)
        for release in (CLOSED, "acme/invented")
        for query in ({}, {"at": "2030-01-01T00:00:00Z"}, {"at": "2025-01-01T00:00:00Z"})
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.json()["detail"] for answer in answers}) == 1


async def test_a_stage_to_come_is_told_to_whom_it_is_for(recorded: Premises) -> None:
    file = """\
release: acme/partners
serves: {inference: {upstream: simulated, model: open}}
audiences: {partners: {sector: defence}}
stages:
  - {name: general, opens: 2024-01-01T00:00:00Z, access: api, to: [public], offers: [inference.text]}
  - {name: partners-only, opens: 2040-01-01T00:00:00Z, access: limited, to: [partners], offers: [inference.text]}
"""
    await recorded.apply(file)

    whole, own = await told(recorded, "acme/partners"), await told(recorded, "acme/partners", by="developer", of=None)

    assert whole["coming"]["name"] == "partners-only"
    assert own["admitted"] and own["coming"] is None and own["audiences"] == []
    assert (await told(recorded, LIMITED, by="developer", of=None))["coming"]["name"] == "general"


async def test_what_it_would_take_tells_nothing_of_stages_that_are_for_others(recorded: Premises) -> None:
    file = """\
release: acme/window
serves: {inference: {upstream: simulated, model: open}}
audiences:
  testers: {grant: required}
  gov: {sector: defence, kyc: ">= K5"}
stages:
  - {name: trusted, opens: 2024-01-01T00:00:00Z, access: limited, to: [testers], offers: [inference.text]}
  - {name: gov-window, opens: 2040-01-01T00:00:00Z, access: limited, to: [gov], offers: [inference.text]}
  - {name: general, opens: 2041-01-01T00:00:00Z, access: api, to: [public], offers: [inference.text]}
"""
    await recorded.apply(file)

    whole = await told(recorded, "acme/window")
    own = await explain(recorded, "acme/window", "developer", None)

    assert says(whole) == [["grant"], ["date"], ["fact", "fact", "date"]]
    assert says(own.json()) == [["grant"], ["date"]], "and the date is that of the stage for everybody"
    assert all(word not in own.text for word in ("gov", "defence", "K5", "2040"))


async def test_what_is_known_less_surely_than_is_asked_is_told_with_both_and_to_others_without(
    recorded: Premises,
) -> None:
    await recorded.apply("""\
release: acme/sure
serves: {inference: {upstream: simulated, model: open}}
audiences: {sure: {kyc@3: ">= K3"}}
stages: [{name: general, opens: 2024-01-01T00:00:00Z, access: api, to: [sure], offers: [inference.text]}]
""")
    answers = []
    for assurance in (1, 3):
        claim = {"name": "kyc", "value": "K4", "issuer": "registry", "assurance": assurance}
        await recorded.ask("POST", "/organisations/acme/attributes", json=claim)
        await recorded.follow()
        answers.append(await told(recorded, "acme/sure"))
    own = await told(recorded, "acme/sure", "developer", None)
    [audience] = (await recorded.ask("GET", "/releases/acme/sure")).json()["audiences"].values()

    assert [each["reasons"] for each in answers] == [["attribute_unknown"], []]
    assert [each["audiences"][0]["truth"] for each in answers] == ["unknown", "yes"]
    facts = [[(fact["name"], fact["assurance"], fact["assurance_asked"]) for fact in each["facts"]] for each in answers]
    assert facts == [[("kyc", 1, 3)], [("kyc", 3, 3)]]
    assert own["admitted"] and own["facts"][0]["assurance_asked"] == 0
    assert audience["asks"] == [{"attribute": "kyc", "op": ">=", "value": "K3", "assurance": 3}]


async def test_who_is_narrowed_is_told_neither_the_scope_nor_the_cause(recorded: Premises) -> None:
    body = {"verb": "suspend", "scope": "not us_person", "cause": "secret directive"}
    taken = (await recorded.ask("POST", f"/releases/{OPEN}/narrowings", json=body)).json()

    whole, own = await told(recorded, OPEN), await explain(recorded, OPEN, "developer", None)

    assert whole["narrowings"][0]["id"] == taken["id"]
    assert ["fact", "us_person"] in [[s["kind"], s["subject"]] for way in whole["ways"] for s in way]
    assert own.json()["reasons"][0] == "suspended"
    assert all(word not in own.text for word in ("us_person", "secret", taken["id"]))
    assert any(s["says"] == "The provider restores the release." for way in own.json()["ways"] for s in way)


@pytest.mark.parametrize(
    "query",
    [
        {"component": "inference.txt"},
        {"component": None},
        {"at": "yesterday"},
        {"at": "2300-01-01T00:00:00Z"},
        {"of": "A B"},
    ],
)
async def test_what_is_not_understood_is_refused(recorded: Premises, query: dict[str, Any]) -> None:
    assert (await explain(recorded, OPEN, **query)).status_code == 400


async def test_every_organisation_that_could_use_it_is_named_page_by_page(recorded: Premises) -> None:
    moment = recorded.areas.current.clock.now()
    for number in range(7):
        await recorded.areas.directory.create_organisation(
            recorded.callers["provider"], f"customer-{number}", "Customer", moment
        )
        if number != 3:
            body = {"organisation": f"customer-{number}", "release": LIMITED, "authority": "contract"}
            await recorded.ask("POST", "/grants", json=body)
    at = await instant(recorded)
    await recorded.ask("POST", "/organisations/customer-5/disable", json={"cause": "gone"})

    async def named(**query: Any) -> list[str]:
        found: list[str] = []
        asked: dict[str, Any] = {"component": "inference.text", "limit": 2, **query}
        while True:
            page = (await recorded.ask("GET", f"/access/{LIMITED}/organisations", "auditor", params=asked)).json()
            assert len(page["organisations"]) <= 2
            found += [each["organisation"] for each in page["organisations"]]
            if page["next"] is None:
                return found
            asked["after"] = page["next"]

    assert await named() == [f"customer-{number}" for number in (0, 1, 2, 4, 6)]
    assert await named(at=at) == [f"customer-{number}" for number in (0, 1, 2, 4, 5, 6)]


async def test_the_policies_of_then_judge_the_past_and_no_others_do(recorded: Premises) -> None:
    """Other policies come into force, and what is kept of the ones before is lost."""
    installation = recorded.installation
    before = await instant(recorded)
    was = await told(recorded, LIMITED, at=before)
    accepted, never = b"every_term_is_accepted if input.terms_missing == []", b"every_term_is_accepted if false"
    shut = policy_set(
        Policy(each.name, each.source.replace(accepted, never)) for each in installation.policies.policies
    )
    other = EmbeddedJudge(shut, timeout_s=5)
    await other.start()
    installation.policies, installation.judge, installation.judging._judge = shut, other, other
    await Lifetime(installation).record_start()
    await recorded.ask("POST", "/grants", json={"organisation": "acme", "release": LIMITED, "authority": "contract"})

    is_now, then = await told(recorded, LIMITED), await told(recorded, LIMITED, at=before)

    assert (is_now["policy"], is_now["reasons"]) == (shut.digest, ["terms_not_accepted"])
    assert then == was and then["policy"] != shut.digest
    await installation.explaining.stop()
    await installation.database.write(
        lambda c: c.execute(delete(policy_table).where(policy_table.c.digest != shut.digest))
    )
    lost = await explain(recorded, LIMITED, at=before)
    assert (lost.status_code, lost.json()["code"]) == (409, "policy_not_kept")
    await other.stop()
