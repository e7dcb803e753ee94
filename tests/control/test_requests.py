"""Requests for access over the wire: who may ask, read, review and refuse, and what is told to whom."""

from datetime import datetime
from typing import Any

import pytest

from gateway.clock import DAY, text_from
from gateway.identity.callers import Role
from gateway.ledger.events import Event
from tests.fakes.premises import CLOSED, LIMITED, OPEN, Premises
from tests.fakes.requests import ANSWERS, GATED, SECRET, asking_release, usable


@pytest.fixture
async def desk(house: Premises) -> Premises:
    """The house with a release that takes requests, and a second approver."""
    await house.enter("second", "provider", Role.APPROVER)
    await house.apply(asking_release())
    return house


async def ask(house: Premises, by: str = "developer", release: str = GATED, **answers: Any) -> dict[str, Any]:
    answer = await house.ask("POST", "/requests", by=by, json={"release": release, "answers": ANSWERS | answers})
    assert answer.status_code == 201, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


async def act(house: Premises, verb: str, request: dict[str, Any], by: str, **body: Any) -> tuple[int, str]:
    """Status, and the code of a refusal or the state that the request is in."""
    if verb == "approve":
        body = {"commitment": (await shown(house, request))["commitment"]} | body
    answer = await house.ask("POST", f"/requests/{request['id']}/{verb}", by=by, json=body or None)
    told = answer.json()
    return answer.status_code, told.get("code") or told["state"]


async def shown(house: Premises, request: dict[str, Any], by: str = "approver") -> dict[str, Any]:
    answer = await house.ask("GET", f"/requests/{request['id']}", by=by)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_nobody_gives_a_grant_that_lasts_longer_than_the_form_has_it(desk: Premises) -> None:
    given = {"organisation": "bolt", "release": GATED, "authority": "a contract"}
    longer = await desk.ask(
        "POST", "/grants", json=given | {"ends_at": text_from(desk.areas.current.clock.now().latest + 61 * DAY)}
    )
    left_out = (await desk.ask("POST", "/grants", json=given)).json()
    form = (await desk.ask("GET", f"/releases/{GATED}/request-form")).json()
    lasts = datetime.fromisoformat(left_out["ends_at"]) - datetime.fromisoformat(left_out["starts_at"])

    assert lasts.days == form["grant_days"]
    assert (longer.status_code, longer.json()["code"]) == (409, "grant_too_long")


async def test_the_form_is_read_by_those_who_may_know_of_the_release(desk: Premises) -> None:
    form = (await desk.ask("GET", f"/releases/{GATED}/request-form", by="developer")).json()
    hidden = await desk.ask("GET", f"/releases/{CLOSED}/request-form", by="developer")
    invented = await desk.ask("GET", "/releases/acme/nothing/request-form", by="developer")
    without = await desk.ask("GET", f"/releases/{OPEN}/request-form", by="developer")

    assert [(field["name"], field["kind"], field["required"]) for field in form["fields"]] == [
        ("purpose", "text", True), ("sector", "choice", True), ("users", "number", True),
        ("resells", "yes-no", False), ("site", "url", False),
    ]  # fmt: skip
    assert (form["reviewers"], form["second_approval"], form["grant_days"]) == (["approver"], False, 60)
    assert (hidden.status_code, invented.status_code, without.status_code) == (404, 404, 404)
    assert {**hidden.json(), "request_id": ""} == {**invented.json(), "request_id": ""}


async def test_what_is_asked_and_approved_is_granted_and_opens_the_model(desk: Premises) -> None:
    before = await usable(desk, "developer")
    asked = await ask(desk)
    pending = await usable(desk, "developer")
    approved = await act(desk, "approve", asked, "approver")
    after = await usable(desk, "developer")
    grant = (await desk.ask("GET", "/grants?organisation=acme")).json()["grants"][-1]
    mine = (await desk.ask("GET", "/me", by="developer")).json()

    assert (before, pending, after) == ("grant_required", "grant_required", "yes")
    assert (asked["state"], approved) == ("pending_review", (200, "granted"))
    assert (grant["state"], grant["request"]) == ("active", asked["id"])
    assert asked["id"] in grant["authority"] and desk.callers["approver"].key in grant["authority"]
    assert [(each["id"], each["state"]) for each in mine["requests"]] == [(asked["id"], "granted")]
    assert next(each for each in mine["releases"] if each["release"] == GATED)["recertify_by"] == grant["recertify_by"]


