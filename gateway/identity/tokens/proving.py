"""How a client proves itself: by its secret, or by an assertion that it signed (`private_key_jwt`, RFC 7523).

An assertion is for this gateway alone, lives for an hour at most, and is taken once.
"""

from hashlib import sha256
from typing import Any

import msgspec

from gateway.clock import HOUR, Moment
from gateway.errors import Invalid, TokenInvalid, Unauthenticated
from gateway.identity.keyring import Key
from gateway.identity.tokens.checking import Expected, check, text_of
from gateway.identity.tokens.granting import Proof
from gateway.identity.tokens.reading import Unverified
from gateway.identity.tokens.verifying import VerifyingKey, verify, verifying_key

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE_MAX = 1 * HOUR
"""As long as clients of some makes sign by themselves. Taken once, it is of no use to whoever reads it later."""
KEYS_MAX = 8
_KINDS = frozenset({"", "jwt", "client-authentication+jwt"})


class Credentials(msgspec.Struct, frozen=True):
    """What a client says of itself, and what it proves it by: one of the two."""

    client: str
    secret: str | None = None
    assertion: Unverified | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.client})"


def check_assertion(assertion: Unverified, key: Key, url: str, moment: Moment) -> Proof:
    """Raise Unauthenticated where the assertion is not this client's, for this gateway, now."""
    listed = public_keys_of(key)
    if not assertion.key_id and len(listed) > 1:
        raise TokenInvalid(
            "The assertion does not name its key (`kid`), and this client has several.",
            next_step="Name it in the header, as the client's key set does.",
        )
    public = next((each for each in listed if assertion.key_id in {"", each.id}), None)
    if public is None:
        raise Unauthenticated
    verify(assertion.text, assertion.algorithm, public)
    expected = Expected(key.id, (url, f"{url}/oauth/token"), _KINDS, ASSERTION_LIFE_MAX)
    times = check(assertion.kind, {"iat": moment.earliest // 1_000_000, **assertion.claims}, expected, moment)
    if assertion.claim("sub") != key.id:
        raise TokenInvalid("The assertion's subject is not the client that signed it.")
    number = text_of(assertion.claims, "jti")
    digest = sha256(f"{key.id}\0{number}".encode()).hexdigest()
    return Proof(digest, times.expires_at)


def public_keys_of(key: Key) -> list[VerifyingKey]:
    """The keys that a client proves itself by; none where it has a secret."""
    if key.public_keys is None:
        return []
    return [verifying_key(stated) for stated in msgspec.json.decode(key.public_keys)["keys"]]


def checked_public_keys(stated: dict[str, Any]) -> bytes:
    """A client's keys as they are kept: public halves only. Raises Invalid with what is wrong."""
    listed = stated.get("keys")
    if not isinstance(listed, list) or not 0 < len(listed) <= KEYS_MAX:
        raise Invalid(f"A JSON Web Key Set has 1 to {KEYS_MAX} `keys` here (RFC 7517).", param="public_keys")
    kept, ids = [], set()
    for each in listed:
        if isinstance(each, dict) and each.keys() & {"d", "p", "q", "k"}:
            raise Invalid(
                "A private key was sent: only public ones are wanted.",
                param="public_keys",
                next_step="Take that key for known to others, and make another.",
            )
        try:
            key = verifying_key(each)
        except ValueError as error:
            raise Invalid(
                f"One of the keys cannot be used: {error}.",
                param="public_keys",
                next_step="Give each a `kid`; take Ed25519, P-256, P-384 or RSA of 2048 bits and more.",
            ) from None
        ids.add(key.id)
        algorithm = {"alg": each["alg"]} if "alg" in each else {}
        kept.append({**key.key.as_dict(private=False), **algorithm, "kid": key.id})
    if len(ids) < len(kept):
        raise Invalid("Two of the keys have one id.", param="public_keys")
    return msgspec.json.encode({"keys": kept})
