"""Evidence, approvals and incidents over HTTP: who may, what is told, and to whom nothing is."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.identity.callers import Role
from gateway.releases.cohorts import Canary
from tests.fakes.premises import Premises

FILES = Path(__file__).resolve().parents[1] / "releases" / "evidence" / "files"
GATED = "acme/gated"
OURS = "sha256:" + "a" * 64
FILE = f"""\
release: {GATED}
serves: {{inference: {{upstream: simulated, model: gated}}}}
model: {{snapshot: {OURS}}}
audiences: {{staff: {{role: staff}}}}
stages:
  - {{name: internal, opens: 2024-01-01T00:00:00Z, access: limited, to: [staff], offers: [inference.text]}}
  - name: general
    opens: 2024-02-01T00:00:00Z
    access: api
    to: [public]
    offers: [inference.text]
    opens_when:
      - evidence: {{suite: lm-eval, task: wmdp_bio, metric: acc, at_most: 0.35}}
      - approvals: 1
      - concurrence: CAISI
      - incident_free: true
"""


def in_base64(*names: str) -> dict[str, str]:
    return {Path(name).name: base64.b64encode((FILES / name).read_bytes()).decode() for name in names}


async def add(house: Premises, *names: str, by: str = "provider", **more: Any) -> httpx.Response:
    body = {"release": GATED, "snapshot": OURS, "files": in_base64(*names)} | more
    return await house.ask("POST", "/evidence", by=by, json=body)


async def stage(house: Premises, by: str = "auditor") -> dict[str, Any]:
    shown: dict[str, Any] = (await house.ask("GET", f"/releases/{GATED}", by=by)).json()["stages"][1]
    return shown


@pytest.fixture
async def gated(house: Premises) -> Premises:
    """The house with a release whose second stage waits."""
    await house.enter("author", "provider", Role.PROVIDER)  # the first key issued the approver's
    await house.apply(FILE, by="author")
    return house


async def test_what_keeps_a_stage_shut_is_shown_requirement_by_requirement_until_it_opens(gated: Premises) -> None:
    before = await stage(gated)
    incident = (await gated.ask("POST", "/incidents", json={"release": GATED, "summary": "a leak"})).json()
    added = await add(gated, "lm-eval-0.34.json", by="analyst")
    approved = await gated.ask("POST", f"/releases/{GATED}/stages/general/approve", by="approver", json={})
    concurred = await gated.ask(
        "POST",
        f"/releases/{GATED}/stages/general/concur",
        json={"authority": "CAISI", "reference": "letter 7", "expires_at": "2200-01-01T00:00:00Z"},
    )
    almost = await stage(gated)
    await gated.installation.opener.look()
    await gated.follow()
    still = await stage(gated)
    await gated.ask("POST", f"/incidents/{incident['id']}/close", by="analyst", json={"cause": "plugged"})
    await gated.ask("POST", f"/releases/{GATED}/stages/general/approve", by="approver", json={})
    await gated.installation.opener.look()
    await gated.follow()
    opened = await stage(gated)

    assert (before["state"], before["opened_at"]) == ("waiting", None)
    assert {each["requires"]: each["said"] for each in before["requirements"] if not each["met"]} == {
        "approval by one person": "0 of 1 approval",
        "concurrence of CAISI": "no concurrence of CAISI is recorded",
        "lm-eval wmdp_bio acc at most 0.35": "no evidence of lm-eval wmdp_bio acc was added",
    }
    assert added.status_code == 201 and added.json()["measurements"][0]["value"] == "0.34"
    assert approved.json()["digest"] == concurred.json()["digest"]
    assert approved.json()["basis"] == almost["basis"] != before["basis"]
    assert [each["said"] for each in almost["requirements"] if not each["met"]] == [f"{incident['id']} is open"]
    assert (still["state"], opened["state"]) == ("waiting", "open") and opened["opened_at"] is not None
    assert all(each["met"] for each in opened["requirements"])


async def test_what_a_stage_waits_for_is_told_to_nobody_outside(gated: Premises) -> None:
    await add(gated, "lm-eval-0.36.json")

    me = (await gated.ask("GET", "/me", by="developer")).json()
    refused = [
        await gated.ask("GET", path, by="developer") for path in (f"/releases/{GATED}", "/evidence", "/incidents")
    ]

    [mine] = [each for each in me["releases"] if each["release"] == GATED]
    [missing] = mine["missing"]
    assert missing["waits_for_requirements"] and missing["opens_at"] is None
    assert "waits for its requirements" in missing["message"] and "0.3" not in str(mine) and "wmdp" not in str(mine)
    assert {answer.status_code for answer in refused} == {403}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/evidence", {"provider", "analyst"}),
        ("/incidents", {"provider", "analyst"}),
        (f"/releases/{GATED}/stages/general/approve", {"approver"}),
        (f"/releases/{GATED}/stages/general/concur", {"provider", "approver"}),
    ],
)
async def test_each_act_is_of_its_roles_and_of_no_other(gated: Premises, path: str, allowed: set[str]) -> None:
    await gated.enter("plain-provider", "provider", Role.PROVIDER)
    by_name = {"provider": "plain-provider"}
    let_in = set()
    for role in ("provider", "approver", "analyst", "auditor", "staff", "developer"):
        answer = await gated.ask("POST", path, by=by_name.get(role, role), json={})
        let_in |= {role} if answer.status_code != 403 else set()

    assert let_in == allowed


async def test_the_author_is_refused_by_name_of_the_reason(gated: Premises) -> None:
    await gated.enter("both", "provider", Role.PROVIDER, Role.APPROVER)
    answer = await gated.ask(
        "POST", "/releases", by="both", json={"file": FILE.replace("2024-02", "2024-03"), "adopt": True}
    )
    changed = FILE.replace("approvals: 1", "approvals: 2")
    applied = await gated.ask("POST", "/releases", by="both", json={"file": changed})

    refused = await gated.ask("POST", f"/releases/{GATED}/stages/general/approve", by="both", json={})

    assert answer.status_code == 400, "a new date lies ahead"
    assert applied.status_code == 200, applied.text
    assert (refused.status_code, refused.json()["code"]) == (409, "self_approved")


async def test_an_approval_of_something_else_than_what_stands_is_a_conflict(gated: Premises) -> None:
    basis = (await stage(gated))["basis"]
    await add(gated, "lm-eval-0.34.json")

    moved = await gated.ask("POST", f"/releases/{GATED}/stages/general/approve", by="approver", json={"basis": basis})
    twice = [
        await gated.ask("POST", f"/releases/{GATED}/stages/general/approve", by="approver", json={}) for _ in range(2)
    ]

    assert (moved.status_code, moved.json()["code"]) == (409, "stage_moved")
    assert [answer.status_code for answer in twice] == [200, 409]
    assert twice[1].json()["code"] == "approved_already"
    assert twice[1].json()["detail"].startswith("You have approved this stage already")


@pytest.mark.parametrize("stage_name", ["internal", "nothing"])
async def test_there_is_nothing_to_approve_where_nothing_waits(gated: Premises, stage_name: str) -> None:
    answer = await gated.ask("POST", f"/releases/{GATED}/stages/{stage_name}/approve", by="approver", json={})

    assert answer.status_code == {"internal": 409, "nothing": 404}[stage_name]
    assert f"gateway release show {GATED}" in answer.json()["next_step"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"files": {"x.json": "e30="}}, "files"),
        ({"files": {}}, "files"),
        ({"files": {"../x.json": "e30="}}, ""),
        ({"files": {"x.json": "not base64!"}}, ""),
        ({"snapshot": None}, "snapshot"),
        ({"snapshot": "sha256:abc"}, ""),
        ({"release": "acme/none"}, None),
        ({"document": "a b"}, ""),
    ],
)
async def test_evidence_that_cannot_be_kept_is_refused_and_leaves_no_trace(
    gated: Premises, change: dict[str, Any], param: str | None
) -> None:
    answer = await add(gated, "lm-eval-0.34.json", **change)

    assert answer.status_code == (404 if param is None else 400), answer.text
    if param:
        assert param in answer.json().get("param", "")
    assert (await gated.ask("GET", "/evidence")).json() == {"evidence": [], "next": None}


async def test_evidence_may_be_larger_than_other_bodies_and_no_larger_than_is_said(gated: Premises) -> None:
    large = {"notes.txt": base64.b64encode(b"a" * (4 << 20)).decode()}
    too_large = {"notes.txt": base64.b64encode(b"a" * (9 << 20)).decode()}

    kept = await add(gated, files=large, document="notes")
    refused = await add(gated, files=too_large, document="notes")

    assert kept.status_code == 201, kept.text
    assert refused.status_code == 413


async def test_evidence_is_listed_page_by_page_and_withdrawn_with_its_cause(gated: Premises) -> None:
    for _ in range(3):
        await add(gated, "lm-eval-0.34.json")
    first = (await gated.ask("GET", "/evidence", by="auditor", params={"release": GATED, "limit": 2})).json()
    rest = (await gated.ask("GET", "/evidence", by="auditor", params={"after": first["next"]})).json()
    one = first["evidence"][0]["id"]

    withdrawn = await gated.ask("POST", f"/evidence/{one}/withdraw", by="analyst", json={"cause": "contaminated"})
    again = await gated.ask("POST", f"/evidence/{one}/withdraw", by="analyst", json={"cause": "contaminated"})

    assert (len(first["evidence"]), len(rest["evidence"]), rest["next"]) == (2, 1, None)
    assert withdrawn.json()["withdrawn_cause"] == "contaminated" and again.status_code == 409


async def test_a_run_of_helm_is_added_as_two_files(gated: Premises) -> None:
    added = await add(gated, "helm/stats.json", "helm/run_spec.json")

    assert added.status_code == 201 and set(added.json()["files"]) == {"stats.json", "run_spec.json"}
    assert (added.json()["suite"], added.json()["model"]) == ("helm", "simple/model1")


async def test_a_version_that_is_not_in_force_says_what_it_requires_and_not_whether_it_is_met(gated: Premises) -> None:
    versions = (await gated.ask("GET", f"/releases/{GATED}/versions", by="auditor")).json()["versions"]

    told = versions[0]["stages"][1]["requirements"]
    assert {(each["met"], each["said"]) for each in told} == {(None, None)}
    assert "approval by one person" in {each["requires"] for each in told}


async def test_a_share_of_organisations_is_let_in_and_the_others_stay_where_they_were(house: Premises) -> None:
    salt = next(str(n) for n in range(1_000) if _splits(Canary(percent=50, salt=str(n))))
    await house.apply(f"""\
