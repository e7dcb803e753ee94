"""Verifying a token's signature: by joserfc, with the one key that is known by its id and no algorithm but that key's.

Which algorithm is taken is the key's to say, never the token's: an algorithm that is not among those of the key is
refused before anything is computed, so that no public key is ever used as a secret. None of them is symmetric.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import msgspec
from joserfc import errors, jwk, jws

from gateway.errors import TokenInvalid

RSA_BITS = (2048, 8192)

_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_EDWARDS = ("Ed25519", "EdDSA")
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")

# The older of the two names of one and the same signature: issuers will use it for years.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=errors.SecurityWarning)


class VerifyingKey(msgspec.Struct, frozen=True):
    """One public key, with what it may be used for."""

    id: str
    thumbprint: str
    """RFC 7638: tells a key from another that took its id."""
    algorithms: frozenset[str]
    key: jwk.Key

    def __repr__(self) -> str:
        return f"VerifyingKey({self.thumbprint})"


_registries = {
    name: jws.JWSRegistry(algorithms=[name], strict_check_header=False)
    for name in (*_RSA, *_CURVES.values(), *_EDWARDS)
}


def verify(text: str, algorithm: str, key: VerifyingKey) -> None:
    """Raise TokenInvalid where this key did not sign this text by this algorithm."""
    if algorithm not in key.algorithms:
        raise TokenInvalid("The token was not signed by an algorithm of its issuer's key.")
    try:
        jws.deserialize_compact(text, key.key, registry=_registries[algorithm])
    except Exception:  # whatever the library raises: nobody is let in on a guess
        raise TokenInvalid("The token was not signed by its issuer's key.") from None


def sign(head: Mapping[str, str], claims: bytes, algorithm: str, key: jwk.Key) -> str:
    """A token over these claims."""
    return jws.serialize_compact({"alg": algorithm, **head}, claims, key, registry=_registries[algorithm])


def verifying_key(stated: Any) -> VerifyingKey:
    """The public key that a JSON Web Key is, with only its public half. Raises ValueError for one not to be used."""
    if not isinstance(stated, dict) or not all(isinstance(name, str) for name in stated):
        raise ValueError("not an object")
    if stated.get("use", "sig") != "sig" or "verify" not in stated.get("key_ops", ["verify"]):
        raise ValueError("not for signatures")
    algorithms = _algorithms(stated)
    if "alg" in stated:
        algorithms &= {stated["alg"]} if isinstance(stated["alg"], str) else set()
    key_id = stated.get("kid")
    if not algorithms or not isinstance(key_id, str) or not 0 < len(key_id) <= 255:
        raise ValueError("neither an id nor an algorithm that is known")
    try:
        key = jwk.import_key({name: stated[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in stated})
        thumbprint = key.thumbprint()
    except Exception as error:
        raise ValueError("not a key") from error
    if isinstance(key, jwk.RSAKey) and not RSA_BITS[0] <= key.public_key.key_size <= RSA_BITS[1]:
        raise ValueError("too short or too long")
    return VerifyingKey(key_id, thumbprint, frozenset(algorithms), key)


def _algorithms(stated: dict[str, Any]) -> set[str]:
    kind, curve = stated.get("kty"), stated.get("crv")
    if kind == "RSA":
        return set(_RSA)
    if kind == "EC" and curve in _CURVES:
        return {_CURVES[curve]}
    if kind == "OKP" and curve == "Ed25519":
        return set(_EDWARDS)
    return set()
