"""A change from plan to apply over the control door, and each way in which an approval is refused."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.identity.callers import Role
from gateway.releases.components import Component
from tests.control.test_changes import usable
from tests.fakes.premises import CLOSED, DOCUMENTS, LIMITED, OPEN, Premises, closed_release, open_release

MISTAKEN = """\
release: acme/open
serves: {inference: {upstream: simulatd, model: open}}
colour: blue
terms: {aup: terms/aup.md, licence: terms/licence.md}
audiences:
  known: {kyc: ">= K9"}
stages:
  - name: general
    opens: 2024-01-01T00:00:00Z
    acess: api
    access: api
    to: [publik]
    offers: [inference.txt]
    conditions:
      terms: [aup, licence, rules]
      log: full-content
      retain_days: soon
      spend: 7
"""
"""Ten mistakes planted, and what follows from them."""

PLANTED = {2: "upstream", 3: "colour", 4: "terms/licence.md", 6: "K9", 10: "acess", 12: "publik", 13: "inference.txt",
           15: "rules", 16: "vault", 17: "whole number", 18: "spend"}  # fmt: skip


@pytest.fixture
async def board(house: Premises) -> AsyncIterator[Premises]:
    """The house with people who plan and agree: none of them issued another's key."""
    for name, role in (("manager", Role.PROVIDER), ("owner", Role.PROVIDER), ("second", Role.APPROVER)):
        await house.enter(name, "provider", role)
    yield house


async def plan(house: Premises, file: str, by: str = "manager", **more: Any) -> dict[str, Any]:
    answer = await house.ask("POST", "/changes", by=by, json={"file": file, "documents": DOCUMENTS, **more})
    assert answer.status_code == 201, answer.text
    planned: dict[str, Any] = answer.json()
    return planned


async def act(house: Premises, verb: str, planned: dict[str, Any], by: str, **body: Any) -> tuple[int, str]:
    """Status, and the code of a refusal or the state that the change is in."""
    sent = {"digest": planned["change"]["digest"]} | body if verb == "approve" else body
    answer = await house.ask("POST", f"/changes/{planned['change']['id']}/{verb}", by=by, json=sent)
    told = answer.json()
    return answer.status_code, told.get("code") or told.get("change", told)["state"]


async def shown(house: Premises, planned: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await house.ask("GET", f"/changes/{planned['change']['id']}", by="auditor")).json()
    return found


def wider() -> str:
    return open_release().replace("requests_per_minute: 60", "requests_per_minute: 90")


def narrower() -> str:
    return open_release().replace("requests_per_minute: 60", "requests_per_minute: 30")


def with_weights() -> str:
    serves = f"model: open}}, weights: {{path: weights/a, files: {{a.bin: sha256:{'0' * 64}}}}}}}"
    stage = (
        "  - {name: weights, opens: 2200-01-01T00:00:00Z, access: open-weights, irreversible: true, to: [public],\n"
        "     offers: [inference.text, weights.final], conditions: {terms: [aup], requests_per_minute: 60, "
        "tokens_per_day: 1000}}\n"
    )
    return open_release().replace("model: open}}", serves) + stage


async def test_widening_comes_into_force_once_two_others_agreed(board: Premises) -> None:
    planned = await plan(board, wider())
    alone = await act(board, "apply", planned, "manager")
    first = await act(board, "approve", planned, "approver")
    early = await act(board, "apply", planned, "manager")
    second = await act(board, "approve", planned, "analyst")
    applied = await act(board, "apply", planned, "manager")
    again = await act(board, "apply", planned, "manager")
    version = (await board.ask("GET", f"/releases/{OPEN}")).json()

    assert planned["change"]["effect"] == "widening"
    assert [need["code"] for need in planned["needs"]] == ["approvals_missing"]
    assert (alone, early) == ((409, "approvals_missing"), (409, "approvals_missing"))
    assert (first, second, applied) == ((200, "planned"), (200, "approved"), (200, "applied"))
    assert again == (409, "change_closed")
    assert version["stages"][0]["requests_per_minute"] == 90
    assert version["change"] == planned["change"]["id"]


