"""Narrowing at this door: one person, a preview that writes nothing, and a reason that tells no cause."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, update

from gateway.clock import text_from
from gateway.identity.callers import Role
from gateway.releases.store import narrowing_table
from tests.control.test_changes import usable
from tests.fakes.premises import CLOSED, LIMITED, Premises

PATH = f"/releases/{LIMITED}/narrowings"
CAUSE = "secret directive 17"


async def take(house: Premises, verb: str, by: str = "provider", **given: Any) -> httpx.Response:
    return await house.ask("POST", PATH, by, json={"verb": verb, "cause": CAUSE} | given)


@pytest.fixture
async def admitted(house: Premises) -> Premises:
    """The developer's organisation is admitted to the limited release."""
    await house.ask("POST", "/grants", json={"organisation": "acme", "release": LIMITED, "authority": "contract"})
    assert await usable(house, "developer", LIMITED) == "yes"
    return house


@pytest.mark.parametrize("by", ["provider", "approver"])
@pytest.mark.parametrize(
    ("verb", "code"),
    [
        ("suspend", "suspended"),
        ("withdraw", "withdrawn"),
        ("recall", "recalled"),
        ("embargo", "model_not_found"),
    ],
)
async def test_one_person_takes_it_away_and_the_inverse_gives_it_back(
    admitted: Premises, by: str, verb: str, code: str
) -> None:
    taken = await take(admitted, verb, by)
    narrowed = await usable(admitted, "developer", LIMITED)
    restored = await take(admitted, "restore", by)

    assert (taken.status_code, taken.json()["state"]) == (201, "in force")
    assert narrowed == code
    assert (restored.status_code, restored.json()["inverse_of"]) == (201, taken.json()["id"])
    assert await usable(admitted, "developer", LIMITED) == "yes"


async def test_a_scope_takes_it_from_those_in_it_alone_and_a_partial_restoration_from_fewer(admitted: Premises) -> None:
    attribute = {"name": "us_person", "value": False, "issuer": "registry", "assurance": 3}
    outside = await take(admitted, "suspend", scope="organisation = bolt")
    untouched = await usable(admitted, "developer", LIMITED)
    inside = await take(admitted, "suspend", scope="not us_person")
    unknown = await usable(admitted, "developer", LIMITED)
    await admitted.ask("POST", "/organisations/acme/attributes", json=attribute)
    known = await usable(admitted, "developer", LIMITED)
    await take(admitted, "restore", scope="organisation = acme", inverse_of=inside.json()["id"])

    assert (outside.status_code, inside.status_code) == (201, 201)
    assert (untouched, unknown, known) == ("yes", "suspended", "suspended")
    assert await usable(admitted, "developer", LIMITED) == "yes"
    listed = (await admitted.ask("GET", PATH)).json()["narrowings"]
    assert [(n["verb"], n["state"], n["restored_for"]) for n in listed] == [
        ("restore", "done", []),
        ("suspend", "in force", ["organisation = acme"]),
        ("suspend", "in force", []),
    ]


async def test_what_a_scope_asks_more_surely_than_it_is_known_is_unknown_to_it(admitted: Premises) -> None:
    answers = []
    for assurance in (1, 2):
        claim = {"name": "us_person", "value": True, "issuer": "registry", "assurance": assurance}
        await admitted.ask("POST", "/organisations/acme/attributes", json=claim)
        for on_unknown in ("deny", "allow"):
            taken = await take(admitted, "suspend", scope="not  us_person@2", on_unknown=on_unknown)
            answers.append(await usable(admitted, "developer", LIMITED))
            await take(admitted, "restore", inverse_of=taken.json()["id"])

    assert taken.json()["scope"] == "not us_person@2"
    assert answers == ["suspended", "yes", "yes", "yes"]


async def test_a_scope_names_organisations_that_there_are_and_is_warned_of_where_it_concerns_none(
    admitted: Premises,
) -> None:
    preview = {"verb": "suspend", "cause": CAUSE, "scope": "not organisation in [acme, bolt, globx]"}
    missing = [await take(admitted, "suspend", scope=preview["scope"])]
    missing.append(await admitted.ask("POST", f"{PATH}/preview", json=preview))
    nobody = "organisation = acme and role = staff"
    empty = await take(admitted, "suspend", scope=nobody)
    unknown = await take(admitted, "suspend", scope="us_person")
    let_in = await take(admitted, "suspend", scope="us_person", on_unknown="allow")
    foreseen = await admitted.ask("POST", f"{PATH}/preview", json=preview | {"scope": nobody})

    assert {(answer.status_code, answer.json()["param"]) for answer in missing} == {(400, "scope")}
    assert "no organisation `globx`" in missing[0].json()["detail"]
    told = [len(answer.json()["warnings"]) for answer in (empty, unknown, let_in, foreseen)]
    assert told == [1, 0, 1, 1]


