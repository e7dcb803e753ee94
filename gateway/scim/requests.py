"""What reaches this door: where it leads, which versions it names, and its body, read within bounds.

RFC 7644, sections 3.2 (methods), 3.14 (versions) and 8.1 (media type).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from gateway.bodies import check_names
from gateway.errors import Invalid, NotFound, PreconditionFailed, TooLarge

BODY_BYTES_MAX = 1 << 20
PREFIX = b"/scim/v2"
CONFIGURATION, TYPES, SCHEMAS = "ServiceProviderConfig", "ResourceTypes", "Schemas"
USERS, GROUPS, SEARCH = "Users", "Groups", ".search"
METHODS: Mapping[str, tuple[str, ...]] = {
    f"/scim/v2/{CONFIGURATION}": ("GET",),
    f"/scim/v2/{TYPES}": ("GET",),
    f"/scim/v2/{TYPES}/{{id}}": ("GET",),
    f"/scim/v2/{SCHEMAS}": ("GET",),
    f"/scim/v2/{SCHEMAS}/{{id}}": ("GET",),
    f"/scim/v2/{SEARCH}": ("POST",),
    f"/scim/v2/{USERS}": ("GET", "POST"),
    f"/scim/v2/{USERS}/{SEARCH}": ("POST",),
    f"/scim/v2/{USERS}/{{id}}": ("GET", "PUT", "PATCH", "DELETE"),
    f"/scim/v2/{GROUPS}": ("GET", "POST"),
    f"/scim/v2/{GROUPS}/{SEARCH}": ("POST",),
    f"/scim/v2/{GROUPS}/{{id}}": ("GET", "PUT", "PATCH", "DELETE"),
}
"""Every path of this door, with its methods. All are for whoever keeps the list of people, and for nobody else."""

_MEDIA = frozenset({b"application/scim+json", b"application/json"})
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_DEPTH_MAX = 20
_WEAK = "W/"
"""How a version begins; sent back without it by some."""

Headers = Iterable[tuple[bytes, bytes]]


class Target(msgspec.Struct, frozen=True):
    """Where a request leads."""

    noun: str
    id: str
    """Empty where the whole list is meant."""
    methods: tuple[str, ...]


def target_of(path: bytes) -> Target:
    """Where a raw path leads, matched whole. Raises NotFound where nowhere."""
    text = path.decode("latin-1").removeprefix(PREFIX.decode())
    noun, _, id_ = text.removeprefix("/").partition("/")
    exact = METHODS.get(f"{PREFIX.decode()}{text}") if "{" not in text else None
    if exact is not None:
        return Target(noun, id_, exact)
    methods = METHODS.get(f"{PREFIX.decode()}/{noun}/{{id}}")
    if methods is None or not text.startswith("/") or not _ID.fullmatch(id_):
        raise NotFound("This door does not know that path.")
    return Target(noun, id_, methods)


def check_version(headers: Headers, version: str) -> None:
    """Raise PreconditionFailed where another version is meant than there is."""
    wanted = _versions(headers, b"if-match")
    if wanted and "*" not in wanted and version.removeprefix(_WEAK) not in wanted:
        raise PreconditionFailed


def names_version(headers: Headers) -> bool:
    """Whether what is asked is asked of one version alone."""
    return bool(_versions(headers, b"if-match"))


def has_version(headers: Headers, version: str) -> bool:
    """Whether whoever asks has this very version already."""
    held = _versions(headers, b"if-none-match")
    return version.removeprefix(_WEAK) in held or "*" in held


def _versions(headers: Headers, name: bytes) -> list[str]:
    joined = b",".join(value for each, value in headers if each == name).decode("latin-1")
    return [version.strip().removeprefix(_WEAK) for version in joined.split(",") if version.strip()]


async def body_in(headers: Headers, receive: Any) -> dict[str, Any]:
    """The object that the body is. Raises Invalid, or TooLarge."""
    kinds = [value.partition(b";")[0].strip().lower() for name, value in headers if name == b"content-type"]
    if len(kinds) != 1 or kinds[0] not in _MEDIA:
        raise Invalid("The body must be JSON: `content-type: application/scim+json`.", code="invalidSyntax")
    body = await _whole(receive)
    try:
        check_names(body)
        read = msgspec.json.decode(body)
    except (Invalid, msgspec.DecodeError, RecursionError):
        raise Invalid("The body is not JSON, or gives a name twice.", code="invalidSyntax") from None
    if not isinstance(read, dict) or _is_deeper(read, _DEPTH_MAX):
        raise Invalid("The body is an object, nested a few times at most.", code="invalidSyntax")
    if len({name.lower() for name in read}) < len(read):
        raise Invalid("An attribute is given twice.", code="invalidSyntax")
    return read


def _is_deeper(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_is_deeper(each, depth - 1) for each in inner)


async def _whole(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Invalid("The request ended before its body did.", code="invalidSyntax")
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge(f"A body here has at most {BODY_BYTES_MAX} bytes.")
        if not message.get("more_body", False):
            return bytes(body)
