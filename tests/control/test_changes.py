"""What a provider changes here is in force at the gate, recorded, and refused where it is not understood."""

import pytest

from gateway.access.refusals import Refused
from gateway.identity import store
from gateway.releases.components import Component
from tests.builders import a_call, an_assertion
from tests.fakes.premises import DOCUMENTS, LIMITED, OPEN, Premises, open_release


async def usable(house: Premises, by: str, release: str) -> str:
    """Whether a caller may use a release: `yes`, or the reason why not."""
    try:
        async with house.gate.admit(house.callers[by], Component.TEXT, release, a_call(output_tokens=1)):
            return "yes"
    except Refused as refused:
        return refused.code


async def test_a_grant_admits_until_it_is_revoked(house: Premises) -> None:
    before = await usable(house, "developer", LIMITED)
    given = await house.ask(
        "POST", "/grants", json={"organisation": "acme", "release": LIMITED, "authority": "contract 7"}
    )
    between = await usable(house, "developer", LIMITED)
    revoked = await house.ask("POST", f"/grants/{given.json()['id']}/revoke", json={"cause": "contract ended"})
    again = await house.ask("POST", f"/grants/{given.json()['id']}/revoke", json={"cause": "twice"})
    after = await usable(house, "developer", LIMITED)

    assert (before, between, after) == ("grant_required", "yes", "grant_ended")
    assert (given.status_code, given.json()["active"], revoked.json()["active"]) == (201, True, False)
    assert again.status_code == 409


async def test_a_grant_is_only_given_to_what_there_is(house: Premises) -> None:
    nobody = {"organisation": "nobody", "release": LIMITED, "authority": "x"}
    nothing = {"organisation": "acme", "release": "acme/nothing", "authority": "x"}
    past = {"organisation": "acme", "release": LIMITED, "authority": "x", "ends_at": "2024-01-01T00:00:00Z"}

    answers = [await house.ask("POST", "/grants", json=body) for body in (nobody, nothing, past)]

    assert [(a.status_code, a.json()["param"]) for a in answers] == [
        (400, "organisation"),
        (400, "release"),
        (400, "ends_at"),
    ]


async def test_terms_bind_the_organisation_once_any_developer_accepted_the_text_in_force(house: Premises) -> None:
    text = (await house.ask("GET", f"/releases/{OPEN}/terms/aup", by="developer")).json()
    accept = f"/releases/{OPEN}/terms/aup/accept"
    wrong = await house.ask("POST", accept, by="developer", json={"digest": "sha256:" + "0" * 64})
    before = await usable(house, "developer", OPEN)
    accepted = await house.ask("POST", accept, by="developer", json={"digest": text["digest"]})
    again = await house.ask("POST", accept, by="developer", json={"digest": text["digest"]})

    assert text["text"] == DOCUMENTS["terms/aup.md"]
    assert (wrong.status_code, wrong.json()["code"]) == (409, "terms_changed")
    assert (before, await usable(house, "developer", OPEN)) == ("terms_not_accepted", "yes")
    assert (await usable(house, "stranger", OPEN)) == "terms_not_accepted"
    assert (accepted.json()["before"], again.json()["before"]) == (False, True)


async def test_terms_of_a_hidden_release_are_not_found_as_those_of_none(house: Premises) -> None:
    hidden = await house.ask("GET", "/releases/acme/closed/terms", by="developer")
    absent = await house.ask("GET", "/releases/acme/nothing/terms", by="developer")

    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert {**hidden.json(), "request_id": ""} == {**absent.json(), "request_id": ""}


async def test_a_file_is_validated_without_a_change_and_applied_with_one(house: Premises) -> None:
    changed = open_release().replace("requests_per_minute: 60", "requests_per_minute: 30")
    sent = {"file": changed, "documents": DOCUMENTS}
    validated = (await house.ask("POST", "/releases/validate", json=sent)).json()
    before = (await house.ask("GET", f"/releases/{OPEN}")).json()
    applied = (await house.ask("POST", "/releases", json=sent)).json()
    again = (await house.ask("POST", "/releases", json=sent)).json()
    versions = (await house.ask("GET", f"/releases/{OPEN}/versions")).json()["versions"]

    assert (validated["changes"], validated["in_force"]) == (True, before["digest"])
    assert (applied["number"], applied["digest"], applied["changed"]) == (2, validated["digest"], True)
    assert again["changed"] is False
    assert [version["stages"][0]["requests_per_minute"] for version in versions] == [30, 60]


