"""Abuse 9: no identifier of one organisation's things opens them to another, on any route there is."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from tests.abuse.routes import Route, routes
from tests.fakes.house import House

ABSENT = "0" * 12
DIGEST = "sha256:" + "0" * 64

PUBLIC_KEYS = {
    "keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "mine", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]
}

WRITES = {"POST", "PUT"}

BODIES: dict[str, dict[str, Any]] = {
    "/control/organisations": {"id": "mine", "name": "Mine"},
    "/control/organisations/{organisation:str}/disable": {"cause": "mine now"},
    "/control/organisations/{organisation:str}/attributes": {"name": "kyc", "value": "K0", "issuer": "me"},
    "/control/organisations/{organisation:str}/attributes/{assertion:str}/withdraw": {"cause": "mine now"},
    "/control/keys": {"organisation": "globex"},
    "/control/clients": {"organisation": "globex"},
    "/control/clients/{client:str}/keys": {"public_keys": PUBLIC_KEYS},
    "/control/tokens/{token:str}/revoke": {"cause": "mine now"},
    "/control/keys/{key:str}/rotate": {"overlap_s": 0},
    "/control/keys/{key:str}/revoke": {"cause": "mine now"},
    "/control/releases": {"file": "release: a/b"},
    "/control/releases/validate": {"file": "release: a/b"},
    "/control/releases/{namespace:str}/{name:str}/terms/{text:str}/accept": {"digest": "sha256:" + "0" * 64},
    "/control/releases/{namespace:str}/{name:str}/stages/{stage:str}/approve": {},
    "/control/releases/{namespace:str}/{name:str}/stages/{stage:str}/concur": {
        "authority": "me",
        "reference": "mine",
        "expires_at": "2200-01-01T00:00:00Z",
    },
    # An approver may narrow, and look before: what would be done here is nothing, and what is asked makes no sense.
    "/control/releases/{namespace:str}/{name:str}/narrowings": {"verb": "restore", "cause": "mine now"},
    "/control/releases/{namespace:str}/{name:str}/narrowings/preview": {"verb": "suspend", "cause": "m", "scope": "("},
    "/control/releases/{namespace:str}/{name:str}/narrowings/{narrowing:str}/review": {"verdict": "confirm"},
    "/control/changes": {"file": "release: a/b"},
    "/control/changes/{change:str}/approve": {"digest": "sha256:" + "0" * 64},
    "/control/changes/{change:str}/reject": {"cause": "mine now"},
    "/control/changes/{change:str}/apply": {},
    "/control/evidence": {"release": "globex/none", "document": "mine", "snapshot": DIGEST, "files": {"a": "YQ=="}},
    "/control/evidence/{evidence:str}/withdraw": {"cause": "mine now"},
    "/control/incidents": {"release": "globex/none", "summary": "mine"},
    "/control/incidents/{incident:str}/close": {"cause": "mine now"},
    "/control/grants": {"organisation": "globex", "release": "demo/preview-1", "authority": "me"},
    "/control/grants/{grant:str}/revoke": {"cause": "mine now"},
    "/control/grants/{grant:str}/pause": {"cause": "mine now"},
    "/control/grants/{grant:str}/resume": {},
    "/control/grants/{grant:str}/recertify": {"authority": "me"},
    "/control/places/{place:str}/free": {"cause": "mine now"},
    "/control/people/{person:str}/disable": {"cause": "mine now"},
    "/control/people/{person:str}/enable": {"cause": "mine now"},
    "/control/people/{person:str}/sessions/{session:str}/end": {"cause": "mine now"},
    # Ends the session that asks: a key has none.
    "/control/session/end": {},
    # An approver may record what an authority says: of no organisation that there is.
    "/control/concurrences": {
        "organisation": "nobody",
        "release": "globex/none",
        "authority": "me",
        "reference": "mine",
        "expires_at": "2200-01-01T00:00:00Z",
    },
    "/control/concurrences/{concurrence:str}/withdraw": {"cause": "mine now"},
    "/control/requests": {"release": "globex/none", "answers": {}},
    "/control/requests/{request_id:str}/withdraw": {},
    "/control/requests/{request_id:str}/answer": {"reply": "mine now"},
    "/control/requests/{request_id:str}/need-info": {"question": "mine?"},
    "/control/requests/{request_id:str}/approve": {"commitment": DIGEST},
    "/control/requests/{request_id:str}/concur": {"reference": "mine"},
    "/control/requests/{request_id:str}/reject": {"reason": "mine now"},
}
"""A body that each route which writes would act on; a new one must be added here."""

CALLERS = ("developer", "staff", "approver", "analyst", "auditor")
OUTSIDERS = ("developer",)
"""Who is not of the provider's own oversight, and may not even see what is another's."""


@dataclass(frozen=True)
class Victim:
    """Identifiers of what globex holds."""

    organisation: str
    key: str
    grant: str
    assertion: str
    entry: str
    index: str
    token_tail: str
    client: str


@pytest.fixture(scope="module")
def victim(house: House) -> Victim:
    """Globex with a key, a grant, an attribute and a call on record."""
    claim = {"name": "sector", "value": "canary-sector", "issuer": "registry"}
    asserted = house.control("/organisations/globex/attributes", **claim)
    key = house.enter("victim", "globex", label="canary-label")
    called = house.chat(house.models["limited"], "victim")
    grants = house.ask("GET", "/control/grants", "provider", params={"organisation": "globex"}).json()["grants"]
    entry = house.ask("GET", f"/control/ledger/{called.headers['x-request-id']}", "auditor").json()["entry"]
    keys = {"keys": [{**PUBLIC_KEYS["keys"][0], "kid": "globex"}]}
    client = house.control("/clients", organisation="globex", public_keys=keys)["client"]["client"]["id"]
    return Victim(
        "globex",
        key.id,
        grants[0]["id"],
        asserted["id"],
        entry["id"],
        str(entry["index"]),
        house.tokens["victim"][-49:],
        client,
    )


def held_by(house: House) -> Any:
    """Everything of the victim's that could be changed, as the provider sees it."""
    return [
        house.ask("GET", path, "provider").json()
        for path in (
            "/control/organisations/globex",
            "/control/organisations/globex/attributes",
            "/control/grants?organisation=globex",
            "/control/clients?organisation=globex",
        )
    ] + [
        {key["id"]: (key["state"], key["roles"], key["expires_at"]) for key in page["keys"]}
        for page in [house.ask("GET", "/control/keys?organisation=globex", "provider").json()]
    ]


