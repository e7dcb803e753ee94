"""How people in a browser are told that they could not sign in: on a page, or where they were to go.

A command line that waits is told by the page of OAuth's door that had sent the browser here (RFC 6749, 4.1.2.1); the
browser carries the word there, and is asked nothing. Whoever asks for no HTML gets the problem that everybody gets.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from litestar import MediaType, Request, Response
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from gateway import pages
from gateway.control import problems
from gateway.control.areas import IN_OPT, Areas
from gateway.errors import GatewayError, Unauthenticated
from gateway.identity.people.cookies import SIGN_IN, TURNED_AWAY
from gateway.identity.people.return_paths import checked_return_path
from gateway.identity.people.turned_away import LIFETIME_S

WAITING = "/oauth/"
"""Below it are the pages behind which a command line waits."""

SIGN_IN_LINK = '<p><a href="/control/session/start">Sign in</a></p>'

_FRAMEWORKS_OWN = {b"content-type", b"content-length"}

Asked = Request[Any, Any, Any]
Carried = tuple[str, str]
"""Where to, and the word for that page."""


def page(request: Asked, error: Exception) -> Response[Any]:
    """The error, on a page for whoever reads one."""
    problem = problems.answer(request, error)
    if not pages.is_wanted(request.scope["headers"]):
        return problem
    told, more = problem.content, SIGN_IN_LINK if isinstance(error, Unauthenticated) else ""
    sentence = f"{told.detail} {told.next_step}".rstrip()
    shown = pages.failure(told.status, "You are not signed in", sentence, told.code, told.request_id, more=more)
    headers = {name.decode(): value.decode() for name, value in shown[1] if name not in _FRAMEWORKS_OWN}
    headers = {**problem.headers, **headers}
    return Response(shown[2], status_code=told.status, media_type=MediaType.HTML, headers=headers)


def _setting_out(request: Asked, error: GatewayError, areas: Areas) -> Carried | None:
    query = parse_qs(request.scope["query_string"].decode("ascii", "replace"))
    try:
        path = checked_return_path(query.get("return", [""])[0])
        word = areas.turning_away.setting_out(path, error, areas.current.now()[1])
    except GatewayError:
        return None
    return None if word is None else (path, word)


def _coming_back(request: Asked, error: GatewayError, areas: Areas) -> Carried | None:
    try:
        kept = areas.cookies.found(SIGN_IN, request.scope["headers"])
        return areas.turning_away.coming_back(kept, error, areas.current.now()[1])
    except GatewayError:
        return None


def _handlers(carrying: Callable[[Asked, GatewayError, Areas], Carried | None]) -> ExceptionHandlersMap:
    def answer(request: Asked, error: Exception) -> Response[Any]:
        areas: Areas = request.route_handler.opt[IN_OPT]()
        carried = carrying(request, error, areas) if isinstance(error, GatewayError) else None
        if carried is None or not carried[0].startswith(WAITING):
            return page(request, error)
        headers = {"location": carried[0], "referrer-policy": "no-referrer", "cache-control": "no-store"}
        return Response(None, status_code=303, headers=headers, cookies=[_cookie(areas, carried[1])])

    return {Exception: answer, HTTPException: answer}


SETTING_OUT = _handlers(_setting_out)
COMING_BACK = _handlers(_coming_back)
ON_A_PAGE: ExceptionHandlersMap = {Exception: page, HTTPException: page}


def _cookie(areas: Areas, word: str) -> Cookie:
    return Cookie(
        key=areas.cookies.name(TURNED_AWAY),
        value=word,
        max_age=LIFETIME_S,
        path="/",
        secure=areas.cookies.secure,
        httponly=True,
        samesite="lax",
    )
