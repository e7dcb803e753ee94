"""What declarations of issuers and of identity providers have in common: names, addresses, claims and what they assert.

Each function raises ValueError with what is wrong, for whoever declares it.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from gateway.identity.callers import ABROAD, OVERSIGHT, Role
from gateway.identity.facts import ASSURANCE_MAX, Value, fault_of, fault_of_name
from gateway.identity.organisations import PROVIDER, is_id
from gateway.identity.tokens.mapping import Attribute, Match

Claims = Mapping[str, str | int | bool | list[str]]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LOOPBACK = "localhost"


class DeclaredAttribute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fact that whoever presents certain claims asserts of its organisation."""

    name: str
    assurance: int
    value: str | int | bool | list[str] | msgspec.UnsetType = msgspec.UNSET
    claim: str = ""


def check_name(name: str) -> None:
    """A name under which something is declared."""
    if _NAME.fullmatch(name) is None:
        raise ValueError("a name is 1 to 63 of a-z, 0-9, dot, dash and underscore")


def check_issuer(issuer: str) -> None:
    """What tokens have as `iss`."""
    if not 0 < len(issuer) <= 500 or not issuer.isprintable():
        raise ValueError("`issuer` must be what its tokens have as `iss`, to the letter")


def check_address(url: str, param: str) -> None:
    """Where the gateway is to connect: by TLS, but on loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not url.isascii() or not url.isprintable() or " " in url or not host or parts.username or parts.fragment:
        raise ValueError(f"`{param}` must be an address, without credentials")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return
    raise ValueError(f"`{param}` must begin with `https://`: whoever stands between would choose who is believed")


def is_loopback(host: str) -> bool:
    """Whether nobody can stand between."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == _LOOPBACK


def beside(folder: Path, name: str | None) -> Path | None:
    """A file that a declaration names, which lies beside it. Raises ValueError where it cannot be read."""
    if name is None:
        return None
    try:
        return (folder / name).resolve(strict=True)
    except OSError as error:
        raise ValueError(f"the file `{name}`, looked for beside this one, cannot be read: {error.strerror}") from None


def match_of(where: str, given: Claims) -> Match:
    """The claims by which somebody is known."""
    if not given or any(value == [] for value in given.values()):
        raise ValueError(f"{where} `match` must name the claims by which they are known, and their values")
    return tuple((claim, _any_of(value)) for claim, value in sorted(given.items()))


def check_place(where: str, organisation: str, roles: Sequence[Role]) -> None:
    """Where they belong, and what they are there.

    A role that sees every organisation is given to people of the provider's own alone: whoever maps a customer's groups
    means that customer. A key for an auditor from outside is issued by hand.
    """
    if not is_id(organisation):
        raise ValueError(f"{where} `organisation` is no organisation's id")
    if organisation == PROVIDER:
        return
    if wide := [role for role in roles if role in OVERSIGHT]:
        raise ValueError(
            f"{where} {' and '.join(wide)} would see every organisation, and not `{organisation}` alone:"
            f" outside auditors are mapped to `{PROVIDER}`, where all may be seen"
        )
    if not set(roles) <= set(ABROAD):
        raise ValueError(f"{where} outside `{PROVIDER}` nobody has other roles than {Role.DEVELOPER}")


def attributes_of(where: str, given: Sequence[DeclaredAttribute]) -> tuple[Attribute, ...]:
    """What they assert."""
    attributes = tuple(_attribute(where, each) for each in given)
    if len({each.name for each in attributes}) < len(attributes):
        raise ValueError(f"{where} an attribute is given twice")
    return attributes


def _any_of(value: str | int | bool | list[str]) -> tuple[str | int | bool, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _attribute(where: str, given: DeclaredAttribute) -> Attribute:
    if fault := fault_of_name(given.name):
        raise ValueError(f"{where} the attribute `{given.name}` {fault}")
    if not 0 <= given.assurance <= ASSURANCE_MAX:
        raise ValueError(f"{where} assurance is between 0 (self-declared) and {ASSURANCE_MAX}")
    if (given.value is msgspec.UNSET) == (not given.claim):
        raise ValueError(f"{where} `{given.name}` needs a `value`, or the `claim` that says it")
    value: Value | None = None
    if not isinstance(given.value, msgspec.UnsetType):
        value = tuple(given.value) if isinstance(given.value, list) else given.value
        if fault := fault_of(given.name, value):
            raise ValueError(f"{where} the value of `{given.name}` {fault}")
    return Attribute(given.name, given.assurance, value, given.claim)