def spellings(route: Route, victim: Victim) -> list[str]:
    """The route with each of the victim's identifiers in each place, and with each in its own."""
    own = {
        "organisation": victim.organisation,
        "key": victim.key,
        "grant": victim.grant,
        "client": victim.client,
        "token": f"token_{'0' * 32}",
        "assertion": victim.assertion,
        "entry": victim.entry,
        "namespace": "demo",
        "name": "vault-1",
        "text": "aup",
        "stage": "internal",
        "evidence": "evidence_0",
        "incident": "incident_0",
        "change": "change_0",
        "narrowing": "narrowing_0",
        "line": "internal",
        "place": "place_0",
        "person": f"person_{'0' * 24}",
        "session": f"session_{'0' * 24}",
        "concurrence": "concurrence_0",
        "request_id": "request_0",
        "kind": "decision-record",
    }
    places = re.findall(r"\{(\w+):str\}", route.path)
    fitting = re.sub(r"\{(\w+):str\}", lambda found: own[found[1]], route.path)
    others = [
        re.sub(r"\{(\w+):str\}", lambda found, p=place, v=value: v if found[1] == p else own[found[1]], route.path)
        for place in places
        for value in (
            victim.organisation,
            victim.key,
            victim.grant,
            victim.assertion,
            victim.entry,
            victim.index,
            victim.client,
        )
    ]
    return [fitting, *others]


