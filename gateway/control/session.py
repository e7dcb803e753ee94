"""`/control/session`: where people sign in with a browser and out again, and what their pages need to know.

OpenID Connect's code flow; who may sign in, and as what, the operator declares (docs/people.md). Nothing here is told
that a provider says in words of its own.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import QueryParameter

from gateway.clock import SECOND, Moment
from gateway.control.areas import Areas, Asking, InAreas, Now
from gateway.control.guards import EVERYBODY, open_to, open_to_anybody
from gateway.control.turned_away import COMING_BACK, ON_A_PAGE, SETTING_OUT
from gateway.control.wire import ProviderInPath, shown, when
from gateway.errors import NotFound
from gateway.identity.callers import Caller
from gateway.identity.people.callbacks import CALLBACK
from gateway.identity.people.cookies import SESSION, SIGN_IN, SIGN_IN_S, csrf_token
from gateway.identity.people.return_paths import DEFAULT, LENGTH_MAX

ProviderName = Annotated[
    str | None,
    QueryParameter(max_length=63, description="Which identity provider; may be left out where there is but one."),
]
ReturnPath = Annotated[
    str | None,
    QueryParameter(
        name="return", max_length=LENGTH_MAX, description="A path of this gateway, to go to once signed in."
    ),
]
Fresh = Annotated[
    bool | None,
    QueryParameter(description="Whether to prove oneself anew, however lately one has: as irreversible steps ask for."),
]
Answered = Annotated[str | None, QueryParameter(max_length=4096)]
ReturnedState = Annotated[str | None, QueryParameter(name="state", max_length=512)]
ReturnedIssuer = Annotated[str | None, QueryParameter(max_length=1024)]
ReturnedError = Annotated[str | None, QueryParameter(max_length=128)]


class SignedInPerson(msgspec.Struct, frozen=True):
    """Who has signed in."""

    id: str
    user_name: str
    display_name: str
    organisation: str
    issuer: str
    """The identity provider that knows them, as it is declared here."""


class ShownSession(msgspec.Struct, frozen=True, kw_only=True):
    """The session that this was asked with."""

    id: str
    person: SignedInPerson
    roles: list[str]
    signed_in_at: datetime | None
    """When the person last proved themself to the provider; null where it does not say."""
    ends_at: datetime
    """When it ends however much it is used."""
    idle_s: int
    """After how many seconds without use it ends."""
    csrf_token: str | None
    """To be sent as `x-csrf-token` with whatever changes something; null where no browser asks."""


class SignedOut(msgspec.Struct, frozen=True):
    """A session is over."""

    id: str
    provider_sign_out: str | None
    """Where to go to sign out of the identity provider too; null where it offers that nowhere."""


class Sessions(Controller):
    """People signing in and out."""

    path = "/session"
    tags = ("session",)
    exception_handlers = ON_A_PAGE

    @get("/", **open_to(*EVERYBODY, any_scope=True))
    async def show(self, areas: InAreas, caller: Asking, request: Request[Any, Any, Any]) -> ShownSession:
        """Who has signed in, until when, and the token that pages send along."""
        _check_in_session(caller)
        person = await areas.people.person(caller, caller.person)
        session = next(each for each in await areas.people.sessions(caller, person.id) if each.id == caller.session)
        cookie = areas.cookies.found(SESSION, request.scope["headers"])
        return ShownSession(
            id=session.id,
            person=SignedInPerson(person.id, person.user_name, person.display_name, person.organisation, person.issuer),
            roles=[role.value for role in session.roles],
            signed_in_at=when(session.signed_in_at or None),
            ends_at=shown(session.ends_at),
            idle_s=session.idle // SECOND,
            csrf_token=csrf_token(cookie) if cookie.startswith(session.id) else None,
        )

    @get("/start", status_code=303, exception_handlers=SETTING_OUT, **open_to_anybody())
    async def start(
        self,
        *,
        areas: InAreas,
        moment: Now,
        request: Request[Any, Any, Any],
        provider: ProviderName = None,
        return_path: ReturnPath = None,
        fresh: Fresh = None,
    ) -> Response[None]:
        """Go to the identity provider to sign in."""
        with areas.sign_in_rates.asking(_peer(request)):
            begun = areas.signing_in.begin(provider or "", return_path or DEFAULT, moment, fresh=bool(fresh))
        return _go(begun.url, _cookie(areas, SIGN_IN, begun.sealed, SIGN_IN_S))

    @get("/callback", status_code=303, exception_handlers=COMING_BACK, **open_to_anybody(takes_other_parameters=True))
    async def callback(
        self,
        *,
        areas: InAreas,
        moment: Now,
        request: Request[Any, Any, Any],
        code: Answered = None,
        returned_state: ReturnedState = None,
        iss: ReturnedIssuer = None,
        error: ReturnedError = None,
    ) -> Response[None]:
        """Come back from the only identity provider, signed in."""
        answered = _answered(code=code, state=returned_state, iss=iss, error=error)
        return await _come_in(areas, request, CALLBACK, answered, moment)

    @get(
        "/callback/{provider:str}",
        status_code=303,
        exception_handlers=COMING_BACK,
        **open_to_anybody(takes_other_parameters=True),
    )
    async def callback_of_one(
        self,
        *,
        areas: InAreas,
        moment: Now,
        request: Request[Any, Any, Any],
        provider: ProviderInPath,
        code: Answered = None,
        returned_state: ReturnedState = None,
        iss: ReturnedIssuer = None,
        error: ReturnedError = None,
    ) -> Response[None]:
        """Come back from one of several identity providers, signed in: each has an address of its own."""
        answered = _answered(code=code, state=returned_state, iss=iss, error=error)
        return await _come_in(areas, request, f"{CALLBACK}/{provider}", answered, moment)

    @post("/end", status_code=200, **open_to(*EVERYBODY))
    async def end(self, areas: InAreas, caller: Asking, moment: Now) -> Response[SignedOut]:
        """Sign out: the session is over everywhere within a second."""
        _check_in_session(caller)
        person = await areas.people.person(caller, caller.person)
        await areas.people.end_session(caller, caller.session, "signed out", moment)
        told = SignedOut(caller.session, areas.signing_in.sign_out_url(person.issuer))
        return Response(told, cookies=[_cookie(areas, SESSION, "", 0)])


async def _come_in(
    areas: Areas, request: Request[Any, Any, Any], path: str, answered: dict[str, str], moment: Moment
) -> Response[None]:
    headers = request.scope["headers"]
    before = areas.cookies.found(SESSION, headers)
    begun = areas.cookies.found(SIGN_IN, headers)
    with areas.sign_in_rates.asking(_peer(request)):
        signed_in = await areas.signing_in.finish(begun, answered, moment, path=path, replaces=before)
    return _go(
        signed_in.return_path,
        _cookie(areas, SESSION, signed_in.secret.reveal()),
        _cookie(areas, SIGN_IN, "", 0),
    )


def _answered(**told: str | None) -> dict[str, str]:
    return {name: value for name, value in told.items() if value is not None}


def _check_in_session(caller: Caller) -> None:
    if not caller.session:
        raise NotFound(
            "You hold a key, and no session.",
            code="no_session",
            next_step="Sign in at `/control/session/start`; `GET /control/me` shows what a key may do.",
        )


def _peer(request: Request[Any, Any, Any]) -> str | None:
    """The address that this comes from: the socket's, never what a header says."""
    return None if request.client is None else request.client.host


def _go(url: str, *cookies: Cookie) -> Response[None]:
    return Response(
        None, status_code=303, headers={"location": url, "referrer-policy": "no-referrer"}, cookies=list(cookies)
    )


def _cookie(areas: Areas, which: str, value: str, max_age_s: int | None = None) -> Cookie:
    return Cookie(
        key=areas.cookies.name(which),
        value=value,
        max_age=max_age_s,
        path="/",
        secure=areas.cookies.secure,
        httponly=True,
        samesite="lax",
    )
