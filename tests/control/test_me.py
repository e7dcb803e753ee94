"""Who I am and what I may use: what is told is what the gate does."""

from datetime import UTC, datetime, timedelta

from gateway.releases.components import Component
from tests.builders import a_call
from tests.fakes.premises import CLOSED, LIMITED, OPEN, Premises, open_release


async def test_whoever_asks_sees_who_they_are(house: Premises) -> None:
    answer = await house.ask("GET", "/me", by="developer")

    me = answer.json()
    assert answer.status_code == 200
    assert (me["organisation"], me["roles"]) == ("acme", ["developer"])
    assert me["key"]["id"] == house.callers["developer"].key


async def test_what_is_missing_is_told_with_its_next_step(house: Premises) -> None:
    me = (await house.ask("GET", "/me", by="developer")).json()

    opened = _release(me, OPEN)
    assert opened["components"] == []
    assert opened["missing"][0]["code"] == "terms_not_accepted"
    assert "gateway terms" in opened["missing"][0]["next_step"]
    assert [text["accepted"] for text in opened["terms"]] == [False]


async def test_a_release_that_opens_later_says_when(house: Premises) -> None:
    me = (await house.ask("GET", "/me", by="developer")).json()

    missing = _release(me, LIMITED)["missing"][0]
    assert missing["code"] == "grant_required"
    assert "https://example.com/ask" in missing["next_step"]
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert datetime.fromisoformat(missing["opens_at"]) - midnight in {timedelta(days=9 + n) for n in (0, 1, 2)}


async def test_a_release_whose_only_stage_has_closed_says_so(house: Premises) -> None:
    await house.apply(
        """\
release: acme/over
serves: {inference: {upstream: simulated, model: over}}
stages:
  - name: preview
    opens: 2024-01-01T00:00:00Z
    closes: 2024-06-01T00:00:00Z
    access: api
    to: [public]
    offers: [inference.text]
"""
    )

    over = _release((await house.ask("GET", "/me", by="developer")).json(), "acme/over")

    assert (over["stage"], over["components"]) == (None, [])
    assert [(each["component"], each["code"]) for each in over["missing"]] == [("inference.text", "stage_closed")]


async def test_a_stage_that_closes_by_itself_says_when(house: Premises) -> None:
    closes = "2100-06-01T00:00:00Z"
    await house.apply(open_release().replace("access: api", f"closes: {closes}\n    access: api"))

    me = (await house.ask("GET", "/me", by="developer")).json()

    assert (_release(me, OPEN)["closes_at"], _release(me, LIMITED)["closes_at"]) == (closes, None)


async def test_a_closed_release_is_told_to_staff_and_hidden_from_everybody_else(house: Premises) -> None:
    staff = (await house.ask("GET", "/me", by="staff")).json()
    developer = (await house.ask("GET", "/me", by="developer")).json()

    assert _release(staff, CLOSED)["components"] == ["inference.text"]
    assert CLOSED not in str(developer)


async def test_what_was_used_is_told_with_its_limits(house: Premises) -> None:
    text = (await house.ask("GET", f"/releases/{OPEN}/terms/aup", by="developer")).json()
    await house.ask("POST", f"/releases/{OPEN}/terms/aup/accept", by="developer", json={"digest": text["digest"]})
    async with house.gate.admit(
        house.callers["developer"], Component.TEXT, OPEN, a_call(tokens_in_max=100, output_tokens=50)
    ) as passage:
        during = _release((await house.ask("GET", "/me", by="developer")).json(), OPEN)
        passage.sent = True
        passage.report(10, 20)

    assert during["components"] == ["inference.text"]
    assert during["limits"] == {"requests_per_minute": 60, "tokens_per_day": 1000, "max_output_tokens": None}
    assert during["used"] == {"requests_last_minute": 1, "requests_today": 1, "tokens_today": 150}


async def test_a_key_narrowed_to_inference_may_still_ask_who_it_is(house: Premises) -> None:
    await house.enter("narrow", "acme", *house.callers["developer"].roles, scopes=("inference",))

    me = await house.ask("GET", "/me", by="narrow")
    keys = await house.ask("GET", "/keys", by="narrow")

    assert me.json()["key"]["scopes"] == ["inference"]
    assert (keys.status_code, keys.json()["code"]) == (403, "scope_too_narrow")


def _release(me: dict, name: str) -> dict:  # type: ignore[type-arg]
    return next(release for release in me["releases"] if release["release"] == name)


async def test_whoever_lacks_nothing_but_terms_is_told_no_later_date(house: Premises) -> None:
    later = "  - {name: wider, opens: 2200-01-01T00:00:00Z, access: api, to: [public], offers: [inference.text]}\n"
    await house.apply(open_release() + later)

    mine = (await house.ask("GET", "/me", "developer")).json()["releases"]
    [missing] = next(each for each in mine if each["release"] == OPEN)["missing"]

    assert (missing["code"], missing["opens_at"]) == ("terms_not_accepted", None)
    assert "2200" not in missing["message"]
