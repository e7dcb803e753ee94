"""Abuse 8: no key can make itself, or another, wider than it is; and nothing rides along in a body."""

from datetime import datetime
from itertools import product
from random import Random
from typing import Any

import pytest

from gateway.clock import DAY
from gateway.identity.callers import Role
from gateway.identity.rights import Rights, beyond
from tests.fakes.house import House

ISSUERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "nothing": {"scopes": ()},
    "caller": {"scopes": ("inference",)},
    "one model": {"scopes": ("control", "inference:demo/general-1")},
    "control": {"scopes": ("control",)},
    "reader": {"scopes": ("control:read",)},
    "nowhere": {"networks": ()},
    "near": {"networks": ("127.0.0.0/8",), "scopes": ("control", "inference")},
    "short": {"lifetime": 2 * DAY},
}

ROLES = [["developer"], ["staff"], ["provider"], ["developer", "provider"]]
SCOPES = [None, [], ["inference"], ["control"], ["inference:demo/general-1"], ["weights"]]
NETWORKS = [None, ["0.0.0.0/0"], ["127.0.0.1/32"], ["::/0"]]
DAYS = [None, 1, 365]
ORDERS = 40
"""Sampled of all that these can be combined to."""

RIDING = [
    {"role": "provider"},
    {"user_role": "provider"},
    {"kind": "pro"},
    {"id": "AAAAAAAAAAAA"},
    {"key": "AAAAAAAAAAAA"},
    {"organisation_id": "globex"},
    {"tenant": "globex"},
    {"issued_by": ""},
    {"expires": "2099-01-01T00:00:00Z"},
    {"lifetime": 10**18},
    {"state": "standing"},
    {"revoked_at": None},
    {"is_admin": True},
    {"attributes": [{"name": "kyc", "value": "K5"}]},
    {"__proto__": {"roles": ["provider"]}},
    {"permissions": ["*"]},
    {"models": ["*"]},
]


@pytest.fixture(scope="module")
def issuers(house: House) -> dict[str, str]:
    """Id of each issuing key, by name."""
    return {name: house.enter(name, "acme", Role.DEVELOPER, **rights).id for name, rights in ISSUERS.items()}


def rights_of(shown: dict[str, Any]) -> Rights:
    """The rights of a key as the door shows it."""
    days = _microseconds(shown["expires_at"]) - _microseconds(shown["issued_at"])
    return Rights(
        tuple(Role(role) for role in shown["roles"]),
        None if shown["scopes"] is None else tuple(shown["scopes"]),
        None if shown["networks"] is None else tuple(shown["networks"]),
        days,
    )


@pytest.mark.parametrize("name", ISSUERS)
def test_whatever_a_developers_key_asks_for_it_issues_none_wider_than_itself(
    house: House, issuers: dict[str, str], name: str
) -> None:
    own = rights_of(house.ask("GET", f"/control/keys/{issuers[name]}", "provider").json())
    orders = [
        {"roles": roles, "scopes": scopes, "networks": networks, "days": days}
        for roles, scopes, networks, days in Random(8).sample([*product(ROLES, SCOPES, NETWORKS, DAYS)], ORDERS)
    ]
    orders += [{"roles": ["developer"], "networks": ["127.0.0.1/32"], "scopes": ["control"], "days": 1}]

    told = [house.ask("POST", "/control/keys", name, json=order) for order in orders]

    made = [answer.json()["key"] for answer in told if answer.status_code == 201]
    assert all(answer.status_code in {201, 401, 403} for answer in told)
    assert [key for key in made if beyond(rights_of(key), own) or key["organisation"] != "acme"] == []
    assert bool(made) == (name in {"plain", "one model", "control", "near", "short"})


@pytest.mark.parametrize("name", ["reader", "one model", "short", "near"])
def test_a_successor_is_no_wider_than_what_it_succeeds(house: House, issuers: dict[str, str], name: str) -> None:
    wider: list[dict[str, Any]] = [
        {"scopes": None},
        {"scopes": ["control"], "networks": None},
        {"scopes": ["inference", "weights", "control"]},
        {"networks": ["0.0.0.0/0"]},
        {"overlap_s": 10**9},
        {"overlap_s": -1},
        {"roles": ["provider"]},
        {"days": 365},
    ]
    own = rights_of(house.ask("GET", f"/control/keys/{issuers[name]}", "provider").json())

    told = [house.ask("POST", f"/control/keys/{issuers[name]}/rotate", name, json=asked) for asked in wider]
    told += [house.ask("POST", f"/control/keys/{issuers[name]}/rotate", "provider", json=asked) for asked in wider]

    made = [answer.json()["key"] for answer in told if answer.status_code == 201]
    assert [key for key in made if beyond(rights_of(key), own)] == []
    assert {answer.status_code for answer in told} <= {201, 400, 403, 409}


