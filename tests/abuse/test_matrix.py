"""Every route of the whole application times every caller, over the wire: the declared policy, and nothing else."""

import re
from collections.abc import Iterator

import pytest
from litestar import Litestar, get

from gateway.identity.callers import Role
from tests.abuse.routes import MOUNTS, OPEN_TO_ANYBODY, Route, routes
from tests.fakes.house import House

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")

ROLES = {
    "developer": Role.DEVELOPER,
    "staff": Role.STAFF,
    "provider": Role.PROVIDER,
    "approver": Role.APPROVER,
    "analyst": Role.ANALYST,
    "auditor": Role.AUDITOR,
}
NARROWED = {
    "scoped to nothing": Role.PROVIDER,
    "scoped to a model": Role.PROVIDER,
    "scoped to the list of people": Role.PROVIDER,
}
OWN = {"scoped to the list of people": "/scim/"}
"""Where a key that is scoped elsewhere does belong."""
STRANGERS = ("nobody", "revoked", "garbage")

REFUSED = {401, 403}


@pytest.fixture(scope="module")
def callers(house: House) -> House:
    """The house with the callers that the demonstration lacks."""
    house.enter("scoped to nothing", "provider", Role.PROVIDER, scopes=())
    house.enter("scoped to a model", "provider", Role.PROVIDER, scopes=(f"inference:{house.models['api']}",))
    house.enter("scoped to the list of people", "provider", Role.PROVIDER, scopes=("scim",))
    key = house.enter("revoked", "provider", Role.PROVIDER)
    house.control(f"/keys/{key.id}/revoke", cause="lost")
    house.tokens["garbage"] = "rsg_pro_" + "0" * 61
    return house


def filled(house: House, path: str) -> str:
    """The path with a model's name where one belongs, and ids that nothing has."""
    namespace, _, name = house.models["open_weights"].partition("/")
    known = {"namespace": namespace, "name": name, "revision": "main", "path": "README.md"}
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: known.get(found[1], "0" * 12), path)


def ask(house: House, method: str, path: str, by: str) -> tuple[int, str]:
    """Status and code of one request, without a body: nothing is ever done by it."""
    key = "" if by == "nobody" else f"x-api-key: {house.tokens[by]}\r\n"
    lines = f"{method} {path} HTTP/1.1\r\nhost: gateway\r\ncontent-length: 0\r\nconnection: close\r\n{key}\r\n"
    answer = house.say(lines.encode())
    code = re.search(rb'"code":"(\w+)"', answer) or re.search(rb"(?i)\r\nx-error-code: (\w+)\r\n", answer)
    return int(answer[9:12]), code[1].decode() if code else ""


def table(house: House) -> list[Route]:
    """The application's routes."""
    return list(routes(house.app))


def test_the_whole_application_is_in_the_table(house: House) -> None:
    found = table(house)

    assert len(found) > 60
    assert {route.path for route in found if route.roles is None} <= OPEN_TO_ANYBODY
    assert {f"/{route.path.split('/')[1]}" for route in found if route.roles is not None} == MOUNTS | {
        "/control",
        "/policies",
    }


def test_a_route_without_a_policy_is_noticed() -> None:
    @get("/control/forgotten")
    async def forgotten() -> None: ...

    @get("/elsewhere")
    async def elsewhere() -> None: ...

    for handler in (forgotten, elsewhere):
        with pytest.raises(LookupError):
            list(routes(Litestar([handler], openapi_config=None)))


def test_every_route_answers_every_role_as_its_policy_says(callers: House) -> None:
    wrong = []
    for route in table(callers):
        for name, role in ROLES.items():
            status, code = ask(callers, route.method, filled(callers, route.path), name)
            let_in = code != "role_required" and status != 401
            if let_in != (route.roles is None or role in route.roles):
                wrong.append((route.method, route.path, name, status, code))

    assert wrong == []


@pytest.mark.parametrize("stranger", STRANGERS)
def test_every_route_turns_a_stranger_away_unless_it_is_open_to_anybody(callers: House, stranger: str) -> None:
    wrong = []
    for route in table(callers):
        status, _ = ask(callers, route.method, filled(callers, route.path), stranger)
        if (status == 401) == (route.roles is None):
            wrong.append((route.method, route.path, status))

    assert wrong == []


@pytest.mark.parametrize("narrowed", NARROWED)
def test_a_key_scoped_elsewhere_is_told_nothing_but_who_it_is(callers: House, narrowed: str) -> None:
    wrong = []
    for route in table(callers):
        if route.roles is None or route.any_scope or Role.PROVIDER not in route.roles:
            continue
        if narrowed in OWN and route.path.startswith(OWN[narrowed]):
            continue
        status, code = ask(callers, route.method, filled(callers, route.path), narrowed)
        if route.path.startswith("/v1/") and status == 400:
            continue  # what is asked is read before it is judged, and nothing was asked here
        if (status, code) != (403, "scope_too_narrow") and not (route.method == "HEAD" and status == 403):
            wrong.append((route.method, route.path, status, code))

    assert wrong == []


@pytest.mark.parametrize("by", ["nobody", "developer", "provider"])
def test_a_method_that_no_route_declares_does_nothing(callers: House, by: str) -> None:
    declared = {(route.method, route.path) for route in table(callers)}
    before = callers.run(callers.installation.ledger.news(0)).revision, len(callers.upstream.requests)
    wrong = []
    for path in {route.path for route in table(callers)}:
        for method in METHODS:
            if (method, path) not in declared:
                status, code = ask(callers, method, filled(callers, path), by)
                if status not in {401, 403, 404, 405}:
                    wrong.append((method, path, status, code))

    assert wrong == []
    assert (callers.run(callers.installation.ledger.news(0)).revision, len(callers.upstream.requests)) == before


def models_and_callers() -> Iterator[tuple[str, str, int]]:
    """Access level, caller, and the status of a chat."""
    statuses = {
        "closed": {"staff": 200},
        "limited": {"staff": 200, "tester": 200, None: 403},
        "api": {None: 200},
        "open_weights": {None: 200},
    }
    for level, expected in statuses.items():
        for name in (*ROLES, "tester"):
            yield level, name, expected.get(name, expected.get(None, 404))


@pytest.mark.parametrize(("level", "name", "expected"), list(models_and_callers()))
def test_every_access_level_admits_whom_it_names_and_no_role_besides(
    callers: House, level: str, name: str, expected: int
) -> None:
    model = callers.models[level]
    listed = [each["id"] for each in callers.ask("GET", "/v1/models", name).json()["data"]]

    told = callers.chat(model, name).status_code

    assert told == expected
    assert (model in listed) == (expected == 200)


@pytest.mark.parametrize("level", ["closed", "limited", "api", "open_weights"])
@pytest.mark.parametrize("name", [*ROLES, "tester"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_weights_leave_only_where_the_level_is_open_weights(callers: House, level: str, name: str, method: str) -> None:
    answer = callers.ask(method, f"/hub/{callers.models[level]}/resolve/main/config.json", name)

    assert (answer.status_code == 200) == (level == "open_weights")
    assert answer.status_code in {200, 403, 404}


def test_what_is_scoped_to_one_model_calls_that_one_alone(callers: House) -> None:
    callers.enter("one", "acme", scopes=(f"inference:{callers.models['api']}",))

    told = {level: callers.chat(callers.models[level], "one").status_code for level in callers.models}
    listed = [each["id"] for each in callers.ask("GET", "/v1/models", "one").json()["data"]]

    assert told == {"closed": 404, "limited": 403, "api": 200, "open_weights": 403}
    assert listed == [callers.models["api"]]