def tells_of(victim: Victim, text: str) -> list[str]:
    """What of the victim's a text gives away that was not asked with."""
    return [word for word in ("canary-sector", "canary-label", victim.token_tail, '"globex"') if word in text]


def control_routes(house: House) -> list[Route]:
    """Every route of the control door that names something."""
    return [
        route
        for route in routes(house.app)
        if route.path.startswith("/control/") and route.method != "OPTIONS" and route.roles
    ]


def test_every_route_that_takes_a_body_is_given_one_here(house: House) -> None:
    assert {route.path for route in control_routes(house) if route.method in WRITES} == set(BODIES)


@pytest.mark.parametrize("by", CALLERS)
def test_no_identifier_on_any_route_changes_what_is_anothers(house: House, victim: Victim, by: str) -> None:
    before = held_by(house)
    done = []
    for route in control_routes(house):
        if route.method not in WRITES:
            continue
        for path in spellings(route, victim):
            answer = house.ask(route.method, path, by, json=BODIES[route.path])
            if answer.status_code < 400:
                done.append((path, answer.text))

    assert done == []
    assert held_by(house) == before


@pytest.mark.parametrize("by", OUTSIDERS)
def test_no_identifier_on_any_route_shows_what_is_anothers(house: House, victim: Victim, by: str) -> None:
    told = {}
    for route in control_routes(house):
        if route.method == "GET" and "{" in route.path:
            for path in spellings(route, victim):
                answer = house.ask("GET", path, by)
                if answer.status_code not in {400, 403, 404} or tells_of(victim, answer.text):
                    told[path] = answer.text

    assert told == {}


@pytest.mark.parametrize("by", OUTSIDERS)
def test_no_filter_of_any_list_shows_what_is_anothers(house: House, victim: Victim, by: str) -> None:
    filters = {
        "organisation": victim.organisation,
        "key": victim.key,
        "release": house.models["closed"],
        "after": victim.key,
        "endpoint": "/v1/chat/completions",
        "limit": "200",
        "order": "oldest",
        "decision": "admitted",
    }
    told = {}
    for route in control_routes(house):
        if route.method == "GET" and "{" not in route.path:
            for name, value in [("", ""), *filters.items()]:
                answer = house.ask("GET", route.path, by, params={name: value} if name else {})
                if tells_of(victim, answer.text) or victim.key in answer.text or victim.entry in answer.text:
                    told[f"{route.path}?{name}"] = answer.text

    assert told == {}


@pytest.mark.parametrize("by", OUTSIDERS)
def test_what_is_anothers_looks_like_what_is_not_there(house: House, victim: Victim, by: str) -> None:
    pairs = [
        (f"/control/keys/{victim.key}", f"/control/keys/{ABSENT}"),
        ("/control/organisations/globex", "/control/organisations/nobody"),
        ("/control/organisations/globex/attributes", "/control/organisations/nobody/attributes"),
        (f"/control/ledger/{victim.entry}", f"/control/ledger/{victim.entry[:-4]}0000"),
        (f"/control/ledger/{victim.index}", "/control/ledger/999999999"),
        ("/control/releases/demo/vault-1/terms", "/control/releases/demo/nothing/terms"),
    ]

    for theirs, nothing in pairs:
        shown = [house.ask("GET", path, by) for path in (theirs, nothing)]
        assert [answer.status_code for answer in shown] == [404, 404]
        told = [{**answer.json(), "request_id": ""} for answer in shown]
        assert told[0] == told[1]
        assert set(shown[0].headers) == set(shown[1].headers)


def test_the_tests_would_notice_whoever_may_see_it_all(house: House, victim: Victim) -> None:
    shown = house.ask("GET", f"/control/keys/{victim.key}", "auditor")

    assert tells_of(victim, shown.text) == ["canary-label", '"globex"']