async def test_the_refusal_says_where_to_ask(desk: Premises) -> None:
    mine = (await desk.ask("GET", "/me", by="developer")).json()
    gated = next(each for each in mine["releases"] if each["release"] == GATED)

    assert gated["takes_requests"]
    assert f"gateway request ask {GATED}" in gated["missing"][0]["next_step"]


async def test_answers_that_do_not_fit_are_refused_by_field_and_never_repeated(desk: Premises) -> None:
    wrong = {
        "purpose": " ", "sector": SECRET, "users": 0, "resells": "perhaps", "site": "javascript:alert(1)", "more": 1,
    }  # fmt: skip
    told = await desk.ask("POST", "/requests", by="developer", json={"release": GATED, "answers": wrong})
    none = await desk.ask("POST", "/requests", by="developer", json={"release": GATED, "answers": {}})

    assert (told.status_code, none.status_code) == (400, 400)
    assert all(f"`{field}`" in told.json()["detail"] for field in wrong)
    assert SECRET not in told.text
    assert [name for name in ("purpose", "sector", "users") if f"`{name}` must be answered" in none.json()["detail"]]
    assert (await desk.ask("GET", "/requests", by="developer")).json()["requests"] == []


async def test_only_one_request_is_under_way_at_a_time(desk: Premises) -> None:
    first = await ask(desk)
    again = await desk.ask("POST", "/requests", by="developer", json={"release": GATED, "answers": ANSWERS})
    other = await ask(desk, by="stranger")
    await act(desk, "withdraw", first, "developer")
    anew = await ask(desk)

    assert (again.status_code, again.json()["code"]) == (409, "already_asked")
    assert other["organisation"] == "bolt"
    assert anew["id"] != first["id"]


async def test_a_final_rejection_blocks_asking_again_and_an_appealable_one_does_not(desk: Premises) -> None:
    asked = await ask(desk)
    appealable = await act(desk, "reject", asked, "approver", reason="too vague")
    second = await ask(desk)
    known = (await shown(desk, second))["known"]
    final = await act(desk, "reject", second, "approver", reason="no", final=True)
    third = await desk.ask("POST", "/requests", by="developer", json={"release": GATED, "answers": ANSWERS})
    mine = (await desk.ask("GET", "/requests", by="developer")).json()["requests"]

    assert (appealable, final) == ((200, "rejected"), (200, "rejected"))
    assert [(each["id"], each["reason"]) for each in known["earlier"]] == [(asked["id"], "too vague")]
    assert (third.status_code, third.json()["code"]) == (403, "rejected_finally")
    assert [(each["reason"], each["final"]) for each in mine] == [("no", True), ("too vague", False)]


async def test_a_reason_has_at_most_two_hundred_characters(desk: Premises) -> None:
    asked = await ask(desk)

    assert await act(desk, "reject", asked, "approver", reason="x" * 201) == (400, "invalid_request")
    assert await act(desk, "reject", asked, "approver", reason="x" * 200) == (200, "rejected")


async def test_what_a_reviewer_asks_back_is_answered_and_then_approved_anew(desk: Premises) -> None:
    await desk.apply(asking_release("second_approval: true"))
    asked = await ask(desk)
    first = await act(desk, "approve", asked, "approver")
    seen = (await shown(desk, asked))["commitment"]
    needed = await act(desk, "need-info", asked, "second", question="For whom?")
    early = await act(desk, "approve", asked, "second")
    body = {"commitment": (await shown(desk, asked))["commitment"]}
    told = (await desk.ask("POST", f"/requests/{asked['id']}/approve", by="second", json=body)).json()["next_step"]
    mine = await shown(desk, asked, by="developer")
    answered = await act(desk, "answer", asked, "developer", reply="For nurses", answers={"users": 12})
    stale = await act(desk, "approve", asked, "second", commitment=seen)
    anew = [await act(desk, "approve", asked, who) for who in ("second", "approver")]

    assert (first, needed) == ((200, "awaiting_second_approval"), (200, "needs_info"))
    assert early == (409, "act_not_possible")
    assert told == "Reviewers can: reject. Whoever asked can: answer, withdraw."
    assert (mine["asked_back"], mine["request"]["possible"]) == ("For whom?", ["answer", "reject", "withdraw"])
    assert (answered, stale) == ((200, "pending_review"), (409, "request_differs"))
    assert anew == [(200, "awaiting_second_approval"), (200, "granted")], "the approval of other answers counts no more"
    answers = {each["name"]: each["answer"] for each in (await shown(desk, asked))["answers"]}
    assert (answers["users"], answers["purpose"]) == (12, ANSWERS["purpose"])