async def test_everything_that_shows_a_release_shows_what_narrows_it(admitted: Premises) -> None:
    then = (await admitted.ask("GET", f"/releases/{LIMITED}")).json()
    taken = (await take(admitted, "suspend", authority="Bureau 9")).json()

    async def get(what: str, **query: str) -> Any:
        return (await admitted.ask("GET", f"/releases/{LIMITED}{what}", "auditor", params=query)).json()

    shown, label, line = await get(""), (await get("/label"))["label"], await get("/timeline")
    picture = (await admitted.ask("GET", f"/releases/{LIMITED}/timeline.svg")).text
    record = (await admitted.ask("GET", f"/releases/{LIMITED}/reports/decision-record")).text
    public = (await admitted.ask("GET", f"/releases/{LIMITED}/reports/sb53")).text
    [listed] = [
        each for each in (await admitted.ask("GET", "/releases")).json()["releases"] if each["release"] == LIMITED
    ]

    assert then["stages"][0]["state"] == "open" and not then["narrowings"]
    assert shown["stages"][0]["state"] == "suspended" and CAUSE in shown["narrowings"][0]
    assert taken["taken_by"] in shown["narrowings"][0] and "Bureau 9" in shown["narrowings"][0]
    assert (label["access"]["label"], listed["narrowed"]) == ("closed", "suspended for everybody")
    assert (line["stands"], line["narrowings"][0]["id"]) == ("trusted is suspended for everybody", taken["id"])
    assert CAUSE in picture and CAUSE in record
    assert "suspended for everybody" in public and CAUSE not in public
    before = {"at": "2024-12-01T00:00:00Z"}
    assert (await get("/timeline", **before))["narrowings"] == []
    assert (await get("/label", **before))["label"]["narrowings"] == []


async def test_what_narrowed_a_release_then_is_told_though_it_was_restored_since(admitted: Premises) -> None:
    await take(admitted, "suspend")
    await asyncio.sleep(0.05)
    then = admitted.installation.ledger.now().latest
    await asyncio.sleep(0.05)
    await take(admitted, "restore")

    asked = {"at": text_from(then)}
    past = (await admitted.ask("GET", f"/releases/{LIMITED}/label", params=asked)).json()["label"]
    now = (await admitted.ask("GET", f"/releases/{LIMITED}/label")).json()["label"]

    assert (past["access"]["label"], now["access"]["label"]) == ("closed", "limited")


async def review(house: Premises, narrowing: str, by: str, verdict: str = "confirm", **more: str) -> tuple[int, str]:
    body = {"verdict": verdict, "cause": "looked at it"} | more
    answer = await house.ask("POST", f"{PATH}/{narrowing}/review", by, json=body)
    told = answer.json()
    return answer.status_code, told.get("code") or told["review"]


@pytest.fixture
async def staffed(admitted: Premises) -> Premises:
    """People of whom none issued another's key, and one who has two keys by rotation."""
    await admitted.enter("taker", "provider", Role.PROVIDER)
    await admitted.enter("second", "provider", Role.APPROVER)
    rotated = await admitted.ask("POST", f"/keys/{admitted.callers['taker'].key}/rotate", "provider", json={})
    await admitted.remember("taker-again", rotated.json()["token"])
    return admitted


async def test_a_second_person_reviews_and_nobody_their_own_under_any_key(staffed: Premises) -> None:
    taken = (await take(staffed, "suspend", "taker")).json()

    alone = [await review(staffed, taken["id"], who) for who in ("taker", "taker-again", "provider")]
    told = [await review(staffed, taken["id"], who) for who in ("second", "analyst")]

    assert taken["review"] == "due" and taken["review_by"] > taken["taken_at"]
    assert alone == [(409, "self_approved"), (409, "self_approved"), (409, "related_to_author")]
    assert told == [(200, "confirmed"), (409, "no_review_due")]
    assert await usable(staffed, "developer", LIMITED) == "suspended"
    [listed] = (await staffed.ask("GET", PATH)).json()["narrowings"]
    assert listed["reviewed_by"] == staffed.callers["second"].key
    assert "confirmed by" in (await staffed.ask("GET", f"/releases/{LIMITED}")).json()["narrowings"][0]


