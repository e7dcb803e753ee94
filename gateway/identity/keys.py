"""API keys as they are written: `rsg_<kind>_<id 12>_<secret 43><check 6>`.

Kind, id, secret and check are ASCII letters and digits; every key has the same length. The id is public and may be
shown; the secret holds 256 bits from the system's generator; the check is the CRC-32 of all before it,
so that a key mistyped or cut short is known for what it is without a look into the database, and a
scanner of leaked keys finds no others. What a key may do is in its roles: the kind is a hint to people.
"""

import re
import secrets
from binascii import crc32

from gateway.identity.callers import Role

KINDS: dict[Role, str] = {
    Role.PROVIDER: "pro",
    Role.APPROVER: "apr",
    Role.ANALYST: "ana",
    Role.AUDITOR: "aud",
    Role.STAFF: "stf",
    Role.DEVELOPER: "dev",
}
"""The kind of a key that holds a role; the first of these that it holds names it."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_ID_LENGTH = 12
_SECRET_LENGTH = 43
_ID = slice(8, 8 + _ID_LENGTH)
_CHECK_LENGTH = 6
_KEY_ID = re.compile(r"[0-9A-Za-z]{12}")
_SHAPE = re.compile(rf"rsg_(?:{'|'.join(KINDS.values())})_[0-9A-Za-z]{{12}}_[0-9A-Za-z]{{49}}")


class Secret:
    """A key in plain, to be shown once: no trace of it in logs, errors or debuggers' lists."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The key itself, for the one answer that shows it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not stored")


def mint(kind: str) -> Secret:
    """A new key that nobody has seen."""
    body = f"rsg_{kind}_{_random(_ID_LENGTH)}_{_random(_SECRET_LENGTH)}"
    return Secret(body + _check(body))


def key_id_of(token: str) -> str | None:
    """The public id in a well-formed key; None for anything else. Touches nothing but the text."""
    if _SHAPE.fullmatch(token) is None or _check(token[:-_CHECK_LENGTH]) != token[-_CHECK_LENGTH:]:
        return None
    return token[_ID]


def key_id_at(token: str) -> str:
    """What stands where a key's public id would: only to look for a key that this very token was proven to be."""
    return token[_ID]


def is_key_id(text: str) -> bool:
    """Whether a key could have this public id."""
    return _KEY_ID.fullmatch(text) is not None


def kind_of(roles: tuple[Role, ...]) -> str:
    """What kind of key holds these roles; a key without roles is a developer's."""
    return next((kind for role, kind in KINDS.items() if role in roles), KINDS[Role.DEVELOPER])


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _check(body: str) -> str:
    high, low = divmod(crc32(body.encode()), 62**2)
    return _PAIRS[high // 62**2] + _PAIRS[high % 62**2] + _PAIRS[low]
