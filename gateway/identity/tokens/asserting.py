"""The client's half of `private_key_jwt` (RFC 7523, 3): what it signs in order to prove itself. Pure.

A key file has a private JSON Web Key, or PEM as OpenSSL writes it.
"""

import json
import secrets

import msgspec
from joserfc import jwk

from gateway.errors import Invalid
from gateway.identity.tokens.verifying import sign, verifying_key

LASTS_S = 60


def assertion(key_file: bytes, key_id: str, client: str, audience: str, now_s: int) -> str:
    """What proves a client to an authorization server. Raises Invalid for a file that has no key to sign with.

    `key_id` is how the client's key set names the key; where it is empty the key's own name goes, and none where it has
    none: so it may be with a client that has but one.
    """
    key = _private_key(key_file)
    named = key_id or str(key.as_dict(private=False).get("kid", ""))
    head = {"typ": "JWT", **({"kid": named} if named else {})}
    claims = {
        "iss": client,
        "sub": client,
        "aud": audience,
        "iat": now_s,
        "exp": now_s + LASTS_S,
        "jti": secrets.token_urlsafe(24),
    }
    return sign(head, msgspec.json.encode(claims), _algorithm(key), key)


def _private_key(content: bytes) -> jwk.Key:
    try:
        text = content.decode("ascii").strip()
        stated = json.loads(text) if text.startswith("{") else None
        key = jwk.import_key(stated) if stated is not None else _from_pem(text)
        if not key.is_private:
            raise ValueError("only its public half is there")
    except Exception:  # whatever the library raises over a file
        raise Invalid(
            "The key file has no private key that can sign.",
            next_step="It is a private JSON Web Key, or PEM: `openssl genpkey -algorithm ed25519`.",
        ) from None
    return key


def _from_pem(text: str) -> jwk.Key:
    for kind in ("OKP", "EC", "RSA"):
        try:
            return jwk.import_key(text, kind)
        except Exception:  # noqa: S112 - it is of another kind: the library says so in many ways
            continue
    raise ValueError("no key of a known kind")


def _algorithm(key: jwk.Key) -> str:
    """What it signs by: what the key itself says, where it does, and else what is most in use for its kind."""
    stated = {**key.as_dict(private=False), "kid": "any"}
    try:
        algorithms = verifying_key(stated).algorithms
    except ValueError as error:
        raise Invalid(f"The key cannot be used: {error}.", next_step="Take Ed25519, P-256, P-384 or RSA.") from None
    return "RS256" if "RS256" in algorithms else min(algorithms)