async def test_a_second_person_undoes_what_one_narrowed(staffed: Premises) -> None:
    taken = (await take(staffed, "suspend", "taker")).json()

    assert await review(staffed, taken["id"], "second", "undo") == (200, "undone")
    assert await usable(staffed, "developer", LIMITED) == "yes"
    assert (await staffed.ask("GET", f"/releases/{LIMITED}")).json()["narrowings"] == []


async def test_a_late_review_is_chased_once_counted_and_shown_and_the_narrowing_stays(staffed: Premises) -> None:
    taken = (await take(staffed, "suspend", "taker")).json()
    now = staffed.installation.ledger.now().latest

    def make_late(connection: Connection) -> None:
        connection.execute(update(narrowing_table).values(review_by=now - 1))

    await staffed.installation.database.write(make_late)
    await staffed.installation.review_chaser.look()
    await staffed.installation.review_chaser.look()
    await staffed.settle()

    entries = (await staffed.ask("GET", "/ledger?event=narrowing:unreviewed", "auditor")).json()["entries"]
    shown = (await staffed.ask("GET", f"/releases/{LIMITED}")).json()["narrowings"]
    listed = (await staffed.ask("GET", "/releases")).json()["releases"]
    assert [entry["body"]["subject"] for entry in entries] == [taken["id"]]
    assert "review is overdue" in shown[0]
    assert [each["narrowed"] for each in listed if each["release"] == LIMITED] == [
        "suspended for everybody, review overdue"
    ]
    assert staffed.installation.review_chaser.overdue == 1
    assert await usable(staffed, "developer", LIMITED) == "suspended"


async def test_what_is_no_narrowing_of_this_release_is_not_reviewed(staffed: Premises) -> None:
    elsewhere = (
        await staffed.ask("POST", f"/releases/{CLOSED}/narrowings", json={"verb": "hold", "cause": "x"})
    ).json()

    assert await review(staffed, elsewhere["id"], "second") == (404, "not_found")
    assert await review(staffed, "narrowing_" + "0" * 24, "second") == (404, "not_found")
    assert (await review(staffed, elsewhere["id"], "developer"))[0] == 403


async def test_the_unknown_pass_where_the_suspension_says_so(admitted: Premises) -> None:
    await take(admitted, "suspend", scope="not us_person", on_unknown="allow")

    assert await usable(admitted, "developer", LIMITED) == "yes"


async def test_whoever_is_narrowed_is_told_the_reason_and_never_the_cause(admitted: Premises) -> None:
    await take(admitted, "suspend", authority="Bureau 9")

    me = await admitted.ask("GET", "/me", by="developer")
    [release] = [each for each in me.json()["releases"] if each["release"] == LIMITED]
    assert release["components"] == [] and release["missing"][0]["code"] == "suspended"
    assert CAUSE not in me.text and "Bureau" not in me.text
    assert (await admitted.ask("GET", PATH, by="developer")).status_code == 403


async def test_an_embargoed_release_is_not_there_for_a_caller_just_as_one_that_never_was(admitted: Premises) -> None:
    await take(admitted, "embargo")

    me = await admitted.ask("GET", "/me", by="developer")
    terms = await admitted.ask("GET", f"/releases/{LIMITED}/terms", by="developer")
    invented = await admitted.ask("GET", "/releases/acme/invented/terms", by="developer")
    assert LIMITED not in me.text
    assert terms.status_code == invented.status_code == 404
    assert terms.json() | {"request_id": ""} == invented.json() | {"request_id": ""}


