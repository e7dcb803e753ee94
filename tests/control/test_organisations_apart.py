"""What one organisation holds is never seen or touched by another, whatever name it uses."""

from typing import Any

import pytest

from gateway.identity.callers import Role
from tests.fakes.premises import LIMITED, Premises


@pytest.fixture
async def shared(house: Premises) -> dict[str, str]:
    """Ids of things that belong to acme."""
    grant = await house.ask(
        "POST", "/grants", json={"organisation": "acme", "release": LIMITED, "authority": "contract 7"}
    )
    claim = {"name": "kyc", "value": "K3", "issuer": "registry"}
    asserted = await house.ask("POST", "/organisations/acme/attributes", json=claim)
    return {
        "key": house.callers["developer"].key,
        "grant": grant.json()["id"],
        "assertion": asserted.json()["id"],
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/keys/{key}", None),
        ("POST", "/keys/{key}/rotate", {}),
        ("POST", "/keys/{key}/revoke", {"cause": "mine now"}),
        ("POST", "/keys", {"organisation": "acme"}),
        ("GET", "/organisations/acme", None),
        ("GET", "/organisations/acme/attributes", None),
    ],
)
async def test_another_organisations_object_is_not_found(
    house: Premises, shared: dict[str, str], method: str, path: str, body: Any
) -> None:
    answer = await house.ask(method, path.format(**shared), by="stranger", json=body)

    nothing = await house.ask("GET", "/keys/" + "0" * 12, by="stranger")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"] == nothing.json()["detail"]


@pytest.mark.parametrize("path", ["/keys", "/grants"])
async def test_a_list_has_only_what_is_ones_own(house: Premises, shared: dict[str, str], path: str) -> None:
    mine = (await house.ask("GET", path, by="developer")).json()
    theirs = (await house.ask("GET", path, by="stranger")).json()
    asked = await house.ask("GET", f"{path}?organisation=acme", by="stranger")

    noun = path.strip("/")
    assert mine[noun] and {each["organisation"] for each in mine[noun]} == {"acme"}
    assert {each["organisation"] for each in theirs[noun]} <= {"bolt"}
    assert not asked.json().get(noun)


async def test_oversight_sees_every_organisation(house: Premises, shared: dict[str, str]) -> None:
    for name in ("provider", "approver", "analyst", "auditor"):
        keys = (await house.ask("GET", "/keys", by=name)).json()["keys"]
        assert {"acme", "bolt", "provider"} <= {key["organisation"] for key in keys}


async def test_a_developer_issues_keys_of_its_own_organisation_and_no_wider(house: Premises) -> None:
    own = await house.ask("POST", "/keys", by="developer", json={"label": "ci", "scopes": ["inference"]})
    wide = await house.ask("POST", "/keys", by="developer", json={"roles": ["provider"]})

    assert (own.status_code, own.json()["key"]["organisation"]) == (201, "acme")
    assert (wide.status_code, wide.json()["code"]) == (403, "key_too_wide")


@pytest.mark.parametrize(
    "extra", [{"organisation_id": "bolt"}, {"role": "provider"}, {"kind": "pro"}, {"issued_by": ""}, {"id": "x"}]
)
async def test_a_field_that_is_not_declared_is_an_error(house: Premises, extra: dict[str, str]) -> None:
    issued = await house.ask("POST", "/keys", by="developer", json=extra)
    rotated = await house.ask(
        "POST", f"/keys/{house.callers['developer'].key}/rotate", by="developer", json={**extra, "roles": ["staff"]}
    )

    assert (issued.status_code, rotated.status_code) == (400, 400)


async def test_every_key_may_rotate_and_revoke_itself(house: Premises) -> None:
    rotated = await house.ask("POST", f"/keys/{house.callers['auditor'].key}/rotate", by="auditor", json={})
    house.tokens["heir"] = rotated.json()["token"]
    heir = rotated.json()["key"]

    revoked = await house.ask("POST", f"/keys/{heir['id']}/revoke", by="heir", json={"cause": "done"})

    assert (rotated.status_code, heir["roles"]) == (201, ["auditor"])
    assert revoked.json()["state"] == "revoked"


async def test_a_token_is_shown_once_and_never_again(house: Premises) -> None:
    issued = (await house.ask("POST", "/keys", json={"organisation": "acme", "roles": [Role.DEVELOPER]})).json()

    everything = [
        (await house.ask("GET", path)).text for path in ("/keys", f"/keys/{issued['key']['id']}", "/ledger", "/me")
    ]

    assert issued["token"].startswith("rsg_dev_")
    assert not any(issued["token"][-49:] in text for text in everything)
