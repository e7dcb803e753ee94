"""This gateway as an issuer: its access tokens as RFC 9068 has them, written and read here and nowhere else."""

import re
import secrets
from typing import Any

import msgspec

from gateway.clock import MINUTE, SECOND, Moment
from gateway.errors import Invalid, TokenInvalid
from gateway.identity.callers import AccessToken
from gateway.identity.keys import is_key_id
from gateway.identity.rights import valid_scopes
from gateway.identity.tokens.checking import Expected, Times
from gateway.identity.tokens.reading import Unverified
from gateway.identity.tokens.signing_keys import TYPE, SigningKeys
from gateway.identity.tokens.verifying import VerifyingKey

LIFETIME_MAX = 60 * MINUTE
"""However the operator sets it."""

PREFIX = "token_"
_NUMBER = re.compile(r"[0-9a-f]{32}")


class OwnIssuer:
    """Issues tokens to this installation's clients, under the address by which callers reach it."""

    def __init__(self, url: str, keys: SigningKeys, lifetime: int) -> None:
        self.url = url
        self.keys = keys
        self.lifetime = lifetime
        self.expected = Expected(url, (url,), frozenset({TYPE}), LIFETIME_MAX)

    def key(self, key_id: str, moment: Moment) -> VerifyingKey | None:
        """One of this gateway's keys, while it verifies."""
        return self.keys.key(key_id, moment)

    def written(self, client: str, scopes: tuple[str, ...], number: str, moment: Moment) -> str:
        """A new token: what it may do is named in it, always."""
        issued_at = moment.earliest // SECOND
        claims = {
            "iss": self.url,
            "aud": self.url,
            "sub": client,
            "client_id": client,
            "iat": issued_at,
            "exp": issued_at + self.lifetime // SECOND,
            "jti": number,
            "scope": " ".join(scopes),
        }
        return self.keys.sign(msgspec.json.encode(claims), moment)

    def token(self, unverified: Unverified, times: Times, key: VerifyingKey) -> AccessToken:
        """What one of its own tokens says."""
        client, number, scope = (unverified.claim(name) for name in ("client_id", "jti", "scope"))
        if client != unverified.claim("sub") or not is_key_id(client) or _NUMBER.fullmatch(number) is None:
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
            holder=client,
            scopes=scopes,
            issued_at=times.issued_at,
            expires_at=times.expires_at,
        )

    def document(self) -> dict[str, Any]:
        """What clients are told of this issuer (RFC 8414)."""
        methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
        algorithms = ["RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA"]
        return {
            "issuer": self.url,
            "token_endpoint": f"{self.url}/oauth/token",
            "revocation_endpoint": f"{self.url}/oauth/revoke",
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": ["inference", "weights", "control", "control:read", "scim"],
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        }


def new_number() -> str:
    """What a token is numbered by: never given twice, and not to be guessed."""
    return secrets.token_hex(16)
