"""Every route times every role, from the route table; and that nothing is open by default."""

import re
from collections.abc import Iterator

import pytest
from litestar import Litestar, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from gateway.clock import DAY
from gateway.control.guards import doorkeeper, opening_of
from gateway.control.problems import HANDLERS
from gateway.control.router import NOUNS
from gateway.identity.callers import Role
from tests.fakes.premises import Premises

Route = tuple[str, str]

NAMES = {role: role.value for role in Role}
UNKNOWN = "rsg_dev_" + "0" * 61


SIGN_IN = {"/control/session/start", "/control/session/callback", "/control/session/callback/{provider:str}"}


def routes(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Every method of every path, the framework's own OPTIONS among them."""
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/control"):
            for method, (handler, _) in route.route_handler_map.items():
                if route.path not in SIGN_IN or method == "OPTIONS":
                    yield method, route.path, handler


def test_only_where_people_sign_in_is_nobody_asked_who_they_are(house: Premises) -> None:
    open_to_anybody = {
        (method, route.path)
        for route in house.app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if (opening := opening_of(handler)) is not None and opening.anybody
    }

    assert open_to_anybody == {("GET", path) for path in SIGN_IN}


def filled(path: str) -> str:
    """A path with names that nothing has."""
    return re.sub(r"\{[^}]+\}", "0" * 12, path).removeprefix("/control")


async def test_every_route_declares_who_may_use_it(house: Premises) -> None:
    undeclared = [
        (method, path) for method, path, handler in routes(house.app) if not opening_of(handler) and method != "OPTIONS"
    ]

    assert undeclared == []
    assert len(list(routes(house.app))) > 25


async def test_every_route_lets_in_the_roles_it_declares_and_no_other(house: Premises) -> None:
    wrong = []
    for method, path, handler in routes(house.app):
        opening = opening_of(handler)
        for role, name in NAMES.items():
            answer = await house.ask(method, filled(path), by=name)
            let_in = answer.json().get("code") != "role_required" if answer.content else True
            if let_in != (opening is not None and role in opening.roles):
                wrong.append((method, path, role, answer.status_code))

    assert wrong == []


async def test_every_route_turns_away_whoever_has_no_key(house: Premises) -> None:
    wrong = []
    for method, path, _ in routes(house.app):
        for headers in (
            {},
            {"authorization": f"Bearer {UNKNOWN}"},
            {"x-api-key": UNKNOWN},
            {"authorization": "Basic x"},
        ):
            answer = await house.ask(method, filled(path), by=None, headers=headers)
            if (answer.status_code, answer.headers.get("www-authenticate")) != (401, "Bearer"):
                wrong.append((method, path, headers, answer.status_code))

    assert wrong == []


async def test_a_key_narrowed_to_reading_changes_nothing(house: Premises) -> None:
    await house.enter("reader", "provider", Role.PROVIDER, scopes=("control:read",))
    wrong = []
    for method, path, handler in routes(house.app):
        answer = await house.ask(method, filled(path), by="reader")
        opening = opening_of(handler)
        may = method == "GET" and opening is not None and Role.PROVIDER in opening.roles
        if (answer.status_code == 403) == may:
            wrong.append((method, path, answer.status_code))

    assert wrong == []


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_a_route_that_declares_nothing_is_open_to_nobody(house: Premises, method: str) -> None:
    @get("/forgotten")
    async def forgotten() -> None:
        pytest.fail("a route without a policy was run")

    router = Router("/control", route_handlers=[forgotten], guards=[doorkeeper(house.areas.entrance)])
    house.app = Litestar([router], exception_handlers=HANDLERS)

    answer = await house.ask(method, "/forgotten", by="provider")

    assert answer.status_code == (405 if method == "POST" else 403)


async def test_a_key_that_was_revoked_or_has_expired_is_told_which(house: Premises) -> None:
    await house.enter("short", "acme", Role.DEVELOPER, lifetime=1 * DAY)
    await house.ask("POST", f"/keys/{house.callers['short'].key}/revoke", json={"cause": "lost"})

    answer = await house.ask("GET", "/me", by="short")

    assert (answer.status_code, answer.json()["code"]) == (401, "key_revoked")


async def test_what_fails_in_authentication_lets_nobody_in(house: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise TypeError("unforeseen")

    monkeypatch.setattr(house.areas.directory, "authenticate", fail)

    answer = await house.ask("GET", "/me")

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")


async def test_a_forwarded_address_does_not_pass_for_the_peer(house: Premises) -> None:
    await house.enter("elsewhere", "provider", Role.PROVIDER, networks=("10.0.0.0/8",))
    await house.enter("bound", "acme", Role.DEVELOPER, networks=("10.0.0.0/8",))
    issued = await house.ask("POST", "/keys", json={"organisation": "acme", "networks": ["192.0.2.0/24"]})
    house.tokens["far"] = issued.json()["token"]

    answers = [
        await house.ask("GET", "/me", by="far", headers={name: "192.0.2.7"})
        for name in ("x-forwarded-for", "x-real-ip", "forwarded")
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 401]


def test_the_nouns_of_the_door_have_one_file_each() -> None:
    modules = [noun.__module__ for noun in NOUNS]

    assert len(set(modules)) == len(modules)