async def test_two_approvers_and_an_authority_must_all_agree(desk: Premises) -> None:
    await desk.apply(asking_release("second_approval: true, concurrence: CAISI"))
    asked = await ask(desk)
    first = await act(desk, "approve", asked, "approver")
    again = await act(desk, "approve", asked, "approver")
    early = await act(desk, "concur", asked, "approver", reference="C-1")
    second = await act(desk, "approve", asked, "second")
    waiting = await usable(desk, "developer")
    over = await act(desk, "concur", asked, "approver", reference="C-1", expires_at="2020-01-01T00:00:00Z")
    concurred = await act(desk, "concur", asked, "approver", reference="C-1")
    alone = await desk.ask(
        "POST", "/grants", json={"organisation": "bolt", "release": GATED, "authority": "my own word"}
    )
    grant = (await desk.ask("GET", "/grants?organisation=acme")).json()["grants"][-1]

    assert (first, again) == ((200, "awaiting_second_approval"), (409, "reviewed_already"))
    assert (early, second) == ((409, "act_not_possible"), (200, "awaiting_external_concurrence"))
    assert (waiting, over, concurred) == ("grant_required", (400, "invalid_request"), (200, "granted"))
    assert "CAISI concurs: C-1" in grant["authority"]
    assert (alone.status_code, alone.json()["code"]) == (409, "request_required")


async def test_the_grant_ends_with_the_authoritys_word(desk: Premises) -> None:
    await desk.apply(asking_release("concurrence: CAISI"))
    asked = await ask(desk)
    await act(desk, "approve", asked, "approver")
    soon = desk.areas.current.clock.now().latest + 5 * DAY
    await act(desk, "concur", asked, "approver", reference="C-2", expires_at=text_from(soon))

    assert (await desk.ask("GET", "/grants?organisation=acme")).json()["grants"][-1]["ends_at"] == text_from(soon)


async def test_a_rotated_key_is_still_its_holders_and_nobody_reviews_whom_they_keyed(desk: Premises) -> None:
    await desk.apply(asking_release("second_approval: true, reviewers: [approver, provider]"))
    asked = await ask(desk)
    await act(desk, "approve", asked, "second")
    key = desk.callers["second"].key
    rotated = await desk.ask("POST", f"/keys/{key}/rotate", by="second", json={"overlap_s": 3600})
    await desk.remember("heir", rotated.json()["token"])

    assert await act(desk, "approve", asked, "heir") == (409, "reviewed_already")
    assert await act(desk, "approve", asked, "provider") == (409, "related_to_asker"), "it issued the asker's key"
    assert await act(desk, "approve", asked, "approver") == (200, "granted")


async def test_only_the_roles_that_the_form_names_review(desk: Premises) -> None:
    asked = await ask(desk)

    assert await act(desk, "approve", asked, "analyst") == (403, "not_a_reviewer")
    for who in ("developer", "staff", "auditor"):
        assert await act(desk, "approve", asked, who) == (403, "role_required")


async def test_answers_are_for_who_asked_and_who_reviews(desk: Premises) -> None:
    asked = await ask(desk, purpose=SECRET)
    others = {who: await desk.ask("GET", f"/requests/{asked['id']}", by=who) for who in ("auditor", "provider")}
    stranger = await desk.ask("GET", f"/requests/{asked['id']}", by="stranger")
    invented = await desk.ask("GET", f"/requests/{asked['id'][:-1]}z", by="stranger")

    assert (await shown(desk, asked))["answers"][0]["answer"] == SECRET
    assert (await shown(desk, asked, by="developer"))["answers"][0]["answer"] == SECRET
    assert all(answer.status_code == 200 and SECRET not in answer.text for answer in others.values())
    assert (stranger.status_code, invented.status_code) == (404, 404)
    assert stranger.json()["detail"].replace(asked["id"], "") == invented.json()["detail"].replace(
        f"{asked['id'][:-1]}z", ""
    )


@pytest.mark.parametrize("verb", ["withdraw", "answer"])
async def test_another_organisations_request_is_not_there(desk: Premises, verb: str) -> None:
    asked = await ask(desk)
    body = {"reply": "x"} if verb == "answer" else {}

    assert await act(desk, verb, asked, "stranger", **body) == (404, "not_found")
    for query in ("", "?organisation=acme", f"?release={GATED}"):
        assert (await desk.ask("GET", f"/requests{query}", by="stranger")).json()["requests"] == []