async def test_what_a_revoked_key_agreed_to_counts_no_more(board: Premises) -> None:
    planned = await plan(board, wider())
    for who in ("approver", "analyst"):
        await act(board, "approve", planned, who)
    key = board.callers["analyst"].key
    revoked = await board.ask("POST", f"/keys/{key}/revoke", json={"cause": "stolen"})
    again = await board.ask("POST", f"/keys/{key}/revoke", json={"cause": "stolen"})

    assert (revoked.status_code, again.status_code) == (200, 200)
    assert await act(board, "apply", planned, "manager") == (409, "approvals_missing")
    entries = (await board.ask("GET", "/ledger", by="auditor", params={"event": "change:approval_withdrawn"})).json()
    assert [each["body"]["detail"]["by"] for each in entries["entries"]] == [key]


async def test_every_step_is_recorded_with_the_digest_it_was_about(board: Premises) -> None:
    planned = await plan(board, wider())
    for who in ("approver", "analyst"):
        await act(board, "approve", planned, who)
    await act(board, "apply", planned, "manager")
    other = await plan(board, narrower())
    await act(board, "reject", other, "second", cause="not now")
    await board.settle()

    page = (await board.ask("GET", "/ledger?limit=50", by="auditor")).json()
    told = [(entry["event"], entry["body"]) for entry in reversed(page["entries"]) if "change:" in entry["event"]]

    assert [event.removeprefix("change:") for event, _ in told] == [
        "planned", "approved", "approved", "applied", "planned", "rejected",
    ]  # fmt: skip
    assert {body["detail"]["digest"] for _, body in told[:4]} == {planned["change"]["digest"]}
    assert told[0][1]["detail"]["base"] == planned["change"]["base"]
    assert sorted(role.split(":")[1] for role in told[3][1]["detail"]["approvals"]) == ["analyst", "approver"]


async def test_narrowing_takes_one_and_a_second_looks_at_it(board: Premises) -> None:
    planned = await plan(board, narrower())
    applied = await act(board, "apply", planned, "manager")
    due = (await shown(board, planned))["change"]
    own = await act(board, "approve", planned, "manager")
    reviewed = await act(board, "approve", planned, "approver")
    again = await act(board, "approve", planned, "analyst")

    assert (planned["change"]["effect"], planned["needs"]) == ("narrowing", [])
    assert applied == (200, "applied")
    assert due["review"] == "due" and due["review_by"] is not None
    assert own == (409, "self_approved")
    assert (reviewed, again) == ((200, "applied"), (409, "no_review_due"))
    assert (await shown(board, planned))["change"]["review"] == "done"


async def test_what_cannot_be_undone_takes_three_roles_each_aware_and_a_day(board: Premises) -> None:
    planned = await plan(board, with_weights())
    unaware = await act(board, "approve", planned, "approver")
    for who in ("approver", "analyst", "owner"):
        last = await act(board, "approve", planned, who, cannot_be_undone=True)
    early = await act(board, "apply", planned, "manager")
    needs = (await shown(board, planned))["needs"]

    assert (planned["change"]["effect"], planned["change"]["irreversible"]) == ("widening", True)
    assert "irreversible" in {warning["code"] for warning in planned["warnings"]}
    assert planned["applicable_from"] > planned["change"]["planned_at"]
    assert (unaware, last) == ((409, "acknowledgement_missing"), (200, "approved"))
    assert early == (409, "cooling_off")
    assert [need["code"] for need in needs] == ["cooling_off"]


async def test_an_approval_of_ones_own_change_or_of_a_key_one_issued_is_refused(board: Premises) -> None:
    planned = await plan(board, wider())
    await board.remember("minted", (await _issued_by(board, "manager", "approver")))

    assert await act(board, "approve", planned, "manager") == (409, "self_approved")
    assert await act(board, "approve", planned, "provider") == (409, "related_to_author"), "it issued the author's key"
    assert await act(board, "approve", planned, "minted") == (409, "related_to_author"), "the author issued it"


async def test_a_rotated_key_is_still_its_holders(board: Premises) -> None:
    planned = await plan(board, wider())
    await act(board, "approve", planned, "second")
    key = board.callers["second"].key
    rotated = await board.ask("POST", f"/keys/{key}/rotate", by="second", json={"overlap_s": 3600})
    assert rotated.status_code in {200, 201}, rotated.text
    await board.remember("heir", rotated.json()["token"])

    assert await act(board, "approve", planned, "heir") == (409, "approved_already")