async def test_a_preview_counts_and_changes_nothing(admitted: Premises) -> None:
    attribute = {"name": "us_person", "value": True, "issuer": "registry", "assurance": 3}
    await admitted.ask("POST", "/organisations/acme/attributes", json=attribute)
    body = {"verb": "suspend", "scope": "not  us_person", "cause": CAUSE}

    preview = await admitted.ask("POST", f"{PATH}/preview", json=body)

    told = preview.json()
    assert preview.status_code == 200, preview.text
    assert (told["scope"], told["inside"], told["unknown"], told["outside"]) == ("not us_person", 0, 2, 1)
    assert told["named_unknown"] == ["bolt", "provider"]
    assert told["affected"] == {"losing": 0, "gaining": 0, "named": []}, "who is admitted is outside"
    assert await usable(admitted, "developer", LIMITED) == "yes"
    assert (await admitted.ask("GET", PATH)).json() == {"narrowings": [], "next": None}


async def test_a_grant_given_under_a_hold_says_that_it_admits_nobody_yet_and_then_does(admitted: Premises) -> None:
    held = await take(admitted, "hold")
    body = {"organisation": "bolt", "release": LIMITED, "authority": "contract"}

    given = (await admitted.ask("POST", "/grants", json=body)).json()
    meanwhile = await usable(admitted, "stranger", LIMITED), await usable(admitted, "developer", LIMITED)
    await take(admitted, "restore")

    [warning] = given["warnings"]
    assert held.json()["id"] in warning and "admitted anew" in warning
    assert meanwhile == ("held", "yes")
    assert await usable(admitted, "stranger", LIMITED) == "yes"


async def test_a_preview_tells_who_really_loses_access_and_who_gets_it_back(admitted: Premises) -> None:
    order = {"verb": "suspend", "cause": CAUSE}

    suspending = (await admitted.ask("POST", f"{PATH}/preview", json=order)).json()
    await take(admitted, "suspend")
    again = (await admitted.ask("POST", f"{PATH}/preview", json=order)).json()
    restoring = (await admitted.ask("POST", f"{PATH}/preview", json=order | {"verb": "restore"})).json()
    some = {"verb": "restore", "cause": CAUSE, "scope": "organisation = bolt"}
    of_others = (await admitted.ask("POST", f"{PATH}/preview", json=some)).json()

    assert (suspending["inside"], suspending["affected"]) == (3, {"losing": 1, "gaining": 0, "named": ["acme"]})
    assert again["affected"] == of_others["affected"] == {"losing": 0, "gaining": 0, "named": []}
    assert restoring["affected"] == {"losing": 0, "gaining": 1, "named": ["acme"]}


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"verb": "suspend", "cause": "x", "scope": "not"}, 400, "scope"),
        ({"verb": "roll_back", "cause": "x", "stage": "general"}, 400, "stage"),
        ({"verb": "hold", "cause": "x", "until": "2024-01-01T00:00:00Z"}, 400, "until"),
        ({"verb": "pause", "cause": "x"}, 400, None),
        ({"verb": "suspend"}, 400, None),
        ({"verb": "suspend", "cause": "x", "reason": "y"}, 400, None),
        ({"verb": "restore", "cause": "x"}, 409, None),
        ({"verb": "restore", "cause": "x", "inverse_of": "narrowing_" + "0" * 24}, 404, None),
    ],
)
async def test_what_cannot_be_done_is_told_before_and_when_it_is_asked(
    house: Premises, body: dict[str, str], status: int, param: str | None
) -> None:
    answers = [await house.ask("POST", path, json=body) for path in (f"{PATH}/preview", PATH)]

    assert [answer.status_code for answer in answers] == [status, status]
    assert param is None or [answer.json()["param"] for answer in answers] == [param, param]


async def test_a_release_that_there_is_not_has_no_narrowings(house: Premises) -> None:
    body = {"verb": "suspend", "cause": "x"}

    answers = [
        await house.ask("GET", "/releases/acme/none/narrowings"),
        await house.ask("POST", "/releases/acme/none/narrowings", json=body),
        await house.ask("POST", "/releases/acme/none/narrowings/preview", json=body),
    ]

    assert {answer.status_code for answer in answers} == {404}


async def test_history_is_read_page_by_page(house: Premises) -> None:
    path = f"/releases/{CLOSED}/narrowings"
    for _ in range(3):
        await house.ask("POST", path, json={"verb": "suspend", "cause": "x"})

    first = (await house.ask("GET", path, params={"limit": 2})).json()
    rest = (await house.ask("GET", path, params={"limit": 2, "before": first["next"]})).json()

    assert (len(first["narrowings"]), len(rest["narrowings"]), rest["next"]) == (2, 1, None)
