"""What Entra ID and Okta send, request by request as their own documentation has it, and what has to come of it."""

from typing import Any

from gateway.scim.attributes import GROUP, USER
from gateway.scim.patch import PATCH
from tests.scim.conftest import Listed

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def found(listed: Listed, noun: str, text: str, **more: Any) -> list[dict[str, Any]]:
    answer = listed.ask("GET", f"/{noun}", params={"filter": text, **more})
    assert answer.status_code == 200, answer.text
    resources: list[dict[str, Any]] = answer.json()["Resources"]
    return resources


def test_entra_id_enters_somebody_changes_them_and_puts_them_out(listed: Listed) -> None:
    name = "Test_User_00aa00aa-bb11-cc22-dd33-44ee44ee44ee"
    assert found(listed, "Users", f'userName eq "{name}"', aadOptscim062020="") == []
    made = listed.ask(
        "POST",
        "/Users",
        json={
            "schemas": [USER, ENTERPRISE],
            "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
            "userName": name,
            "active": True,
            "emails": [{"primary": True, "type": "work", "value": "test@testuser.com"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "given family", "familyName": "family", "givenName": "given"},
            "roles": [],
            ENTERPRISE: {"department": "research"},
        },
    )
    assert made.status_code == 201
    user = made.json()
    path = f"/Users/{user['id']}"

    changed = listed.patch(
        path,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "updated@testuser.com"},
        {"op": "Replace", "path": "name.familyName", "value": "updated"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "someone"},
        {"op": "Add", "path": "displayName", "value": "given updated"},
        {"op": "Replace", "path": "userName", "value": "5b50642d-79fc-4410-9e90-4c077cdd1a59@testuser.com"},
    )
    assert (changed.status_code, changed.json()["displayName"]) == (200, "given updated")
    assert changed.json()["userName"].startswith("5b50642d")
    out = listed.patch(path, {"op": "Replace", "path": "active", "value": "False"})
    assert (out.status_code, out.json()["active"]) == (200, False)
    assert found(listed, "Users", f'id eq "{user["id"]}" and active eq false') == [out.json()]
    back = listed.patch(path, {"op": "Replace", "path": "active", "value": "True"})
    assert back.json()["active"] is True
    assert listed.ask("DELETE", path).status_code == 204


def test_entra_id_fills_a_group_and_empties_it(listed: Listed) -> None:
    ada, bo = listed.user()["id"], listed.user()["id"]
    name = "displayName of a group"
    assert found(listed, "Groups", f'displayName eq "{name}"', excludedAttributes="members") == []
    body = {
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
        "displayName": name,
        "meta": {"resourceType": "Group"},
    }
    made = listed.ask("POST", "/Groups", json=body)
    assert made.status_code == 201
    path = f"/Groups/{made.json()['id']}"

    for operation in (
        {"op": "Add", "path": "members", "value": [{"$ref": None, "value": ada}]},
        {"op": "Add", "path": "members", "value": [{"value": bo}, {"value": ada}]},
    ):
        assert listed.patch(path, operation).status_code == 204
    assert len(found(listed, "Groups", f'id eq "{made.json()["id"]}" and members eq "{bo}"')) == 1
    listed.patch(path, {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": ada}]})
    assert [each["value"] for each in listed.ask("GET", path).json()["members"]] == [bo]
    listed.patch(path, {"op": "Remove", "path": f'members[value eq "{bo}"]'})
    assert "members" not in listed.ask("GET", path).json()
    renamed = listed.patch(path, {"op": "Replace", "path": "displayName", "value": "another name"})
    assert renamed.json()["displayName"] == "another name"
    assert listed.ask("DELETE", path).status_code == 204


def test_okta_enters_somebody_replaces_them_and_puts_them_out(listed: Listed) -> None:
    name = "test.user@okta.local"
    listed.ask("GET", "/Users", params={"startIndex": 1, "count": 2})
    assert found(listed, "Users", f'userName eq "{name}"', startIndex=1, count=100) == []
    body: dict[str, Any] = {
        "schemas": [USER],
        "userName": name,
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "displayName": "Test User",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }
    made = listed.ask("POST", "/Users", json=body)
    assert made.status_code == 201
    path = f"/Users/{made.json()['id']}"
    assert listed.ask("POST", "/Users", json=body).status_code == 409

    read = listed.ask("GET", path).json()
    replaced = listed.ask("PUT", path, json={**read, "displayName": "Another User", "groups": []})
    assert (replaced.status_code, replaced.json()["displayName"]) == (200, "Another User")
    out = listed.patch(path, {"op": "replace", "value": {"active": False}})
    assert (out.status_code, out.json()["active"]) == (200, False)
    back = listed.ask("PUT", path, json={**out.json(), "active": True})
    assert back.json()["active"] is True
    again = listed.ask("PUT", path, json={**back.json(), "active": False})
    assert again.json()["active"] is False


def test_okta_pushes_a_group(listed: Listed) -> None:
    ada, bo = listed.user()["id"], listed.user()["id"]
    made = listed.ask("POST", "/Groups", json={"schemas": [GROUP], "displayName": "Test SCIMv2", "members": []})
    assert made.status_code == 201
    group = made.json()["id"]
    path = f"/Groups/{group}"
    listed.patch(path, {"op": "add", "path": "members", "value": [{"value": ada, "display": "test.user@okta.local"}]})

    told = listed.ask(
        "PATCH",
        path,
        json={
            "schemas": [PATCH],
            "Operations": [
                {"op": "replace", "value": {"id": group, "displayName": "Test SCIMv20"}},
                {"op": "remove", "path": f'members[value eq "{ada}"]'},
                {"op": "add", "path": "members", "value": [{"value": bo, "display": "other"}]},
            ],
        },
    )

    assert (told.status_code, told.json()["displayName"]) == (200, "Test SCIMv20")
    assert [each["value"] for each in told.json()["members"]] == [bo]
    assert found(listed, "Groups", 'displayName eq "Test SCIMv20"')[0]["id"] == group
    assert listed.ask("DELETE", path).status_code == 204
