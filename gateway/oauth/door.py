"""The door where machines sign in, as an ASGI application: tokens granted and revoked, keys and addresses published.

`POST /oauth/token` (RFC 6749, 4.4), `POST /oauth/revoke` (RFC 7009), `/.well-known/oauth-authorization-server`
(RFC 8414) and `/.well-known/jwks.json` (RFC 7517). A path is matched on its raw bytes, whole.
"""

from typing import Any

import structlog

from gateway.access.calls import new_request_id
from gateway.access.current import Current
from gateway.errors import GatewayError, Invalid, NotFound, TooLarge, Unauthenticated
from gateway.identity.tokens.authority import Authority
from gateway.metrics import Metrics
from gateway.oauth.answers import UNSUPPORTED, Headers, answer, failure
from gateway.oauth.forms import credentials_in, fields_in, scopes_in

log = structlog.get_logger()

BODY_BYTES_MAX = 32 * 1024
TOKEN = b"/oauth/token"
REVOKE = b"/oauth/revoke"
METADATA = b"/.well-known/oauth-authorization-server"
KEYS = b"/.well-known/jwks.json"
METHODS = {TOKEN: "POST", REVOKE: "POST", METADATA: "GET", KEYS: "GET"}
"""Every path of this door, with its one method. All are open to anybody: whoever asks proves itself in the form."""

KEPT_S = 300
"""How long others may keep what is published. A new key is announced longer than that before it signs."""

GRANT = "client_credentials"

Answer = tuple[int, Headers, bytes]


class OAuthDoor:
    """Answers one request at a time; every error becomes an answer in OAuth's shape."""

    def __init__(self, authority: Authority, current: Current, metrics: Metrics) -> None:
        self._authority = authority
        self._current = current
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; none gets past this line."""
        request_id = new_request_id()
        try:
            status, headers, body = await self._answer(scope, receive, request_id)
        except GatewayError as error:
            status, headers, body = self._failed(error, request_id)
        except Exception as error:
            log.exception("door_failed", door="oauth", request_id=request_id, error=type(error).__name__)
            status, headers, body = self._failed(Unauthenticated(), request_id)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Any, receive: Any, request_id: str) -> Answer:
        path, method = scope["raw_path"], scope["method"]
        if path not in METHODS:
            raise NotFound("This door does not know that path.")
        if METHODS[path] != method:
            return _other_method(METHODS[path], request_id)
        if path == METADATA:
            return answer(200, self._authority.issuer.document(), request_id, kept_s=KEPT_S)
        _, moment = self._current.now()
        if path == KEYS:
            published = {"keys": self._authority.issuer.keys.published(moment)}
            return answer(200, published, request_id, kept_s=KEPT_S)
        if scope["query_string"]:
            raise Invalid("What is sent here belongs in the body: what stands in an address is logged on its way.")
        headers, peer = scope["headers"], scope["client"][0] if scope["client"] else None
        if any(name == b"dpop" for name, _ in headers):
            raise Invalid("This gateway does not take DPoP: its tokens are plain bearer tokens.")
        fields = fields_in(headers, await _body(receive))
        if path == TOKEN and fields.get("grant_type") != GRANT:
            raise Invalid(f"The one `grant_type` here is `{GRANT}`.", code=UNSUPPORTED)
        credentials = credentials_in(headers, fields)
        if path == REVOKE:
            if "token" not in fields:
                raise Invalid("The form has no `token`.")
            await self._authority.revoke(credentials, fields["token"], peer, moment)
            return answer(200, {}, request_id)
        granted = await self._authority.grant(credentials, scopes_in(fields), peer, moment)
        told = {
            "access_token": granted.text,
            "token_type": "Bearer",
            "expires_in": granted.lifetime_s,
            "scope": " ".join(granted.scopes),
        }
        return answer(200, told, request_id)

    def _failed(self, error: GatewayError, request_id: str) -> Answer:
        self._metrics.call_refused("oauth", error.code)
        if isinstance(error, Unauthenticated):
            self._metrics.turned_away(error.counted_as)
        return failure(error, request_id)


def _other_method(allowed: str, request_id: str) -> Answer:
    told = {"error": "invalid_request", "error_description": f"This path takes {allowed} only."}
    status, headers, body = answer(405, told, request_id)
    return status, [*headers, (b"allow", allowed.encode())], body


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