release: acme/shared
serves: {{inference: {{upstream: simulated, model: shared}}}}
audiences: {{staff: {{role: staff}}}}
stages:
  - {{name: internal, opens: 2024-01-01T00:00:00Z, access: limited, to: [staff], offers: [inference.text]}}
  - name: some
    opens: 2024-02-01T00:00:00Z
    access: api
    to: [public]
    canary: {{percent: 50, salt: "{salt}"}}
    offers: [inference.text]
""")

    found = {}
    for who in ("developer", "stranger"):
        me = (await house.ask("GET", "/me", by=who)).json()
        [mine] = [each for each in me["releases"] if each["release"] == "acme/shared"]
        found[who] = (mine["stage"], mine["components"], [each["code"] for each in mine["missing"]])

    assert found == {
        "developer": ("some", ["inference.text"], []),
        "stranger": ("internal", [], ["audience_not_admitted"]),
    }


def _splits(canary: Canary) -> bool:
    """Whether the developer's organisation is in and the stranger's is not."""
    return canary.reaches("acme") and not canary.reaches("bolt")


async def test_labels_and_timelines_follow_what_was_opened_and_not_the_date(gated: Premises) -> None:
    await gated.apply(FILE.replace("      - concurrence: CAISI\n      - incident_free: true\n", ""), by="author")

    async def told() -> tuple[str, str, list[str]]:
        label = (await gated.ask("GET", f"/releases/{GATED}/label", by="auditor")).json()["label"]
        timeline = (await gated.ask("GET", f"/releases/{GATED}/timeline", by="auditor")).json()
        return label["stage"], timeline["stage"], [bar["state"] for bar in timeline["bars"]]

    before = await told()
    await add(gated, "lm-eval-0.34.json")
    await gated.ask("POST", f"/releases/{GATED}/stages/general/approve", by="approver", json={})
    await gated.installation.opener.look()

    assert before == ("internal", "internal", ["open", "waiting"])
    assert await told() == ("general", "general", ["past", "open"])


async def test_evidence_that_no_requirement_counts_is_kept_and_warned_of(gated: Premises) -> None:
    counted = await add(gated, "lm-eval-0.34.json")
    elsewhere = await add(gated, "lm-eval-0.34.json", snapshot="sha256:" + "b" * 64)
    notes = {"notes.txt": base64.b64encode(b"a model card").decode()}
    unread = await add(gated, files=notes, document="model-card")

    assert counted.json()["warnings"] == []
    [warning] = elsewhere.json()["warnings"]
    assert "sha256:" + "b" * 64 in warning and OURS in warning
    assert unread.json()["warnings"] == [f"No requirement of {GATED} reads it."]


async def test_a_level_that_no_requirement_names_is_warned_of(gated: Premises) -> None:
    asked = "      - determination: {framework: preparedness, category: biology, below: high}\n"
    await gated.apply(FILE.replace("      - approvals: 1\n", f"      - approvals: 1\n{asked}"))
    said = {
        "evidence": "release-gateway/1", "suite": "red-team",
        "determinations": [{"framework": "preparedness", "category": "biology", "level": "hihg"}],
    }  # fmt: skip
    added = await add(gated, files={"said.json": base64.b64encode(json.dumps(said).encode()).decode()})

    [warning] = added.json()["warnings"]
    assert "`hihg` is none of the levels of biology that `general` reads: low, medium, high, critical." in warning


async def test_evidence_is_listed_from_the_newest_backwards_and_one_is_shown_whole(gated: Premises) -> None:
    added = [(await add(gated, "lm-eval-0.34.json")).json()["id"] for _ in range(3)]
    first = (await gated.ask("GET", "/evidence", params={"limit": 2})).json()
    rest = (await gated.ask("GET", "/evidence", params={"limit": 2, "after": first["next"]})).json()
    one = await gated.ask("GET", f"/evidence/{added[0]}", by="auditor")

    assert [each["id"] for each in (*first["evidence"], *rest["evidence"])] == added[::-1]
    assert one.json() == rest["evidence"][0]
    assert (await gated.ask("GET", "/evidence/evidence_0")).status_code == 404


async def test_a_stage_that_was_misspelled_is_named(gated: Premises) -> None:
    answer = await gated.ask("POST", f"/releases/{GATED}/stages/generall/approve", "approver", json={})

    assert answer.status_code == 404 and "Did you mean `general`?" in answer.json()["detail"]
    assert answer.json()["next_step"] == f"See `gateway release show {GATED}`."


async def test_releases_in_the_list_say_whom_they_reach_what_is_left_and_what_waits(gated: Premises) -> None:
    shared = (
        FILE[: FILE.index("    opens_when:")].replace(GATED, "acme/shared")
        + "    canary: {percent: 50, salt: spring}\n"
    )
    await gated.apply(shared)
    ended = FILE[: FILE.index("    opens_when:")].replace(GATED, "acme/ended")
    await gated.apply(ended + "    closes: 2026-03-01T00:00:00Z\n    opens_when: [{approvals: 1}]\n")

    async def listed(release: str) -> dict[str, Any]:
        found = (await gated.ask("GET", "/releases", by="auditor")).json()["releases"]
        return next(each for each in found if each["release"] == release)

    waits, some = await listed(GATED), await listed("acme/shared")
    back = {"verb": "roll_back", "stage": "internal", "cause": "drill"}
    await gated.ask("POST", "/releases/acme/shared/narrowings", json=back)
    left = await listed("acme/shared")
    mine = (await gated.ask("GET", "/me", by="staff")).json()["releases"]
    counted = (await gated.ask("GET", "/access/acme/shared/who", by="auditor")).json()

    missed = await listed("acme/ended")
    assert (waits["stage"], waits["opens_next"], waits["waiting"], waits["missed"]) == (
        "internal", "general", True, False,
    )  # fmt: skip
    assert (missed["stage"], missed["opens_next"], missed["waiting"], missed["missed"]) == (
        "internal", "general", False, True,
    )  # fmt: skip
    assert (some["stage"], some["share"], some["waiting"]) == ("general", 50, False)
    assert (left["stage"], left["share"], left["access"]) == ("internal", None, "limited")
    assert left["narrowed"] == "rolled back at internal"
    assert next(each["stage"] for each in mine if each["release"] == "acme/shared") == "internal"
    assert (counted["stage"], counted["access"]) == ("internal", "limited")