async def test_an_approval_given_twice_counts_once(board: Premises) -> None:
    planned = await plan(board, wider())
    await act(board, "approve", planned, "approver")

    assert await act(board, "approve", planned, "approver") == (409, "approved_already")
    assert len((await shown(board, planned))["change"]["approvals"]) == 1


@pytest.mark.parametrize("who", ["staff", "auditor", "developer"])
async def test_who_has_no_role_for_it_approves_nothing(board: Premises, who: str) -> None:
    planned = await plan(board, wider())

    assert await act(board, "approve", planned, who) == (403, "role_required")
    assert await act(board, "approve", planned, "approver", role="analyst") == (403, "role_not_held")


async def test_an_approval_of_a_stale_change_is_refused_and_so_is_applying_it(board: Premises) -> None:
    planned = await plan(board, wider())
    rival = await plan(board, narrower(), by="owner")
    for who in ("approver", "analyst"):
        await act(board, "approve", planned, who)
    applied = await act(board, "apply", rival, "owner")

    assert applied == (200, "applied")
    assert (await shown(board, planned))["change"]["state"] == "stale"
    assert await act(board, "approve", planned, "second") == (409, "change_stale")
    assert await act(board, "apply", planned, "manager") == (409, "change_stale")
    assert await act(board, "reject", planned, "manager", cause="over") == (200, "rejected")


async def test_a_base_that_was_left_and_came_back_leaves_a_change_stale(board: Premises) -> None:
    planned = await plan(board, wider())
    for file in (narrower(), open_release()):
        await board.apply(file)

    assert (await board.ask("GET", f"/releases/{OPEN}")).json()["digest"] == planned["change"]["base"]
    assert (await shown(board, planned))["change"]["state"] == "stale"


