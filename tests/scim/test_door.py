"""The door over the wire: resources, versions, errors in SCIM's own shape, and what hostile callers get."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.identity.callers import Role
from gateway.scim.answers import ERROR, TYPES
from gateway.scim.attributes import GROUP, USER
from gateway.scim.lists import SEARCH
from gateway.scim.patch import PATCH
from tests.scim.conftest import SCIM, Listed

# Resources.


def test_a_user_is_told_as_the_specification_has_it_and_found_again(listed: Listed) -> None:
    body = {"schemas": [USER], "userName": "Ada@example.com", "externalId": "a-1", "displayName": "Ada", "emails": [{}]}
    made = listed.ask("POST", "/Users", json=body)

    told = made.json()
    assert (made.status_code, made.headers["content-type"]) == (201, "application/scim+json; charset=utf-8")
    assert told | body | {"emails": None} == {**told, **body, "emails": None} and "emails" not in told
    assert told["active"] is True and told["id"].startswith("person_")
    assert made.headers["location"] == told["meta"]["location"]
    assert told["meta"]["location"] == f"{listed.house.installation.issuer.url}/scim/v2/Users/{told['id']}"
    assert made.headers["etag"] == told["meta"]["version"]
    assert made.headers["cache-control"] == "no-store"
    assert listed.ask("GET", f"/Users/{told['id']}").json() == told
    found = listed.ask("GET", "/Users", params={"filter": 'userName eq "ADA@EXAMPLE.COM"'}).json()
    assert (found["totalResults"], found["itemsPerPage"], found["Resources"]) == (1, 1, [told])


def test_who_is_replaced_without_a_word_on_being_active_stays_as_they_were(listed: Listed) -> None:
    user = listed.user(displayName="Bo", active=False)
    body = {"schemas": [USER], "userName": user["userName"], "id": "person_other", "groups": [{"value": "x"}]}

    told = listed.ask("PUT", f"/Users/{user['id']}", json=body).json()

    assert (told["id"], told["active"]) == (user["id"], False)
    assert not {"displayName", "groups"} & set(told)
    assert listed.ask("PUT", f"/Users/{user['id']}", json={**body, "active": True}).json()["active"] is True


def test_who_is_deleted_is_gone_and_the_name_is_free(listed: Listed) -> None:
    user = listed.user(externalId="gone")
    group = listed.group(user["id"])

    told = listed.ask("DELETE", f"/Users/{user['id']}")

    assert (told.status_code, told.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert listed.ask(method, f"/Users/{user['id']}").status_code == 404
    assert listed.patch(f"/Users/{user['id']}", {"op": "replace", "value": {"active": True}}).status_code == 404
    assert "members" not in listed.ask("GET", f"/Groups/{group['id']}").json()
    again = listed.user(userName=user["userName"], externalId="gone")
    assert again["id"] != user["id"]


def test_groups_show_who_is_in_them_and_people_which_they_are_in(listed: Listed) -> None:
    ada, bo = listed.user(), listed.user()
    group = listed.group(ada["id"])
    path = f"/Groups/{group['id']}"

    assert listed.patch(path, {"op": "add", "path": "members", "value": [{"value": bo["id"]}]}).status_code == 204
    both = listed.ask("GET", path).json()
    one = listed.patch(
        path,
        {"op": "remove", "path": f'members[value eq "{ada["id"]}"]'},
        params={"attributes": "members"},
        headers={"if-match": both["meta"]["version"]},
    ).json()
    shown = listed.ask("GET", f"/Users/{bo['id']}").json()["groups"]

    assert {each["value"] for each in both["members"]} == {ada["id"], bo["id"]}
    assert [each["value"] for each in one["members"]] == [bo["id"]]
    assert shown == [
        {
            "value": group["id"],
            "$ref": group["meta"]["location"],
            "display": group["displayName"],
            "type": "direct",
        }
    ]
    assert "members" not in listed.ask("GET", path, params={"excludedAttributes": "members"}).json()
    query = {"filter": f'displayName eq "{group["displayName"]}"', "excludedAttributes": "members"}
    assert "members" not in listed.ask("GET", "/Groups", params=query).json()["Resources"][0]
    assert listed.ask("DELETE", path).status_code == 204
    assert "groups" not in listed.ask("GET", f"/Users/{bo['id']}").json()


def test_a_search_that_is_too_much_for_one_list_is_not_answered_by_the_other(
    listed: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = listed.group(*[listed.user()["id"] for _ in range(2)])
    groups = listed.ask("GET", "/Groups").json()["totalResults"]
    people = [listed.user() for _ in range(groups + 1)]
    monkeypatch.setattr("gateway.identity.provisioning.costs.COMPARED_MAX", groups)
    body = {"schemas": [SEARCH], "filter": f'displayName eq "{group["displayName"]}"'}

    assert listed.ask("POST", "/Groups/.search", json=body).json()["totalResults"] == 1
    refused = listed.ask("POST", "/.search", json=body)
    assert (refused.status_code, refused.json()["scimType"]) == (400, "tooMany")
    named = {"schemas": [SEARCH], "filter": f'id eq "{people[0]["id"]}"'}
    assert listed.ask("POST", "/.search", json=named).json()["totalResults"] == 1


def test_a_list_begins_where_it_is_asked_to_and_holds_as_many(listed: Listed) -> None:
    for _ in range(3):
        listed.user(displayName="paged")
    query = {"filter": 'displayName eq "paged"'}

    pages = [listed.ask("GET", "/Users", params={**query, "startIndex": n, "count": 2}).json() for n in (1, 3, 9)]
    none = listed.ask("GET", "/Users", params={**query, "count": 0}).json()

    assert [(p["totalResults"], p["startIndex"], len(p["Resources"])) for p in pages] == [
        (3, 1, 2),
        (3, 3, 1),
        (3, 9, 0),
    ]
    assert (none["totalResults"], none["Resources"]) == (3, [])


def test_both_lists_are_searched_at_once_and_each_alone(listed: Listed) -> None:
    name = "searched for"
    ada = listed.user(displayName=name)
    team = listed.group(ada["id"], displayName=name)
    body: dict[str, Any] = {"schemas": [SEARCH], "filter": f'displayName eq "{name}"', "attributes": ["displayName"]}

    def found(path: str, **more: Any) -> tuple[int, list[str]]:
        answer = listed.ask("POST", f"{path}/.search", json={**body, **more}).json()
        return answer["totalResults"], [each["id"] for each in answer["Resources"]]

    assert found("") == (2, [ada["id"], team["id"]])
    assert found("", count=1) == (2, [ada["id"]])
    assert found("", startIndex=2) == (2, [team["id"]])
    assert found("/Users") == (1, [ada["id"]]) and found("/Groups") == (1, [team["id"]])
    assert found("", filter=f'members.value eq "{ada["id"]}"') == (1, [team["id"]])
    assert listed.ask("POST", "/.search", json={**body, "filter": 'shoeSize eq "1"'}).status_code == 400


def test_a_version_is_what_was_read_or_nothing_is_done(listed: Listed) -> None:
    user = listed.user()
    path, version = f"/Users/{user['id']}", user["meta"]["version"]
    rename = {"op": "replace", "path": "displayName", "value": "New"}

    assert listed.ask("GET", path, headers={"if-none-match": version}).status_code == 304
    changed = listed.patch(path, rename, headers={"if-match": version})
    late = listed.patch(path, rename, headers={"if-match": version})
    gone = listed.ask("DELETE", path, headers={"if-match": version})

    assert changed.status_code == 200 and changed.headers["etag"] != version
    assert (late.status_code, gone.status_code) == (412, 412)
    assert listed.ask("GET", path, headers={"if-none-match": version}).status_code == 200
    strong = changed.headers["etag"].removeprefix("W/")
    assert listed.ask("DELETE", path, headers={"if-match": f'"other", {strong}'}).status_code == 204


def test_what_changes_nothing_is_no_act_and_no_version(listed: Listed) -> None:
    user = listed.user(displayName="Same")
    before = listed.house.newest()

    told = listed.patch(f"/Users/{user['id']}", {"op": "Replace", "value": {"displayName": "Same", "active": "True"}})

    assert told.json() == user and listed.house.newest() == before


# What the door says of itself.


def test_the_door_describes_what_it_does(listed: Listed) -> None:
    configuration = listed.ask("GET", "/ServiceProviderConfig").json()
    types = listed.ask("GET", "/ResourceTypes").json()["Resources"]
    schemas = listed.ask("GET", "/Schemas").json()["Resources"]

    offered = {name for name, said in configuration.items() if isinstance(said, dict) and said.get("supported")}
    assert offered == {"patch", "filter", "etag"}
    assert [(each["id"], each["endpoint"], each["schema"]) for each in types] == [
        ("User", "/Users", USER),
        ("Group", "/Groups", GROUP),
    ]
    assert [listed.ask("GET", f"/Schemas/{each['id']}").json() for each in schemas] == schemas
    assert [listed.ask("GET", f"/ResourceTypes/{each['id']}").json() for each in types] == types
    assert listed.ask("GET", "/Schemas", params={"filter": 'id eq "x"'}).status_code == 403
    assert listed.ask("GET", "/Schemas/urn:other").status_code == 404


# Who may.


def test_a_key_for_the_list_opens_nothing_else_and_others_do_not_open_the_list(listed: Listed) -> None:
    house = listed.house
    house.enter("administrator", "provider", Role.PROVIDER, scopes=("control",))
    house.enter("elsewhere", "provider", Role.PROVIDER, scopes=("scim:other",))

    assert house.ask("GET", "/v1/models", "directory").json()["data"] == []
    assert house.ask("GET", "/control/keys", "directory").json()["code"] == "scope_too_narrow"
    assert house.ask("POST", "/control/keys", "directory", json={"roles": ["provider"]}).status_code == 403
    assert house.chat(house.models["api"], "directory").status_code == 403
    told = {by: listed.ask("GET", "/Users", by) for by in ("administrator", "developer", "auditor", "elsewhere")}
    assert {by: (each.status_code, each.headers["x-error-code"]) for by, each in told.items()} == {
        "administrator": (403, "scope_too_narrow"),
        "developer": (403, "role_required"),
        "auditor": (403, "role_required"),
        "elsewhere": (403, "no_provider"),
    }
    assert listed.ask("GET", "/Users", "provider").status_code == 200


def test_a_client_of_the_providers_keeps_the_list_by_tokens(listed: Listed) -> None:
    house = listed.house
    made = house.control("/clients", roles=["provider"], scopes=["scim"])
    client = made["client"]["client"]["id"], made["client_secret"]
    form = {"grant_type": "client_credentials", "scope": "scim"}
    house.tokens["token"] = house.client.post(f"{house.url}/oauth/token", data=form, auth=client).json()["access_token"]

    answer = listed.ask("POST", "/Users", "token", json={"schemas": [USER], "userName": "by-token@example.com"})

    assert answer.status_code == 201
    entry = house.entries(event="person:created", limit=1)[0]["body"]
    assert (entry["actor_key"], entry["token"].startswith("token_")) == (client[0], True)


# What is wrong.

WRONG: dict[str, tuple[int, str, str, str, dict[str, Any]]] = {
    "an unknown path": (404, "", "GET", "/Bulk", {}),
    "bulk": (404, "", "POST", "/Bulk", {"json": {}}),
    "me": (404, "", "GET", "/Me", {}),
    "another method": (405, "", "DELETE", "/Users", {}),
    "head": (405, "", "HEAD", "/Users", {}),
    "an unknown person": (404, "", "GET", "/Users/person_" + "0" * 24, {}),
    "an id that is none": (404, "", "GET", "/Users/1", {}),
    "a group for a person": (404, "", "GET", "/Users/group_" + "0" * 24, {}),
    "an unknown group": (404, "", "DELETE", "/Groups/group_" + "0" * 24, {}),
    "no body": (400, "invalidSyntax", "POST", "/Users", {"headers": {"content-type": SCIM}}),
    "no JSON": (400, "invalidSyntax", "POST", "/Users", {"content": b"{", "headers": {"content-type": SCIM}}),
    "no UTF-8": (400, "invalidSyntax", "POST", "/Users", {"content": b'"\xff"', "headers": {"content-type": SCIM}}),
    "a list": (400, "invalidSyntax", "POST", "/Users", {"json": []}),
    "another type": (
        400,
        "invalidSyntax",
        "POST",
        "/Users",
        {"content": b"{}", "headers": {"content-type": "text/plain"}},
    ),
    "a name twice": (
        400,
        "invalidSyntax",
        "POST",
        "/Users",
        {"content": b'{"userName": "a", "userName": "b"}', "headers": {"content-type": SCIM}},
    ),
    "a name twice by case": (400, "invalidSyntax", "POST", "/Users", {"json": {"userName": "a", "USERNAME": "b"}}),
    "nested deeply": (
        400,
        "invalidSyntax",
        "POST",
        "/Users",
        {"content": b'{"a":' * 5000, "headers": {"content-type": SCIM}},
    ),
    "too long": (
        413,
        "",
        "POST",
        "/Users",
        {"content": b'{"a":"' + b"b" * (1 << 20) + b'"}', "headers": {"content-type": SCIM}},
    ),
    "no schemas": (400, "invalidSyntax", "POST", "/Users", {"json": {"userName": "x"}}),
    "another schema": (400, "invalidSyntax", "POST", "/Users", {"json": {"schemas": [GROUP], "userName": "x"}}),
    "schemas as a text": (400, "invalidSyntax", "POST", "/Users", {"json": {"schemas": USER, "userName": "x"}}),
    "no name": (400, "invalidValue", "POST", "/Users", {"json": {"schemas": [USER]}}),
    "a name that is none": (400, "invalidValue", "POST", "/Users", {"json": {"schemas": [USER], "userName": 1}}),
    "a name with NUL": (400, "invalidValue", "POST", "/Users", {"json": {"schemas": [USER], "userName": "a\0b"}}),
    "a name turned round": (
        400,
        "invalidValue",
        "POST",
        "/Users",
        {"json": {"schemas": [USER], "userName": "a\u202eb"}},
    ),
    "half a character": (
        400,
        "invalidSyntax",
        "POST",
        "/Users",
        {"content": b'{"schemas":["%b"],"userName":"\\ud800"}' % USER.encode(), "headers": {"content-type": SCIM}},
    ),
    "active as a number": (
        400,
        "invalidValue",
        "POST",
        "/Users",
        {"json": {"schemas": [USER], "userName": "x", "active": 1}},
    ),
    "members who are not there": (
        400,
        "invalidValue",
        "POST",
        "/Groups",
        {"json": {"schemas": [GROUP], "displayName": "x", "members": [{"value": "person_" + "0" * 24}]}},
    ),
    "a patch that is none": (400, "invalidSyntax", "PATCH", "/Users/person_" + "0" * 24, {"json": {"schemas": [USER]}}),
    "a filter that is none": (400, "invalidFilter", "GET", "/Users", {"params": {"filter": "userName"}}),
    "a filter on mail": (400, "invalidFilter", "GET", "/Users", {"params": {"filter": 'emails.value eq "a"'}}),
    "a count that is none": (400, "invalidValue", "GET", "/Users", {"params": {"count": "many"}}),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_is_wrong_is_told_in_scims_own_words(listed: Listed, how: str) -> None:
    status, name, method, path, sent = WRONG[how]

    answer = listed.ask(method, path, **sent)

    assert answer.status_code == status
    if method == "HEAD":
        assert answer.content == b""
        return
    told = answer.json()
    assert (told["schemas"], told["status"], told.get("scimType", "")) == ([ERROR], str(status), name)
    assert told["detail"] and answer.headers["content-type"].startswith(SCIM)


def test_a_name_that_is_taken_is_told_as_such(listed: Listed) -> None:
    user = listed.user(externalId="taken")

    for said in ({"userName": user["userName"].upper()}, {"userName": "free@example.com", "externalId": "taken"}):
        answer = listed.ask("POST", "/Users", json={"schemas": [USER], **said})
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")


def test_strangers_hear_nothing_but_that_they_are(listed: Listed) -> None:
    for path in ("/Users", "/ServiceProviderConfig", "/nowhere"):
        answer = listed.house.ask("GET", f"/scim/v2{path}")
        assert (answer.status_code, answer.json()["status"]) == (401, "401")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_what_a_client_may_not_set_is_passed_over_and_what_it_says_is_never_logged(
    listed: Listed, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = "canary-41c7"
    listed.ask("POST", "/Users", json={"schemas": [USER], "userName": f"{canary}\n", "password": canary})
    user = listed.user(password=canary, roles=[{"value": "provider"}], meta={"location": "http://evil.example"})

    assert canary not in json.dumps(user) and not {"password", "roles"} & set(user)
    assert "evil" not in json.dumps(user)
    assert canary not in json.dumps(listed.house.entries(limit=50))
    said = capsys.readouterr()
    assert canary not in said.out + said.err


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
names = st.sampled_from(
    [*("schemas", "userName", "active", "members", "value", "op", "path", "Operations", "externalId"), "$ref", "x"]
)
bodies = st.recursive(
    leaves | st.sampled_from([USER, GROUP, PATCH, "replace", "add", "remove", 'members[value eq "x"]']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=bodies,
    method=st.sampled_from(["POST", "PUT", "PATCH", "GET", "DELETE"]),
    path=st.sampled_from(["/Users", "/Groups", "/Users/.search", "/.search", "USER", "GROUP"]),
    frame=st.booleans(),
)
def test_no_body_does_more_than_be_refused_or_taken(
    listed: Listed, body: Any, method: str, path: str, frame: bool
) -> None:
    kept = _kept(listed)
    if frame:
        body = {"schemas": [USER, GROUP, PATCH, SEARCH], "Operations": [body], "userName": body, "displayName": body}
    answer = listed.ask(method, kept.get(path, path), content=json.dumps(body), headers={"content-type": SCIM})

    # A machine that is too busy is told of by its own code; `unavailable` alone stands for what was not foreseen.
    assert answer.status_code < 500 or answer.headers["x-error-code"] != "unavailable"
    if 400 <= answer.status_code < 500:
        told = answer.json()
        assert told["schemas"] == [ERROR] and told.get("scimType", "tooMany") in TYPES


def _kept(listed: Listed) -> dict[str, str]:
    """Somebody and a group to be changed; made anew where the last request took them off."""
    name, team = "fuzzed@example.com", "Fuzzed"
    found = listed.ask("GET", "/Users", params={"filter": 'externalId eq "fuzzed"'}).json()["Resources"]
    user = found[0] if found else None
    if user is None:
        made = listed.ask("POST", "/Users", json={"schemas": [USER], "userName": name, "externalId": "fuzzed"})
        user = made.json() if made.status_code == 201 else listed.user(externalId="fuzzed")
    groups = listed.ask("GET", "/Groups", params={"filter": f'displayName eq "{team}"'}).json()["Resources"]
    group = groups[0] if groups else listed.group(displayName=team)
    return {"USER": f"/Users/{user['id']}", "GROUP": f"/Groups/{group['id']}"}
