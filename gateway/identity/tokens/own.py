"""This gateway as an issuer: its access tokens as RFC 9068 has them, written and read here and nowhere else."""

import re
import secrets
from typing import Any

import msgspec

from gateway.clock import MINUTE, SECOND, Instant, Moment
from gateway.errors import Invalid, TokenInvalid
from gateway.identity.callers import AccessToken
from gateway.identity.keys import is_key_id
from gateway.identity.people.persons import is_person_id
from gateway.identity.rights import valid_scopes
from gateway.identity.tokens.checking import Expected, Times
from gateway.identity.tokens.reading import Unverified
from gateway.identity.tokens.signing_keys import TYPE, SigningKeys
from gateway.identity.tokens.verifying import VerifyingKey

LIFETIME_MAX = 60 * MINUTE
"""However the operator sets it."""

PREFIX = "token_"

PEOPLES_GRANTS = ("authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code")
"""By which a command line gets the tokens of whoever signed in (RFC 6749, RFC 8628)."""

_NUMBER = re.compile(r"[0-9a-f]{32}")


class SignedIn(msgspec.Struct, frozen=True):
    """The session that a person's tokens are of."""

    id: str
    person: str
    client: str
    """By what the person signed in."""
    ends_at: Instant


class OwnIssuer:
    """Issues tokens to this installation's clients and people, under the address by which callers reach it."""

    def __init__(self, url: str, keys: SigningKeys, lifetime: int) -> None:
        self.url = url
        self.keys = keys
        self.lifetime = lifetime
        self.expected = Expected(url, (url,), frozenset({TYPE}), LIFETIME_MAX)

    def key(self, key_id: str, moment: Moment) -> VerifyingKey | None:
        """One of this gateway's keys, while it verifies."""
        return self.keys.key(key_id, moment)

    def written(self, client: str, scopes: tuple[str, ...], number: str, moment: Moment) -> str:
        """A new token for a client: what it may do is named in it, always."""
        said = {"sub": client, "client_id": client, "jti": number, "scope": " ".join(scopes)}
        return self._written(said, self.lifetime // SECOND, moment)

    def written_in(self, session: SignedIn, scope: str, number: str, moment: Moment) -> tuple[str, int]:
        """A new token for a person, in a session that it does not outlive; and how many seconds it lives."""
        seconds = max(1, min(self.lifetime, session.ends_at - moment.earliest) // SECOND)
        said = {"sub": session.person, "client_id": session.client, "sid": session.id, "jti": number, "scope": scope}
        return self._written(said, seconds, moment), seconds

    def _written(self, said: dict[str, Any], seconds: int, moment: Moment) -> str:
        issued_at = moment.earliest // SECOND
        claims = {"iss": self.url, "aud": self.url, "iat": issued_at, "exp": issued_at + seconds, **said}
        return self.keys.sign(msgspec.json.encode(claims), moment)

    def token(self, unverified: Unverified, times: Times, key: VerifyingKey) -> AccessToken:
        """What one of its own tokens says."""
        client, holder, number, scope = (unverified.claim(name) for name in ("client_id", "sub", "jti", "scope"))
        session = unverified.claim("sid")
        is_whole = is_person_id(holder) if session else client == holder and is_key_id(client)
        if not is_whole or _NUMBER.fullmatch(number) is None:
            raise TokenInvalid
        try:
            scopes = valid_scopes(scope.split(" "))
        except Invalid:
            raise TokenInvalid from None
        return AccessToken(
            id=PREFIX + number,
            issuer=self.url,
            client=client,
            key_id=key.id,
            thumbprint=key.thumbprint,
            holder=holder,
            scopes=scopes,
            issued_at=times.issued_at,
            expires_at=times.expires_at,
            session=session,
        )

    def document(self, *, people: bool) -> dict[str, Any]:
        """What clients are told of this issuer (RFC 8414); what concerns people only where those can sign in."""
        methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
        algorithms = ["RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA"]
        told = {
            "issuer": self.url,
            "token_endpoint": f"{self.url}/oauth/token",
            "revocation_endpoint": f"{self.url}/oauth/revoke",
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": ["inference", "weights", "control", "control:read"],
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        }
        if not people:
            return told
        public = [*methods, "none"]
        return told | {
            "authorization_endpoint": f"{self.url}/oauth/authorize",
            "device_authorization_endpoint": f"{self.url}/oauth/device_authorization",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["client_credentials", *PEOPLES_GRANTS],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "token_endpoint_auth_methods_supported": public,
            "revocation_endpoint_auth_methods_supported": public,
        }


def new_number() -> str:
    """What a token is numbered by: never given twice, and not to be guessed."""
    return secrets.token_hex(16)
