"""A token's parts, taken apart with distrust and believed in nothing: a JSON Web Token as signed, compact (RFC 7519).

Strict where the specification is lenient, so that a token has one spelling and nothing rides along in its head: every
part is base64url as it is written by whoever encodes it, a name is given once, and a header is refused that would
point the verifier to a key (`jwk`, `jku`, `x5u`, `x5c`), to another reading (`crit`, `b64`, `zip`) or to the unknown.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec

from gateway.bodies import check_names
from gateway.errors import GatewayError, TokenInvalid

TOKEN_BYTES_MAX = 8192
"""Longer than any token that workloads get: the longest in use, of CI systems, have about 2,000."""

_PART = r"([A-Za-z0-9_-]{1,%d})"
_COMPACT = re.compile(rf"{_PART % 1024}\.([A-Za-z0-9_-]+)\.{_PART % 1024}")
_HEADERS = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""What a header may say. The last two are written by some issuers, and read by nobody here."""
_TYPE_PREFIX = "application/"
_TEXT_MAX = 512

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Unverified(msgspec.Struct, frozen=True):
    """What a token says of itself, which anybody can write."""

    text: str
    algorithm: str
    key_id: str
    """Its `kid`; empty where it may have none."""
    kind: str
    """Its `typ`, in lower case and without `application/`; empty where it has none."""
    claims: dict[str, Any]

    @property
    def signed(self) -> str:
        """What its signature is over. By this a token is numbered: a signature of ECDSA has two spellings, and whoever
        holds one can write the other."""
        return self.text.rpartition(".")[0]

    def claim(self, name: str) -> str:
        """A claim that is a text; empty where it is none."""
        value = self.claims.get(name)
        return value if isinstance(value, str) else ""

    def __repr__(self) -> str:
        return "Unverified(…)"


def is_token(credential: str) -> bool:
    """Whether this is to be read as a token rather than a key: it begins as an object of JSON does, in base64."""
    return credential.startswith(("ey", "ew")) and "." in credential


def read(text: str, most: int = TOKEN_BYTES_MAX, *, names_key: bool = True) -> Unverified:
    """Take a token apart, of so many bytes at most; `names_key` is whether it must say which key signed it.

    Raises TokenInvalid for everything that is not one, whatever it is instead.
    """
    found = _COMPACT.fullmatch(text) if len(text) <= most else None
    if found is None:
        raise TokenInvalid
    try:
        header, claims, _ = _object(found[1]), _object(found[2]), _bytes(found[3])
    except (ValueError, RecursionError, GatewayError):
        raise TokenInvalid from None
    if not header.keys() <= _HEADERS or not all(isinstance(value, str) for value in header.values()):
        raise TokenInvalid("The token's header has a member that is not read here.")
    if any(len(value) > _TEXT_MAX for value in header.values()) or not header.get("alg"):
        raise TokenInvalid("The token's header does not name its algorithm.")
    if names_key and not header.get("kid"):
        raise TokenInvalid("The token's header does not name its key (`kid`).")
    kind = header.get("typ", "").lower().removeprefix(_TYPE_PREFIX)
    return Unverified(text, header["alg"], header.get("kid", ""), kind, claims)


def _object(part: str) -> dict[str, Any]:
    content = _bytes(part)
    check_names(content)
    return _decode(content)


def _bytes(part: str) -> bytes:
    """The bytes of a part that is spelt as their encoder spells it: no other text stands for the same token."""
    content = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(content).rstrip(b"=") != part.encode("ascii"):
        raise ValueError("not canonical")
    return content
