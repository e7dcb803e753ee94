"""The door where machines and people sign in, as an ASGI application: tokens granted and ended, keys published.

`POST /oauth/token` (RFC 6749, RFC 8628), `POST /oauth/device_authorization`, `POST /oauth/revoke` (RFC 7009), the pages
`/oauth/authorize` and `/oauth/device`, `/.well-known/oauth-authorization-server` (RFC 8414) and
`/.well-known/jwks.json` (RFC 7517). A path is matched on its raw bytes, whole.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from gateway.access.calls import new_request_id
from gateway.access.current import Current
from gateway.clock import Moment
from gateway.errors import GatewayError, Invalid, NotFound, TooLarge, Unauthenticated
from gateway.identity.logins.logging_in import LoggingIn
from gateway.identity.logins.refusals import pending
from gateway.identity.tokens.authority import Authority
from gateway.identity.tokens.rates import SignInRates
from gateway.metrics import Metrics
from gateway.oauth import pages
from gateway.oauth.answers import Answer, Headers, answer, failure, name_of, status_of
from gateway.oauth.browsing import Asked, Browsers, Browsing
from gateway.oauth.forms import fields_in, parameters_in
from gateway.oauth.granting import Granting
from gateway.pages import is_wanted

log = structlog.get_logger()

BODY_BYTES_MAX = 32 * 1024
TOKEN = b"/oauth/token"
DEVICE_AUTHORIZATION = b"/oauth/device_authorization"
REVOKE = b"/oauth/revoke"
AUTHORIZE = b"/oauth/authorize"
DEVICE = b"/oauth/device"
METADATA = b"/.well-known/oauth-authorization-server"
KEYS = b"/.well-known/jwks.json"
METHODS = {
    TOKEN: ("POST",),
    DEVICE_AUTHORIZATION: ("POST",),
    REVOKE: ("POST",),
    AUTHORIZE: ("GET", "POST"),
    DEVICE: ("GET", "POST"),
    METADATA: ("GET",),
    KEYS: ("GET",),
}
"""Every path of this door, with its methods. All are open to anybody: whoever asks proves itself in the form, or by the
session of its browser."""

PAGES = {AUTHORIZE, DEVICE}
"""What people see."""

PENDING = pending().code

KEPT_S = 300
"""How long others may keep what is published. A new key is announced longer than that before it signs."""


class OAuthDoor:
    """Answers one request at a time; every error becomes an answer in OAuth's shape, or a page for people."""

    def __init__(
        self,
        authority: Authority,
        current: Current,
        metrics: Metrics,
        logging_in: LoggingIn | None = None,
        browsers: Browsers | None = None,
        *,
        sign_in_rates: SignInRates | None = None,
    ) -> None:
        """People sign in only where both `logging_in` and `browsers` are given."""
        self._authority = authority
        self._sign_in_rates = sign_in_rates or SignInRates(0)
        self._granting = Granting(authority, logging_in)
        self._browsing = None
        if logging_in is not None and browsers is not None:
            self._browsing = Browsing(browsers, logging_in, authority.issuer.url)
        self._current = current
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; none gets past this line."""
        request_id = new_request_id()
        try:
            status, headers, body = await self._answer(scope, receive, request_id)
        except GatewayError as error:
            status, headers, body = self._failed(scope, error, request_id)
        except Exception as error:
            log.exception("door_failed", door="oauth", request_id=request_id, error=type(error).__name__)
            status, headers, body = self._failed(scope, Unauthenticated(), request_id)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Any, receive: Any, request_id: str) -> Answer:
        path, method = scope["raw_path"], scope["method"]
        if path not in METHODS:
            raise NotFound("This door does not know that path.")
        if method not in METHODS[path]:
            return _other_method(METHODS[path], request_id)
        if path == METADATA:
            return answer(
                200, self._authority.issuer.document(people=self._browsing is not None), request_id, kept_s=KEPT_S
            )
        _, moment = self._current.now()
        if path == KEYS:
            published = {"keys": self._authority.issuer.keys.published(moment)}
            return answer(200, published, request_id, kept_s=KEPT_S)
        headers, query = scope["headers"], scope["query_string"]
        if method == "POST" and query:
            raise Invalid("What is sent here belongs in the body: what stands in an address is logged on its way.")
        fields = parameters_in(query) if method == "GET" else fields_in(headers, await _body(receive))
        peer = scope["client"][0] if scope["client"] else None
        if path in PAGES:
            with self._sign_in_rates.asking(peer):
                return await self._page(path, method, Asked(headers, fields, moment, request_id))
        if any(name == b"dpop" for name, _ in headers):
            raise Invalid("This gateway does not take DPoP: its tokens are plain bearer tokens.")
        return answer(200, await self._asked(path, headers, fields, peer, moment), request_id)

    async def _page(self, path: bytes, method: str, asked: Asked) -> Answer:
        """What a person sees, or what follows on a form that one sent."""
        if self._browsing is None:
            raise NotFound("Nobody signs in at this gateway: its operator declared no identity provider.")
        if path == AUTHORIZE:
            return await (self._browsing.ask(asked) if method == "GET" else self._browsing.decide(asked))
        return await (self._browsing.enter(asked) if method == "GET" else self._browsing.entered(asked))

    async def _asked(
        self, path: bytes, headers: Headers, fields: Mapping[str, str], peer: str | None, moment: Moment
    ) -> dict[str, object]:
        """What a client is told, which proves itself in the form."""
        if path == TOKEN:
            return await self._granting.token(headers, fields, peer, moment)
        if path == DEVICE_AUTHORIZATION:
            address = f"{self._authority.issuer.url}{DEVICE.decode()}"
            return await self._granting.start(headers, fields, peer, moment, address)
        await self._granting.end(headers, fields, peer, moment)
        return {}

    def _failed(self, scope: Any, error: GatewayError, request_id: str) -> Answer:
        if error.code != PENDING:  # asked every few seconds, as it should be
            self._metrics.call_refused("oauth", error.code)
        if isinstance(error, Unauthenticated):
            self._metrics.turned_away(error.counted_as)
        if scope["raw_path"] in PAGES and is_wanted(scope["headers"]):
            return pages.refusal(error, status_of(error), name_of(error), request_id)
        return failure(error, request_id)


def _other_method(allowed: tuple[str, ...], request_id: str) -> Answer:
    told = {"error": "invalid_request", "error_description": f"This path takes {' and '.join(allowed)} only."}
    status, headers, body = answer(405, told, request_id)
    return status, [*headers, (b"allow", ", ".join(allowed).encode())], body


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Invalid("The request ended before its body did.")
        body += bytes(message.get("body", b""))
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge(f"A form here has at most {BODY_BYTES_MAX} bytes.")
        if not message.get("more_body", False):
            return body
