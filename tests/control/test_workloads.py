"""A CI system with a token of its own administers: what it does is recorded as its own, and approved by people."""

from collections.abc import Iterator

import pytest

from tests.fakes.house import House, eventually, open_house
from tests.fakes.issuer import an_issuer, declaration

FILE = """\
release: acme/planned
serves: {inference: {upstream: simulated, model: planned}}
stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public]}]
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("workloads")
    with an_issuer() as issuer:
        declared = declaration(issuer, organisation="provider", scopes="[control]")
        (folder / "issuers.yaml").write_text(
            declared.replace("organisation:", "roles: [provider]\n        organisation:")
        )
        with open_house(folder, issuers=folder / "issuers.yaml") as opened:
            eventually(lambda: opened.installation.issuers[0].keys.is_believed)
            opened.tokens["ci"] = issuer.token()
            yield opened


def test_a_release_that_a_workload_applies_names_it_in_the_record(house: House) -> None:
    body = {"file": FILE.replace("planned", "applied"), "documents": {}, "adopt": True}

    answer = house.ask("POST", "/control/releases", "ci", json=body)
    entry = house.entries(event="release:applied", limit=1)[0]["body"]
    me = house.ask("GET", "/control/me", "ci").json()["key"]

    assert answer.status_code == 200, answer.text
    assert entry["actor_key"] == me["id"] and me["id"].startswith("workload_")
    assert (entry["client"], entry["token"]) == ("system:serviceaccount:ml:batch", me["token"])


def test_a_change_that_a_workload_plans_is_approved_by_people_and_never_by_it(house: House) -> None:
    planned = house.ask("POST", "/control/changes", "ci", json={"file": FILE, "documents": {}, "adopt": True})
    assert planned.status_code in {200, 201}, planned.text
    change = planned.json()["change"]
    path = f"/control/changes/{change['id']}/approve"

    by_itself = house.ask("POST", path, "ci", json={"digest": change["digest"]})
    by_a_person = house.ask("POST", path, "approver", json={"digest": change["digest"]})

    assert (by_itself.status_code, by_itself.json()["code"]) == (403, "machine_cannot_agree")
    assert by_a_person.status_code == 200, by_a_person.text


def test_a_workload_narrows_and_revokes_at_once_and_issues_nothing(house: House) -> None:
    key = house.enter("leaked", "acme").id

    revoked = house.ask("POST", f"/control/keys/{key}/revoke", "ci", json={"cause": "found by the scanner"})
    issued = house.ask("POST", "/control/keys", "ci", json={"organisation": "acme"})
    created = house.ask("POST", "/control/organisations", "ci", json={"id": "by-ci", "name": "By CI"})

    assert (revoked.status_code, created.status_code) == (200, 201)
    assert (issued.status_code, issued.json()["code"]) == (403, "token_cannot_issue")


def test_a_workload_is_told_what_it_may_use_now_by_what_its_token_says(house: House) -> None:
    file = """\
release: acme/for-known
serves: {inference: {upstream: simulated, model: known}}
audiences: {known: {kyc: ">= K3"}}
stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: limited, to: [known]}]
"""
    house.ask("POST", "/control/releases", "ci", json={"file": file, "documents": {}, "adopt": True})
    path = "/control/access/acme/for-known/explain?component=inference.text"
    me = house.ask("GET", "/control/me", "ci").json()["key"]["id"]

    eventually(lambda: house.ask("GET", path, "ci").status_code == 200)
    told = house.ask("GET", path, "ci").json()
    past = house.ask("GET", f"{path}&at=2026-02-01T00:00:00Z", "ci")
    by_another = house.ask("GET", f"{path}&of={me}", "auditor")

    assert (told["key"], told["reasons"]) == (me, ["scope_too_narrow"]), "known by its token, whose scope is another"
    assert [(fact["name"], fact["value"]) for fact in told["facts"]] == [("kyc", "K3")]
    assert (past.status_code, by_another.status_code) == (400, 404)
    assert "only its holder" in by_another.json()["detail"]