def test_rotating_again_and_again_lets_no_key_live_longer(house: House) -> None:
    house.enter("first", "acme", Role.DEVELOPER, lifetime=2 * DAY)
    key = house.ask("GET", "/control/me", "first").json()["key"]["id"]
    for turn in range(3):
        issued = house.ask("POST", f"/control/keys/{key}/rotate", "first" if not turn else "heir", json={})
        assert rights_of(issued.json()["key"]).lifetime <= 2 * DAY
        key, house.tokens["heir"] = issued.json()["key"]["id"], issued.json()["token"]
        house.follow()

    again = house.ask("POST", f"/control/keys/{house.ask('GET', '/control/me', 'first').json()['key']['id']}/rotate")

    assert again.status_code == 401, "nobody rotates without a key"


@pytest.mark.parametrize("extra", RIDING, ids=lambda extra: next(iter(extra)))
def test_a_field_that_rides_along_is_an_error_on_every_route_that_takes_a_body(
    house: House, issuers: dict[str, str], extra: dict[str, Any]
) -> None:
    key = issuers["plain"]
    before = house.run(house.installation.ledger.news(0)).revision

    told = [
        house.ask("POST", path, by, json={**body, **extra})
        for by in ("plain", "provider")
        for path, body in {
            "/control/keys": {},
            f"/control/keys/{key}/rotate": {},
            f"/control/keys/{key}/revoke": {"cause": "x"},
            "/control/organisations": {"name": "Rider"} | ({} if "id" in extra else {"id": "rider"}),
            "/control/organisations/acme/attributes": {"name": "kyc", "value": "K5", "issuer": "me"},
            "/control/grants": {"organisation": "acme", "release": house.models["limited"], "authority": "me"},
            "/control/releases": {"file": "release: a/b"},
        }.items()
        if not ("id" in extra and path == "/control/organisations")
    ]

    assert {answer.status_code for answer in told} <= {400, 403}
    assert house.run(house.installation.ledger.news(0)).revision == before


@pytest.mark.parametrize("role", ["staff", "approver", "analyst", "auditor", "developer"])
def test_no_role_but_the_providers_can_make_a_providers_key(house: House, role: str) -> None:
    provider = house.ask("GET", "/control/me", "provider").json()["key"]["id"]

    told = [
        house.ask("POST", "/control/keys", role, json={"roles": ["provider"]}),
        house.ask("POST", "/control/keys", role, json={"roles": ["provider"], "organisation": "provider"}),
        house.ask("POST", f"/control/keys/{provider}/rotate", role, json={}),
        house.ask("POST", f"/control/keys/{provider}/revoke", role, json={"cause": "mine now"}),
        house.ask("POST", "/control/organisations/provider/disable", role, json={"cause": "mine now"}),
    ]

    assert {answer.status_code for answer in told} <= {403, 404}
    assert house.ask("GET", "/control/me", "provider").status_code == 200


def test_nobody_asserts_anything_of_itself(house: House) -> None:
    claim = {"name": "kyc", "value": "K5", "issuer": "me", "assurance": 4}

    told = [
        house.ask("POST", "/control/organisations/acme/attributes", name, json=claim)
        for name in ("developer", "staff", "analyst", "auditor", "approver")
    ]

    assert {answer.status_code for answer in told} == {403}
    assert house.ask("GET", "/control/organisations/acme/attributes", "developer").json() == []


def test_nobody_admits_itself(house: House) -> None:
    grant = {"organisation": "acme", "release": house.models["limited"], "authority": "me"}

    told = [
        house.ask("POST", "/control/grants", name, json=grant) for name in ("developer", "tester", "staff", "auditor")
    ]

    assert {answer.status_code for answer in told} == {403}
    assert house.chat(house.models["limited"]).status_code == 403


def _microseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)