async def test_other_policies_leave_a_change_stale(board: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = await plan(board, wider())
    for who in ("approver", "analyst"):
        await act(board, "approve", planned, who)
    monkeypatch.setattr(type(board.installation.judge), "policy", "sha256:" + "9" * 64)

    assert await act(board, "apply", planned, "manager") == (409, "change_stale")


async def test_an_approval_of_another_digest_than_the_changes_is_refused(board: Premises) -> None:
    planned = await plan(board, wider())

    assert await act(board, "approve", planned, "approver", digest="sha256:" + "0" * 64) == (409, "change_differs")


async def test_planning_tells_every_mistake_with_its_line_and_plans_nothing(board: Premises) -> None:
    answer = await board.ask("POST", "/changes", by="manager", json={"file": MISTAKEN, "documents": DOCUMENTS})

    faults = answer.json()["faults"]
    told = {line: [fault["message"] for fault in faults if fault["line"] == line] for line in PLANTED}
    assert answer.status_code == 400 and len(PLANTED) >= 10
    assert [line for line, word in PLANTED.items() if not any(word in message for message in told[line])] == []
    assert (await board.ask("GET", "/changes")).json()["changes"] == []


async def test_a_plan_of_what_is_in_force_or_on_another_base_is_refused(board: Premises) -> None:
    sent = {"file": open_release(), "documents": DOCUMENTS}

    same = await board.ask("POST", "/changes", by="manager", json=sent)
    moved = await board.ask("POST", "/changes", by="manager", json=sent | {"base": "sha256:" + "0" * 64})

    assert (same.status_code, same.json()["code"]) == (409, "nothing_changes")
    assert (moved.status_code, moved.json()["code"]) == (409, "release_moved")


async def test_a_plan_says_who_gains_and_after_applying_it_they_have(board: Premises) -> None:
    file = open_release().replace(OPEN, LIMITED).replace("conditions: {terms: [aup], ", "conditions: {")
    file = file.replace("terms: {aup: terms/aup.md}\n", "").replace("  - name: general\n", "  - name: trusted\n")
    planned = await plan(board, file)
    before = [await usable(board, who, LIMITED) for who in ("developer", "stranger")]
    for who in ("approver", "analyst"):
        await act(board, "approve", planned, who)
    await act(board, "apply", planned, "manager")
    after = [await usable(board, who, LIMITED) for who in ("developer", "stranger")]

    step = next(each for each in planned["consequences"] if each["component"] == Component.TEXT)
    assert before == ["grant_required", "grant_required"] and after == ["yes", "yes"]
    assert set(step["gaining"]) >= {"acme", "bolt"}
    assert step["organisations"]["gain"] == 3, "the two and the provider's own"
    assert step["audiences"]["public"]["gain"] == 3


async def test_planning_and_approving_let_nobody_through(board: Premises) -> None:
    planned = await plan(board, closed_release().replace("closed, to: [staff]", "api, to: [public, staff]"))
    for who in ("approver", "analyst"):
        await act(board, "approve", planned, who)

    assert await usable(board, "developer", CLOSED) == "model_not_found"


async def test_changes_are_listed_from_the_newest_backwards_page_by_page(board: Premises) -> None:
    ids = [(await plan(board, file))["change"]["id"] for file in (wider(), narrower(), with_weights())]

    first = (await board.ask("GET", f"/changes?release={OPEN}&limit=2", by="auditor")).json()
    rest = (await board.ask("GET", f"/changes?limit=2&after={first['next']}", by="auditor")).json()

    assert [change["id"] for change in first["changes"] + rest["changes"]] == ids[::-1]
    assert rest["next"] is None


async def test_where_only_reviewed_versions_count_a_direct_apply_is_told_to_plan(
    board: Premises, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board.installation.catalogue, "_only_reviewed", True)
    files = {
        "widening": wider(),
        "narrowing": narrower(),
        "in force": open_release(),
        "new": open_release().replace(OPEN, "acme/new"),
        "new and closed": closed_release().replace(CLOSED, "acme/new-closed"),
    }

    answers = {}
    for name, file in files.items():
        sent = {"file": file, "documents": DOCUMENTS, "adopt": True}
        answer = await board.ask("POST", "/releases", json=sent)
        answers[name] = answer.json().get("code") or answer.json()["changed"]
    planned = await plan(board, narrower())

    assert answers == {
        "widening": "review_required",
        "narrowing": "review_required",
        "in force": False,
        "new": "review_required",
        "new and closed": True,
    }
    assert await act(board, "apply", planned, "manager") == (200, "applied")


async def test_a_version_applied_directly_is_shown_and_recorded_as_unreviewed(board: Premises) -> None:
    await board.apply(wider())

    version = (await board.ask("GET", f"/releases/{OPEN}")).json()
    entry = (await board.ask("GET", "/ledger?event=release:applied&limit=1", by="auditor")).json()["entries"][0]
    assert version["change"] is None
    assert entry["body"]["detail"]["change"] == ""


async def test_a_change_that_is_not_there_is_not_found(board: Premises) -> None:
    assert (await board.ask("GET", "/changes/change_nothing")).status_code == 404


async def _issued_by(house: Premises, by: str, role: str) -> str:
    order = {"organisation": "provider", "roles": [role]}
    return str((await house.ask("POST", "/keys", by=by, json=order)).json()["token"])


OURS = "sha256:" + "a" * 64


async def test_a_plan_says_what_hangs_on_requirements_what_they_lack_and_where_retention_conflicts(
    board: Premises,
) -> None:
    gated = """\
  - name: later
    opens: 2200-01-01T00:00:00Z
    access: api
    to: [public]
    offers: [inference.text, inference.embeddings]
    conditions: {terms: [aup], requests_per_minute: 60, tokens_per_day: 1000, retain_days: 7}
    canary: {percent: 10, salt: s}
    opens_when: [{evidence: {suite: lm-eval, task: wmdp_bio, metric: acc, at_most: 0.35}}, {approvals: 2}]
"""
    wants = {"name": "zero_retention", "value": True, "issuer": "contract", "assurance": 3}
    await board.ask("POST", "/organisations/acme/attributes", json=wants)
    planned = await plan(board, open_release().replace("stages:", f"model: {{snapshot: {OURS}}}\nstages:") + gated)

    [gate] = planned["gates"]
    warned = {each["code"]: each["message"] for each in planned["warnings"]}
    later = [step for step in planned["consequences"] if step["stage"] == "later"]
    assert (gate["stage"], gate["opened_at"]) == ("later", None)
    assert sorted(gate["missing"]) == [
        "approval by 2 people: 0 of 2 approvals",
        "lm-eval wmdp_bio acc at most 0.35: no evidence of lm-eval wmdp_bio acc was added",
    ]
    assert later and all(step["if_met"] for step in later)
    assert "10 % of organisations" in warned["canary"]
    assert warned["retention"].startswith("line ") and "1 organisation wants nothing kept" in warned["retention"]
    assert "acme" in warned["retention"]
