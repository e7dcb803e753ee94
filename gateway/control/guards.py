"""Who may enter: every route says which roles it is open to, and a route that says nothing is closed.

One guard stands on the router, so no route can be added beside it. It authenticates every method,
OPTIONS included, and takes the peer's address from the socket, never from a header. Where people sign in, and
nowhere else, nobody is known yet.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from gateway.access.entrance import Entrance
from gateway.control import problems, queries
from gateway.errors import Forbidden
from gateway.identity.callers import Caller, Role

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]

EVERYBODY = tuple(Role)

_OPENING = "opening"

SCHEME = "key"
SESSION_SCHEME = "session"
"""Names of the security schemes in the schema."""


class Opening(msgspec.Struct, frozen=True):
    """To whom one route is open."""

    roles: frozenset[Role]
    any_scope: bool
    """Whether a key narrowed to other doors may use it too."""
    anybody: bool = False
    """Whether nobody is asked who they are."""


def open_to(*roles: Role, any_scope: bool = False) -> dict[str, Any]:
    """What a route declares of who may use it, for its decorator: `@get("/", **open_to(Role.PROVIDER))`."""
    names = ", ".join(sorted(roles))
    return {
        "opt": {_OPENING: Opening(frozenset(roles), any_scope)},
        "responses": problems.responses(
            f"The key holds none of these roles, or its scopes do not reach this: {names}."
        ),
        "security": [{SCHEME: []}, {SESSION_SCHEME: []}],
    }


def open_to_anybody(*, takes_other_parameters: bool = False) -> dict[str, Any]:
    """What a route declares by which people come in: nobody is known there yet."""
    return {
        "opt": {
            _OPENING: Opening(frozenset(), any_scope=True, anybody=True),
            queries.OTHERS_TOO: takes_other_parameters,
        },
        "responses": problems.responses("Whoever signs in has no role here, or may not come in."),
        "security": [],
    }


def opening_of(route: BaseRouteHandler) -> Opening | None:
    """What a route declares; None where it declares nothing, so that nobody may use it."""
    opening = route.opt.get(_OPENING)
    return opening if isinstance(opening, Opening) else None


def doorkeeper(entrance: Entrance) -> Guard:
    """The guard of the whole door."""

    async def only_who_may(connection: Connection, route: BaseRouteHandler) -> None:
        opening = opening_of(route)
        if opening is not None and opening.anybody:
            return
        scope = connection.scope
        caller = await entrance.caller_in_browser(scope["headers"], scope["client"], str(scope.get("method")))
        connection.scope["user"] = caller
        if opening is None:
            raise Forbidden("This route is open to nobody.", next_step="See /schema for the routes there are.")
        if not caller.has(*opening.roles):
            names = ", ".join(sorted(opening.roles))
            raise Forbidden(
                f"This route is for these roles only: {names}.",
                next_step="Use a key that holds one of them; `gateway whoami` shows what yours holds.",
            )
        if not opening.any_scope and not _in_scope(caller, str(connection.scope.get("method"))):
            raise Forbidden(
                "Your key's scopes do not reach this.",
                code="scope_too_narrow",
                next_step="Use a key with a wider scope.",
            )

    return only_who_may


def _in_scope(caller: Caller, method: str) -> bool:
    return caller.in_scope("control") or (method == "GET" and caller.in_scope("control", "read"))
