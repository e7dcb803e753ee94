"""What a query asks for, and which attributes an answer shows."""

from typing import Any

import pytest

from gateway.errors import GatewayError, Invalid
from gateway.identity.provisioning.conditions import Comparison
from gateway.scim.attributes import GROUPS, USERS
from gateway.scim.lists import SEARCH, Shown, query_in, query_of
from gateway.scim.requests import METHODS, target_of

ADA: dict[str, Any] = {
    "schemas": [USERS.schema],
    "id": "person_1",
    "userName": "ada",
    "active": True,
    "groups": [{"value": "g1", "display": "One"}],
    "meta": {"version": "1", "location": "x"},
}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (b"", set(ADA)),
        (b"attributes=userName", {"schemas", "id", "userName"}),
        (
            b"attributes=urn:ietf:params:scim:schemas:core:2.0:User:USERNAME,active",
            {"schemas", "id", "userName", "active"},
        ),
        (b"attributes=", {"schemas", "id", "userName", "active", "groups", "meta"}),
        (b"excludedAttributes=groups,meta,id", {"schemas", "id", "userName", "active"}),
        (b"attributes=shoeSize", {"schemas", "id"}),
    ],
)
def test_what_is_asked_for_is_shown_and_what_is_shown_always(query: bytes, shown: set[str]) -> None:
    assert set(query_in(query).shown.of(ADA, USERS)) == shown


def test_parts_of_an_attribute_are_shown_and_left_out_by_name() -> None:
    assert Shown(frozenset({"groups.value"})).of(ADA, USERS)["groups"] == [{"value": "g1"}]
    assert Shown(None, frozenset({"groups.value"})).of(ADA, USERS)["groups"] == [{"display": "One"}]
    assert query_in(b"excludedAttributes=members").shown.shows("members") is False
    assert query_in(b"attributes=members.value").shown.shows("members") is True


@pytest.mark.parametrize(
    ("query", "start", "count"),
    [
        (b"", 1, 200),
        (b"startIndex=0&count=-3", 1, 0),
        (b"startIndex=-5", 1, 200),
        (b"STARTINDEX=7&COUNT=100000", 7, 200),
        (b"count=0", 1, 0),
        (b"startIndex=99999999999", 2**31, 200),
        (b"aadOptscim062020", 1, 200),
    ],
)
def test_a_page_is_where_it_can_be(query: bytes, start: int, count: int) -> None:
    read = query_in(query)

    assert (read.start, read.count) == (start, count)


@pytest.mark.parametrize(
    "query",
    [
        b"count=1.5",
        b"count=\xd9\xa3",
        b"count=%D9%A3",
        b"count=1e3",
        b"count=" + b"1" * 5000,
        b"startIndex=1&startindex=2",
        b"filter=%ff",
        b"filter=\xff",
        b"filter=userName",
        b"attributes=a&excludedAttributes=b",
        b"attributes=" + b"a," * 100,
        b"&".join(b"a%d=1" % number for number in range(100)),
        b"a=" + b"b" * 9000,
    ],
)
def test_a_query_that_cannot_be_read_is_refused(query: bytes) -> None:
    with pytest.raises(Invalid):
        query_in(query)


def test_a_search_says_the_same_in_a_body() -> None:
    read = query_of(
        {"schemas": [SEARCH], "attributes": ["userName", "id"], "filter": "active pr", "startIndex": 3, "count": 5}
    )

    assert read == query_in(b"attributes=userName,id&filter=active%20pr&startIndex=3&count=5")
    assert read.condition == Comparison("active", "pr")
    for wrong in ({}, {"schemas": []}, *({"schemas": [SEARCH], "count": each} for each in (True, 1.5, [1], {}))):
        with pytest.raises(Invalid):
            query_of(wrong)


def test_a_path_leads_where_the_table_says_and_nowhere_else() -> None:
    assert all(target_of(path.replace("{id}", "x").encode()).methods == methods for path, methods in METHODS.items())
    for path in (
        "/scim/v2",
        "/scim/v2/",
        "/scim/v2/Users/",
        "/scim/v2//Users",
        "/scim/v2/users",
        "/scim/v2/Users/a/b",
        "/scim/v2/Users/%41",
        "/scim/v2/Users/{id}",
        "/scim/v2/ServiceProviderConfig/x",
        "/scim/v2/Bulk",
        "/scim/v2/Me",
        "/scim/v1/Users",
        "/scim/Users",
        "/scim/v2/Users/" + "a" * 129,
    ):
        with pytest.raises(GatewayError):
            target_of(path.encode())


def test_every_attribute_that_an_answer_shows_is_declared() -> None:
    declared = {kind.name: {each.name for each in kind.attributes} for kind in (USERS, GROUPS)}

    assert declared == {"User": {"userName", "displayName", "active", "groups"}, "Group": {"displayName", "members"}}
