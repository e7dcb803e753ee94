"""Every route of the whole application with its policy, from Litestar's own table and from the doors' tables.

A route that is in neither list of who may use it has no policy, and the matrix fails.
"""

from collections.abc import Iterator

import msgspec
from litestar import Litestar
from litestar.routes import ASGIRoute, HTTPRoute

from gateway.control.guards import opening_of
from gateway.hub import resolve
from gateway.identity.callers import Role
from gateway.inference import door
from gateway.oauth import door as sign_in
from gateway.scim import requests as people

OPEN_TO_ANYBODY = frozenset(
    {
        "/healthz",
        "/readyz",
        "/metrics",
        "/schema",
        "/schema/openapi.json",
        "/schema/{path:str}",
        # Whoever asks for a token proves itself in the form, and every failure is told in OAuth's own shape.
        "/oauth/token",
        "/oauth/device_authorization",
        "/oauth/revoke",
        # Whoever has no session is sent to sign in; whoever has one is shown a form that only that browser can send.
        "/oauth/authorize",
        "/oauth/device",
        # What others need in order to ask for tokens, and the public halves of keys: published by their nature.
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
        # Where people sign in: nobody is known before. They write nothing for whoever does not sign in.
        "/control/session/start",
        "/control/session/callback",
        "/control/session/callback/{provider:str}",
    }
)
"""Routes that need no key. They tell nothing about anybody; whoever adds one here must be able to say why."""

OPERATED = frozenset({"/policies/bundle.tar.gz"})
"""Routes of the installation's own machinery, opened by a token that is no key: whoever shows a key is a stranger."""

MOUNTS = frozenset({"/v1", "/hub", "/scim"})
"""Doors with a table of their own: nothing in them is open to anybody without a key."""

OPEN_MOUNTS = frozenset({"/oauth", "/.well-known"})
"""The same, whose every path is open to anybody."""


class Route(msgspec.Struct, frozen=True):
    """One method of one path, and who may use it. None: anybody, key or not. Empty: nobody."""

    method: str
    path: str
    roles: frozenset[Role] | None
    any_scope: bool = False


def routes(app: Litestar) -> Iterator[Route]:
    """Every route there is. Raises LookupError for one whose policy is not declared."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            yield from _of_http(route)
        elif isinstance(route, ASGIRoute) and route.path.rstrip("/") in MOUNTS | OPEN_MOUNTS:
            continue
        else:
            raise LookupError(f"{route.path} has no declared policy")
    for path, methods in sign_in.METHODS.items():
        for method in methods:
            yield Route(method, path.decode(), None)
    everybody = frozenset(Role)
    for path in door.ENDPOINTS:
        yield Route("POST", path.decode(), everybody)
    yield Route("GET", door.MODELS.decode(), everybody, any_scope=True)
    yield Route("GET", f"{door.MODELS.decode()}/{{namespace:str}}/{{name:str}}", everybody, any_scope=True)
    for method in ("GET", "HEAD"):
        yield Route(method, resolve.ENDPOINT, everybody)
    for path, methods in people.METHODS.items():
        for method in methods:
            yield Route(method, path, frozenset({Role.PROVIDER}))


def _of_http(route: HTTPRoute) -> Iterator[Route]:
    for method, (handler, _) in route.route_handler_map.items():
        opening = opening_of(handler)
        if route.path in OPEN_TO_ANYBODY and not (method == "OPTIONS" and route.path.startswith("/control/")):
            yield Route(method, route.path, None)
        elif route.path in OPERATED:
            yield Route(method, route.path, frozenset())
        elif route.path.startswith("/control/") and opening is not None:
            yield Route(method, route.path, opening.roles, opening.any_scope)
        elif route.path.startswith("/control/") and method == "OPTIONS":
            yield Route(method, route.path, frozenset())
        else:
            raise LookupError(f"{method} {route.path} has no declared policy")