async def test_nothing_that_was_written_is_in_the_ledger(desk: Premises) -> None:
    asked = await ask(desk, purpose=SECRET)
    await act(desk, "need-info", asked, "approver", question=f"Why {SECRET}?")
    await act(desk, "answer", asked, "developer", reply=SECRET)
    await act(desk, "approve", asked, "approver")
    await desk.settle()
    page = await desk.ask("GET", "/ledger?limit=100", by="auditor")

    told = [entry for entry in page.json()["entries"] if entry["body"].get("subject") == asked["id"]]
    assert [entry["event"] for entry in reversed(told)] == [
        Event.REQUEST_SUBMITTED, Event.REQUEST_SCREENED, Event.REQUEST_INFO_NEEDED, Event.REQUEST_ANSWERED,
        Event.REQUEST_APPROVED, Event.REQUEST_GRANTED,
    ]  # fmt: skip
    assert SECRET not in page.text and ANSWERS["sector"] not in page.text
    assert (await shown(desk, asked))["commitment"] == told[1]["body"]["detail"]["commitment"]


async def test_the_reviewer_is_told_what_nobody_has_asserted(desk: Premises) -> None:
    await desk.apply(asking_release(audience='grant: required, kyc: ">= K2"'))
    asked = await ask(desk)
    known = (await shown(desk, asked))["known"]
    claim = {"name": "kyc", "value": "K3", "issuer": "registry", "assurance": 3}
    await desk.ask("POST", "/organisations/acme/attributes", json=claim)
    after = (await shown(desk, asked))["known"]

    assert (known["audiences"], known["unknown"]) == ({"testers": "unknown"}, ["kyc"])
    assert (after["audiences"], after["unknown"]) == ({"testers": "yes"}, [])
    assert (await shown(desk, asked, by="developer"))["known"] is None


async def test_the_reviewer_is_told_what_was_asserted_less_surely_than_is_asked(desk: Premises) -> None:
    await desk.apply(asking_release(audience='grant: required, kyc@3: ">= K2"'))
    asked = await ask(desk)
    told = []
    for assurance in (2, 3):
        claim = {"name": "kyc", "value": "K3", "issuer": "registry", "assurance": assurance}
        await desk.ask("POST", "/organisations/acme/attributes", json=claim)
        known = (await shown(desk, asked))["known"]
        told.append((known["audiences"]["testers"], known["unknown"]))

    assert told == [("unknown", ["kyc@3"]), ("yes", [])]


async def test_a_release_that_takes_no_requests_any_more_grants_none(desk: Premises) -> None:
    asked = await ask(desk)
    await desk.apply(asking_release(form=False))

    assert await act(desk, "approve", asked, "approver") == (409, "requests_not_taken")
    assert await act(desk, "withdraw", asked, "developer") == (200, "withdrawn")
    told = await desk.ask("POST", "/requests", by="developer", json={"release": GATED, "answers": ANSWERS})
    assert (told.status_code, told.json()["code"]) == (409, "requests_not_taken")


async def test_a_form_that_wants_more_by_now_gets_it(desk: Premises) -> None:
    asked = await ask(desk)
    await desk.apply(asking_release("second_approval: true"))

    assert await act(desk, "approve", asked, "approver") == (200, "awaiting_second_approval")


async def test_a_renewed_grant_takes_the_place_of_the_one_before(desk: Premises) -> None:
    for _ in range(2):
        await act(desk, "approve", await ask(desk), "approver")
    grants = (await desk.ask("GET", "/grants?organisation=acme")).json()["grants"]

    by_state = {grant["state"]: grant for grant in grants}
    assert sorted(by_state) == ["active", "superseded"]
    assert by_state["superseded"]["superseded_by"] == by_state["active"]["id"]
    assert await usable(desk, "developer") == "yes"


async def test_a_grant_is_paused_and_resumed_and_over_once_revoked(desk: Premises) -> None:
    await act(desk, "approve", await ask(desk), "approver")
    grant = (await desk.ask("GET", "/grants?organisation=acme")).json()["grants"][-1]["id"]

    async def change(verb: str, **body: Any) -> tuple[int, str, str]:
        told = await desk.ask("POST", f"/grants/{grant}/{verb}", json=body or None)
        return told.status_code, told.json().get("code") or told.json()["state"], await usable(desk, "developer")

    assert await change("pause", cause="under review") == (200, "paused", "grant_paused")
    assert await change("pause", cause="again") == (409, "conflict", "grant_paused")
    assert await change("resume") == (200, "active", "yes")
    assert await change("resume") == (409, "conflict", "yes")
    assert await change("revoke", cause="misuse") == (200, "revoked", "grant_ended")
    assert await change("resume") == (409, "conflict", "grant_ended")
    assert (await desk.ask("POST", f"/grants/{grant}/revoke", json={})).status_code == 400, "a cause is required"


