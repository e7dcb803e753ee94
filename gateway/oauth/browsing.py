"""Where people are asked, in a browser in which they are signed in, whether a command line may sign in as them.

`/oauth/authorize` (RFC 6749, 4.1; RFC 7636; RFC 8252; RFC 9207) and `/oauth/device` (RFC 8628, 3.3). A form counts only
from the browser that it was given to, for what was shown on it: its token is made of the session's secret and that.
"""

import hmac
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import urlencode

import msgspec

from gateway.clock import MINUTE, Moment, text_from
from gateway.errors import Invalid
from gateway.identity.callers import Caller
from gateway.identity.logins.logging_in import LoggingIn
from gateway.identity.logins.requests import STATE_MAX, AuthorizationRequest, redirect_in, request_in
from gateway.identity.logins.user_codes import shown, typed
from gateway.identity.people.turned_away import TurnedAway
from gateway.oauth import pages
from gateway.oauth.answers import Answer, Headers, described, name_of, sent_to

AUTHORIZE = "/oauth/authorize"
DEVICE = "/oauth/device"
FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field

WORD = "turned_away"
"""The field that carries why somebody may not sign in."""

FRESH = 2 * MINUTE
"""How lately somebody must have proved themselves to have done it for what is asked."""


class Browser(msgspec.Struct, frozen=True):
    """A browser in which somebody is signed in."""

    caller: Caller
    name: str
    """What the person is called."""
    secret: str
    """What this browser alone shows."""

    def __repr__(self) -> str:
        return f"Browser({self.caller.session})"


class Asked(NamedTuple):
    """One request for a page, or one form that was sent."""

    headers: Headers
    fields: Mapping[str, str]
    moment: Moment
    request_id: str


class Browsers(Protocol):
    """Knows who is signed in in a browser, and where they do that."""

    async def browser(self, headers: Headers, moment: Moment) -> Browser | None:
        """The browser that sends these headers; None where nobody is signed in in it."""

    def ways(self, back: str, *, fresh: bool) -> dict[str, str]:
        """Where to sign in, by the name of each provider, to come back to a path of this gateway."""

    def word(self, headers: Headers) -> str:
        """What the browser keeps of a sign-in that came to nothing, sealed; empty where nothing."""

    def turned_away(self, word: str, back: str, moment: Moment) -> TurnedAway | None:
        """What that says to the page to which somebody comes back; None where nothing."""

    def forgetting(self) -> tuple[bytes, bytes]:
        """The header by which the browser forgets it: it is told once."""


