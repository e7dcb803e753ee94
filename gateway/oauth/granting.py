"""What `/oauth/token` answers, grant by grant, and how a command line begins to wait for a code (RFC 8628, 3.1)."""

from collections.abc import Mapping

from gateway.clock import SECOND, Moment
from gateway.errors import Invalid, NotFound, Unauthenticated
from gateway.identity.logins.codes import Redemption
from gateway.identity.logins.devices import INTERVAL_S, LASTS
from gateway.identity.logins.logging_in import LoggingIn, Tokens
from gateway.identity.logins.requests import COMMAND_LINE, check_client, scope_in
from gateway.identity.logins.user_codes import shown
from gateway.identity.tokens.authority import Authority
from gateway.identity.tokens.own import PEOPLES_GRANTS
from gateway.oauth.answers import UNSUPPORTED, Headers
from gateway.oauth.forms import credentials_in, required, scopes_in

CLIENT = "client_credentials"
CODE, REFRESH, DEVICE = PEOPLES_GRANTS

_PROOFS = ("client_secret", "client_assertion", "client_assertion_type")


class Granting:
    """Tokens for clients that prove themselves, and for a command line that was allowed to sign somebody in."""

    def __init__(self, authority: Authority, logging_in: LoggingIn | None) -> None:
        self._authority = authority
        self._logging_in = logging_in

    async def token(
        self, headers: Headers, fields: Mapping[str, str], peer: str | None, moment: Moment
    ) -> dict[str, object]:
        """What the form's grant gives. Raises TooManyTokenRequests, Invalid with OAuth's code, or Unauthenticated."""
        grant = fields.get("grant_type", "")
        if grant == CLIENT:
            granted = await self._authority.grant(credentials_in(headers, fields), scopes_in(fields), peer, moment)
            return {
                "access_token": granted.text,
                "token_type": "Bearer",
                "expires_in": granted.lifetime_s,
                "scope": " ".join(granted.scopes),
            }
        if grant not in PEOPLES_GRANTS or self._logging_in is None:
            raise Invalid("There is no such `grant_type` here.", code=UNSUPPORTED)
        check_public(headers, fields)
        with self._authority.rates.asking(peer):
            return _told(await self._given(grant, fields, moment))

    async def _given(self, grant: str, fields: Mapping[str, str], moment: Moment) -> Tokens:
        """Tokens for somebody who was let in elsewhere, and whom this proves to be behind it."""
        assert self._logging_in is not None, "else there is no such grant"
        if grant == CODE:
            redemption = Redemption(*(required(fields, name) for name in ("code", "redirect_uri", "code_verifier")))
            return await self._logging_in.redeem(redemption, moment)
        if grant == DEVICE:
            return await self._logging_in.poll(required(fields, "device_code"), moment)
        if "scope" in fields:
            raise Invalid("A token that renews gives the scope that it has.", code="invalid_scope")
        return await self._logging_in.renew(required(fields, "refresh_token"), moment)

    async def start(
        self, headers: Headers, fields: Mapping[str, str], peer: str | None, moment: Moment, address: str
    ) -> dict[str, object]:
        """What a command line shows that waits for its code to be entered at an address.

        There is no address with the code in it: whoever were sent one would enter a stranger's code by opening it.
        """
        if self._logging_in is None:
            raise NotFound("Nobody signs in at this gateway: its operator declared no identity provider.")
        check_public(headers, fields)
        scope = scope_in(fields)
        with self._authority.rates.asking(peer):
            started = await self._logging_in.start(scope, peer or "", moment)
        return {
            "device_code": started.device_code.reveal(),
            "user_code": shown(started.user_code),
            "verification_uri": address,
            "expires_in": LASTS // SECOND,
            "interval": INTERVAL_S,
        }

    async def end(self, headers: Headers, fields: Mapping[str, str], peer: str | None, moment: Moment) -> None:
        """End a token of a client's own, or the sign-in of a command line. Raises Unauthenticated or Conflict."""
        if self._logging_in is None or not is_command_line(fields):
            return await self._authority.revoke(
                credentials_in(headers, fields), required(fields, "token"), peer, moment
            )
        check_public(headers, fields)
        with self._authority.rates.asking(peer):
            return await self._logging_in.end(required(fields, "token"), moment)


def is_command_line(fields: Mapping[str, str]) -> bool:
    """Whether the form comes from the one client that has no secret."""
    return fields.get("client_id") == COMMAND_LINE


def check_public(headers: Headers, fields: Mapping[str, str]) -> None:
    """Raise Unauthenticated where another client asks, or one that would prove itself as this one cannot."""
    if any(name == b"authorization" for name, _ in headers) or any(name in fields for name in _PROOFS):
        raise Unauthenticated("This grant is for a public client, which has nothing to prove itself by.")
    try:
        check_client(fields)
    except Invalid as error:
        raise Unauthenticated(error.message) from None


def _told(tokens: Tokens) -> dict[str, object]:
    return {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": tokens.lifetime_s,
        "scope": tokens.scope,
        "refresh_token": tokens.refresh_token.reveal(),
    }