async def test_requests_are_listed_page_by_page_and_by_state(desk: Premises) -> None:
    first = await ask(desk)
    await act(desk, "withdraw", first, "developer")
    second, other = await ask(desk), await ask(desk, by="stranger")

    async def ids(query: str) -> list[str]:
        page = (await desk.ask("GET", f"/requests?{query}", by="auditor")).json()
        return [each["id"] for each in page["requests"]]

    assert await ids("only=open") == [other["id"], second["id"]]
    assert await ids("only=withdrawn") == [first["id"]]
    page = (await desk.ask("GET", "/requests?limit=2", by="auditor")).json()
    assert await ids(f"limit=2&after={page['next']}") == [first["id"]]


async def test_nobody_asks_for_a_release_they_may_not_know_of(desk: Premises) -> None:
    told = [
        await desk.ask("POST", "/requests", by="developer", json={"release": release, "answers": ANSWERS})
        for release in (CLOSED, "acme/nothing")
    ]

    assert [answer.status_code for answer in told] == [404, 404]
    assert told[0].json() | {"request_id": ""} == told[1].json() | {"request_id": ""}


async def test_a_grant_that_nobody_asked_for_is_looked_at_again_like_any_other(desk: Premises) -> None:
    given = await desk.ask(
        "POST", "/grants", json={"organisation": "acme", "release": GATED, "authority": "contract 7"}
    )
    starts, again = (datetime.fromisoformat(given.json()[name]) for name in ("starts_at", "recertify_by"))

    assert (given.status_code, (again - starts).days) == (201, 30)


@pytest.mark.parametrize("hostile", ["a\x00b", "\x1b[2J", "a\x7f", "a\r"])
async def test_no_word_of_anybody_holds_what_no_database_keeps_and_no_terminal_should_see(
    desk: Premises, hostile: str
) -> None:
    asked = await ask(desk)
    sent = {
        f"/requests/{asked['id']}/reject": {"reason": hostile},
        f"/requests/{asked['id']}/need-info": {"question": hostile},
        f"/requests/{asked['id']}/concur": {"reference": hostile},
        "/grants/grant_0/recertify": {"authority": hostile},
    }

    told = [
        await desk.ask("POST", path, by="approver", json=body) for path, body in sent.items() if "pause" not in path
    ]
    told.append(await desk.ask("POST", "/grants/grant_0/pause", json={"cause": hostile}))
    back = await desk.ask("POST", f"/requests/{asked['id']}/answer", by="developer", json={"reply": hostile})
    filled = await desk.ask(
        "POST", "/requests", by="stranger", json={"release": GATED, "answers": ANSWERS | {"purpose": hostile}}
    )

    assert [answer.status_code for answer in (*told, back, filled)] == [400] * 7


async def test_nothing_of_ones_own_names_a_release_that_is_embargoed(desk: Premises) -> None:
    asked = await ask(desk)
    await desk.ask("POST", "/grants", json={"organisation": "acme", "release": LIMITED, "authority": "contract"})
    narrowed = [
        await desk.ask("POST", f"/releases/{release}/narrowings", json={"verb": "embargo", "cause": "order"})
        for release in (GATED, LIMITED)
    ]
    paths = ("/me", "/requests", f"/requests/{asked['id']}", "/grants", "/ledger")
    await desk.follow()

    hidden = {path: await desk.ask("GET", path, by="developer") for path in paths}
    withdrawn = await desk.ask("POST", f"/requests/{asked['id']}/withdraw", by="developer")
    overseen = await desk.ask("GET", f"/requests/{asked['id']}", by="auditor")

    names = [release.partition("/")[2] for release in (GATED, LIMITED)]
    assert all(answer.status_code == 201 for answer in narrowed)
    assert {path: name for path, answer in hidden.items() for name in names if name in answer.text} == {}
    assert (hidden[paths[2]].status_code, withdrawn.status_code, overseen.status_code) == (404, 404, 200)
    ledger = hidden["/ledger"].json()["entries"]
    assert not any(entry["event"] == "grant:given" for entry in ledger), "that something was given tells of a release"