class Browsing:
    """The pages, and what people decide on them."""

    def __init__(self, browsers: Browsers, logging_in: LoggingIn, issuer: str) -> None:
        self._browsers = browsers
        self._logging_in = logging_in
        self._issuer = issuer

    async def ask(self, asked: Asked) -> Answer:
        """Whether the command line on this computer may sign in."""
        try:
            request = request_in(asked.fields)
        except Invalid as error:
            return self._failed(asked, error)
        browser = await self._browsers.browser(asked.headers, asked.moment)
        if browser is None or (request.is_fresh and not _is_fresh(browser.caller, asked.moment)):
            back = _back_to(request)
            word = self._browsers.turned_away(self._browsers.word(asked.headers), back, asked.moment)
            if word is not None:
                return self._forgotten(self._answered(request, _error_in(word), asked.request_id))
            return self._sign_in(back, asked, fresh=request.is_fresh)
        carried = {**request.fields, FORM_TOKEN: _form_token(browser, AUTHORIZE, request.fields)}
        return pages.consent(_person(browser), carried, request.redirect.source, request.scope, asked.request_id)

    async def decide(self, asked: Asked) -> Answer:
        """What was decided of that: carried to the listener on this computer."""
        carried = {name: value for name, value in asked.fields.items() if name not in {FORM_TOKEN, "decision"}}
        request = request_in(carried)
        browser = await self._browsers.browser(asked.headers, asked.moment)
        if browser is None:
            return self._sign_in(_back_to(request), asked, fresh=request.is_fresh)
        if _is_allowed(browser, asked.fields, AUTHORIZE, request.fields):
            code = await self._logging_in.allow(browser.caller, request, asked.moment)
            return self._answered(request, {"code": code.reveal()}, asked.request_id)
        said = "You said no in the browser. Start again: `gateway login`."
        told = {"error": "access_denied", "error_description": said}
        return self._answered(request, told, asked.request_id)

    async def enter(self, asked: Asked) -> Answer:
        """Where a code is entered. What the address carries is not read: nobody enters a code by following a link."""
        browser = await self._browsers.browser(asked.headers, asked.moment)
        if browser is None:
            sealed = self._browsers.word(asked.headers)
            word = self._browsers.turned_away(sealed, DEVICE, asked.moment)
            if word is not None:
                return self._forgotten(pages.turned_away(word.told, _stopping(word, sealed), asked.request_id))
            return self._sign_in(DEVICE, asked)
        return pages.entry(_entering(browser), asked.request_id)

    async def entered(self, asked: Asked) -> Answer:
        """A code was entered, or whether the command line that waits for it may sign in was decided."""
        if WORD in asked.fields:
            return await self._stopped(asked)
        browser = await self._browsers.browser(asked.headers, asked.moment)
        if browser is None:
            return self._sign_in(DEVICE, asked)
        code = typed(asked.fields.get("user_code", ""))
        if asked.fields.get("decision") == "look":
            _check(browser, asked.fields, DEVICE, {})
            return await self._looked(browser, code, asked)
        is_allowed = _is_allowed(browser, asked.fields, DEVICE, {"user_code": code or ""})
        await self._logging_in.decide(browser.caller, code or "", asked.moment, allows=is_allowed)
        return pages.done(is_allowed, asked.request_id)

    async def _stopped(self, asked: Asked) -> Answer:
        """Somebody who may not sign in tells the command line that waits for them, by its code."""
        word = self._browsers.turned_away(asked.fields[WORD], DEVICE, asked.moment)
        if word is None or not word.is_vouched_for:
            raise Invalid("This form is too old, or was not given here.", next_step="Start again: `gateway login`.")
        try:
            await self._logging_in.turn_away(word.sign_in, typed(asked.fields.get("user_code", "")), asked.moment)
        except Invalid as error:
            return pages.turned_away(word.told, _stopping(word, asked.fields[WORD]), asked.request_id, error.sentence())
        return pages.stopped(asked.request_id)

    async def _looked(self, browser: Browser, code: str | None, asked: Asked) -> Answer:
        try:
            device = await self._logging_in.waiting(browser.caller, code, asked.moment)
        except Invalid as error:
            return pages.entry(_entering(browser), asked.request_id, error.sentence())
        assert code is not None, "only a code that was typed is found"
        carried = {"user_code": code, FORM_TOKEN: _form_token(browser, DEVICE, {"user_code": code})}
        since = text_from(device.started_at // 1_000_000 * 1_000_000)
        waits = {"Its code": shown(code), "It asked from": device.peer or "an unknown address", "At": since}
        return pages.confirmation(_person(browser), carried, waits, device.scope, asked.request_id)

    def _sign_in(self, back: str, asked: Asked, *, fresh: bool = False) -> Answer:
        ways = self._browsers.ways(back, fresh=fresh)
        if len(ways) == 1:
            return sent_to(next(iter(ways.values())), asked.request_id)
        return pages.choice(ways, asked.request_id)

    def _forgotten(self, answer: Answer) -> Answer:
        status, headers, body = answer
        return status, [*headers, self._browsers.forgetting()], body

    def _failed(self, asked: Asked, error: Invalid) -> Answer:
        """Carry an error to the listener, where that is known to be one. Raises Invalid where it is not."""
        redirect = redirect_in(asked.fields)
        told = {"error": name_of(error), "error_description": described(error.sentence()), "iss": self._issuer}
        if 0 < len(asked.fields.get("state", "")) <= STATE_MAX:
            told["state"] = asked.fields["state"]
        return sent_to(redirect.with_answer(told), asked.request_id)

    def _answered(self, request: AuthorizationRequest, told: Mapping[str, str], request_id: str) -> Answer:
        answer = {**told, "state": request.state, "iss": self._issuer}
        return sent_to(request.redirect.with_answer(answer), request_id)


def _error_in(word: TurnedAway) -> dict[str, str]:
    """What the command line is told of a sign-in that came to nothing (RFC 6749, 4.1.2.1)."""
    return {"error": word.error, "error_description": described(word.told)}


def _stopping(word: TurnedAway, sealed: str) -> dict[str, str]:
    """What the form carries by which a command line is told: only of people whom a provider has vouched for.

    Nobody else has been slowed down by a sign-in, and who may try again later needs the code still.
    """
    return {WORD: sealed} if word.is_vouched_for else {}


def _back_to(request: AuthorizationRequest) -> str:
    return f"{AUTHORIZE}?{urlencode(request.fields)}"


def _is_fresh(caller: Caller, moment: Moment) -> bool:
    """Whether whoever signed in has proved themselves for this very request, as far as the time between tells."""
    return caller.signed_in_at is not None and moment.latest - caller.signed_in_at < FRESH


def _entering(browser: Browser) -> dict[str, str]:
    return {FORM_TOKEN: _form_token(browser, DEVICE, {})}


def _is_allowed(browser: Browser, fields: Mapping[str, str], page: str, what: Mapping[str, str]) -> bool:
    """Whether the person said yes to this; anything but yes or no, and a form of another, is refused."""
    _check(browser, fields, page, what)
    if fields.get("decision") not in {"allow", "deny"}:
        raise Invalid("The form says neither yes nor no.")
    return fields["decision"] == "allow"


def _check(browser: Browser, fields: Mapping[str, str], page: str, what: Mapping[str, str]) -> None:
    if not hmac.compare_digest(fields.get(FORM_TOKEN, "").encode(), _form_token(browser, page, what).encode()):
        raise Invalid(
            "This form was not given to this browser, or was given for something else.",
            next_step="Go back to your terminal and start again: `gateway login`.",
        )


def _form_token(browser: Browser, page: str, what: Mapping[str, str]) -> str:
    said = msgspec.json.encode([page, sorted(what.items())])
    return hmac.digest(browser.secret.encode(), said, "sha256").hex()


def _person(browser: Browser) -> pages.Person:
    caller = browser.caller
    return pages.Person(browser.name, caller.organisation, [role.value for role in caller.roles])