async def test_an_apply_on_a_base_that_moved_is_refused(house: Premises) -> None:
    sent = {"file": open_release().replace("60", "30"), "documents": DOCUMENTS, "base": "sha256:" + "0" * 64}

    answer = await house.ask("POST", "/releases", json=sent)

    assert (answer.status_code, answer.json()["code"]) == (409, "release_moved")


async def test_a_disabled_organisation_is_shut_out_at_once(house: Premises) -> None:
    disabled = await house.ask("POST", "/organisations/acme/disable", json={"cause": "misuse"})

    assert disabled.json()["state"] == "disabled"
    assert (await house.ask("GET", "/me", by="developer")).status_code == 401
    assert (await house.ask("GET", "/me", by="stranger")).status_code == 200


async def test_keys_of_a_disabled_organisation_are_shown_as_disabled(house: Premises) -> None:
    async def states() -> dict[str, str]:
        keys = (await house.ask("GET", "/keys")).json()["keys"]
        return {key["organisation"]: key["state"] for key in keys}

    before = await states()
    await house.ask("POST", "/organisations/acme/disable", json={"cause": "misuse"})
    one = (await house.ask("GET", f"/keys/{house.callers['developer'].key}")).json()

    assert set(before.values()) == {"standing"}
    assert await states() == before | {"acme": "disabled"}
    assert one["state"] == "disabled"


async def test_nothing_is_granted_to_a_disabled_organisation(house: Premises) -> None:
    await house.ask("POST", "/organisations/acme/disable", json={"cause": "misuse"})

    refused = await house.ask("POST", "/grants", json={"organisation": "acme", "release": LIMITED, "authority": "x"})

    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "`acme` is disabled" in refused.json()["detail"] and refused.json()["next_step"]
    assert (await house.ask("GET", "/grants")).json()["grants"] == []


async def test_a_grant_says_how_it_stands(house: Premises) -> None:
    body = {"organisation": "acme", "release": LIMITED, "authority": "x", "ends_at": "2100-06-01T00:00:00Z"}
    later = body | {"starts_at": "2100-01-01T00:00:00Z"}
    past = body | {"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-12-31T00:00:00Z"}

    states = [(await house.ask("POST", "/grants", json=sent)).json()["state"] for sent in (later, past)]
    listed = (await house.ask("GET", "/grants")).json()["grants"]
    for grant in listed:
        await house.ask("POST", f"/grants/{grant['id']}/revoke", json={"cause": "over"})
    revoked = (await house.ask("GET", "/grants")).json()["grants"]

    assert states == ["to come", "active"]
    assert {grant["state"] for grant in listed} == {"to come", "active"}
    assert {grant["state"] for grant in revoked} == {"revoked"}


async def test_a_grant_that_no_stage_asks_for_is_given_with_a_warning(house: Premises) -> None:
    answers = [
        await house.ask("POST", "/grants", json={"organisation": "acme", "release": release, "authority": "x"})
        for release in (OPEN, LIMITED)
    ]

    useless, useful = (answer.json()["warnings"] for answer in answers)
    assert [f"No stage of `{OPEN}` asks for a grant" in warning for warning in useless] == [True]
    assert useful == []


async def test_a_scope_for_a_release_that_there_is_not_is_issued_with_a_warning_that_tells_nothing_hidden(
    house: Premises,
) -> None:
    async def warnings(by: str, *scopes: str) -> list[str]:
        return (await house.ask("POST", "/keys", by=by, json={"scopes": list(scopes)})).json()["warnings"]  # type: ignore[no-any-return]

    mistyped = await warnings("provider", "inference:acme/opn", f"inference:{OPEN}", "control:read", "control")
    absent = await warnings("developer", "inference:acme/nothere")
    hidden = await warnings("developer", "inference:acme/closed")

    assert len(mistyped) == 1 and "`acme/opn`" in mistyped[0]
    assert absent[0].replace("acme/nothere", "acme/closed") == hidden[0]
    assert await warnings("provider", "inference:acme/closed") == []


async def test_a_version_shows_what_each_audience_asks(house: Premises) -> None:
    await house.apply(
        """\
release: acme/asking
serves: {inference: {upstream: simulated, model: x}}
audiences: {testers: {grant: required, kyc@2: ">= K3", residence_country: {not_in: [KP, SY]}, on_unknown: allow}}
stages:
  - name: preview
    opens: 2024-01-01T00:00:00Z
    access: limited
    to: [testers]
    conditions: {max_output_tokens: 9, log: metadata+hash, retain_days: 7}
"""
    )

    version = (await house.ask("GET", "/releases/acme/asking")).json()

    assert version["audiences"] == {
        "testers": {
            "asks": [
                {"attribute": "grant", "op": "=", "value": "required", "assurance": 0},
                {"attribute": "kyc", "op": ">=", "value": "K3", "assurance": 2},
                {"attribute": "residence_country", "op": "not_in", "value": ["KP", "SY"], "assurance": 0},
            ],
            "on_unknown": "allow",
        }
    }


async def test_attributes_are_asserted_listed_and_withdrawn(house: Premises) -> None:
    for value, assurance in (("K1", 0), ("K4", 3)):
        claim = {"name": "kyc", "value": value, "issuer": "registry", "assurance": assurance}
        assert (await house.ask("POST", "/organisations/acme/attributes", json=claim)).status_code == 201
    listed = (await house.ask("GET", "/organisations/acme/attributes", by="developer")).json()
    strongest = next(each for each in listed if each["stands"])
    path = f"/organisations/acme/attributes/{strongest['id']}/withdraw"
    await house.ask("POST", path, json={"cause": "expired passport"})
    left = (await house.ask("GET", "/organisations/acme/attributes")).json()

    assert strongest["value"] == "K4"
    assert [(each["value"], each["stands"]) for each in left] == [("K1", True)]


async def test_an_assertion_that_is_outranked_says_so_in_its_own_answer(house: Premises) -> None:
    path, answers = "/organisations/acme/attributes", []
    for value, assurance in (("DE", 3), ("KP", 1), ("FR", 3)):
        claim = {"name": "residence_country", "value": value, "issuer": "registry", "assurance": assurance}
        answers.append((await house.ask("POST", path, json=claim)).json())

    strong, weak, later = answers
    assert [each["stands"] for each in answers] == [True, False, True]
    assert (strong["outranked_by"], later["outranked_by"]) == (None, None)
    assert (weak["outranked_by"]["id"], weak["outranked_by"]["value"]) == (strong["id"], "DE")


async def test_a_fact_that_cannot_be_is_refused_at_the_door(house: Premises) -> None:
    path = "/organisations/acme/attributes"
    country = {"name": "residence_country", "value": "North Korea", "issuer": "registry"}
    unknown = {"name": "residence_contry", "value": "KP", "issuer": "registry"}

    answers = [await house.ask("POST", path, json=claim) for claim in (country, unknown)]

    assert [(a.status_code, a.json()["param"]) for a in answers] == [(400, "value"), (400, "name")]
    assert "two letters" in answers[0].json()["detail"]
    assert "Did you mean `residence_country`?" in answers[1].json()["detail"]


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("kp", "attribute_unknown"),
        ("North Korea", "attribute_unknown"),
        ("PRK", "attribute_unknown"),
        (("DE", "kp"), "attribute_unknown"),
        ("KP", "audience_not_admitted"),
        ("DE", "yes"),
    ],
)
async def test_a_misspelt_country_in_the_record_opens_no_gate(
    house: Premises, value: str | tuple[str, ...], answer: str
) -> None:
    """Such as was asserted before values were held to their forms, or came into the database another way."""
    await house.apply(
        """\
release: acme/abroad
serves: {inference: {upstream: simulated, model: x}}
audiences: {elsewhere: {residence_country: {not_in: [KP, SY]}, on_unknown: deny}}
stages: [{name: preview, opens: 2024-01-01T00:00:00Z, access: limited, to: [elsewhere], offers: [inference.text]}]
"""
    )
    assertion = an_assertion("residence_country", value)
    await house.installation.database.write(lambda connection: store.add_assertion(connection, "acme", assertion, "x"))
    house.areas.directory.drop_all()

    assert await usable(house, "developer", "acme/abroad") == answer


async def test_the_policy_in_force_is_named_by_its_digest(house: Premises) -> None:
    answer = (await house.ask("GET", "/policy", by="auditor")).json()

    assert answer["digest"].startswith("sha256:")
