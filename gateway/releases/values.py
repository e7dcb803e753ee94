"""Typed values read from nodes: each reader gives the value, or None after noting what to write instead."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal

from gateway import spelling
from gateway.clock import Instant, instant_from
from gateway.releases.nodes import Faults, Mapping, Node, Scalar, Sequence, shown

EXACT_MAX = 2**53 - 1
"""The greatest whole number that JSON, Rego and both databases carry exactly."""
LATEST = instant_from(datetime(2250, 1, 1, tzinfo=UTC))
"""The end of the dates that a file may name: in microseconds they fit in 53 bits."""
ITEMS_MAX = 300

nearest = spelling.nearest

_WORD = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_SEGMENT = re.compile(r"\.?[A-Za-z0-9_][A-Za-z0-9._+=@-]*")
_NUMBER = re.compile(r"\+?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def mapping(
    node: Node | None, faults: Faults, known: Collection[str], required: Collection[str] = ()
) -> dict[str, Node]:
    """The entries of a mapping whose keys are fixed."""
    entries = named(node, faults)
    if not isinstance(node, Mapping) or not entries:
        return {}
    for key in entries:
        if key not in known:
            faults.add_key(node, key, f"there is no key {shown(key)} here.{nearest(key, known)}")
    for key in required:
        if key not in entries:
            faults.add(node, f"`{key}` is missing here: write it")
    return {key: value for key, value in entries.items() if key in known}


def named(node: Node | None, faults: Faults, most: int = ITEMS_MAX) -> dict[str, Node]:
    """The entries of a mapping whose keys are names that the provider chooses."""
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        faults.add(node, "this must be keys with values, as in `key: value`")
        return {}
    if not node.entries:
        faults.add(node, "this is empty: fill it in, or leave the key out")
    if len(node.entries) > most:
        faults.add(node, f"there are {len(node.entries)} keys here: at most {most} are read")
        return {}
    return node.entries


def sequence(node: Node, faults: Faults) -> list[Node]:
    """The items of a list, or a single item written without its brackets."""
    items = node.items if isinstance(node, Sequence) else [node]
    if not items:
        faults.add(node, "this list is empty: fill it in, or leave the key out")
    if len(items) > ITEMS_MAX:
        faults.add(node, f"this list has {len(items)} items: at most {ITEMS_MAX} are read")
        return []
    return items


def text(node: Node | None, faults: Faults, longest: int = 200) -> str | None:
    """A text on one line."""
    if node is None:
        return None
    if not isinstance(node, Scalar) or not node.text.strip():
        faults.add(node, "a text must stand here")
    elif node.plain and node.text in ("null", "~", "Null", "NULL"):
        faults.add(node, "this is empty: write a text, or leave the key out")
    elif len(node.text) > longest or "\n" in node.text:
        faults.add(node, f"this text must fit on one line of at most {longest} characters")
    else:
        return node.text
    return None


def texts(node: Node | None, faults: Faults) -> list[tuple[Node, str]]:
    """A list of different texts, each with its node."""
    found: list[tuple[Node, str]] = []
    seen: set[str] = set()
    for item in [] if node is None else sequence(node, faults):
        value = text(item, faults)
        if value is None:
            continue
        if value in seen:
            faults.add(item, f"{shown(value)} stands in this list already: take one out")
            continue
        seen.add(value)
        found.append((item, value))
    return found


def is_word(name: str) -> bool:
    """Whether it can be the name of a stage, an audience, a document or an attribute."""
    return len(name) <= 64 and _WORD.fullmatch(name) is not None


def choice(node: Node | None, faults: Faults, known: Collection[str]) -> str | None:
    """One of the words that are known here."""
    value = text(node, faults)
    if value is None or node is None or value in known:
        return value
    faults.add(node, f"{shown(value)} is not known here.{nearest(value, known)}")
    return None


def truth(node: Node | None, faults: Faults) -> bool | None:
    """`true` or `false`, and none of YAML's other spellings."""
    if node is None:
        return None
    if isinstance(node, Scalar) and node.plain and node.text in ("true", "false"):
        return node.text == "true"
    faults.add(node, "write `true` or `false` here")
    return None


def decimal(node: Node | None, faults: Faults) -> Decimal | None:
    """A number of zero or more, at most 1e99, such as `7.0e10`."""
    value = _decimal(node)
    if value is None and node is not None:
        faults.add(node, "a number from 0 to 1e99 must stand here, such as 60 or 7.0e10")
    return value


def whole(node: Node | None, faults: Faults, low: int, high: int = EXACT_MAX) -> int | None:
    """A whole number within bounds; `7.0e10` is one."""
    value = _decimal(node)
    if value is not None and value == value.to_integral_value() and low <= value <= high:
        return int(value)
    if node is not None:
        faults.add(node, f"a whole number from {low} to {high} must stand here")
    return None


def _decimal(node: Node | None) -> Decimal | None:
    # Short enough that no digit is lost in the 28 places of decimal arithmetic.
    if isinstance(node, Scalar) and node.plain and len(node.text) <= 24 and _NUMBER.fullmatch(node.text):
        value = Decimal(node.text)
        return value if value <= Decimal("1e99") else None
    return None


def instant(node: Node | None, faults: Faults) -> Instant | None:
    """A date with time and time zone (RFC 3339)."""
    if node is None:
        return None
    written = node.text if isinstance(node, Scalar) else ""
    form = _INSTANT.fullmatch(written)
    if form is None:
        faults.add(node, "a date with time and time zone must stand here, such as 2026-03-01T00:00:00Z")
        return None
    if form[1] is None:
        faults.add(
            node, f"this date has no time zone: write {written}Z if you mean UTC, or its offset as in {written}+02:00"
        )
        return None
    try:
        value = instant_from(datetime.fromisoformat(written))
    except (ValueError, OverflowError):
        faults.add(node, "there is no such date: check month, day, hour, minute, second and offset")
        return None
    if not 0 <= value < LATEST:
        faults.add(node, "the date must lie between the years 1970 and 2250")
        return None
    return value


def path(node: Node | None, faults: Faults) -> str | None:
    """A path that cannot leave the folder it is relative to."""
    value = text(node, faults)
    if value is None or node is None or is_path(value):
        return value
    faults.add(node, f"{shown(value)} is not a path inside its folder: write it relative, with `/`, without `..`")
    return None


def is_path(value: str) -> bool:
    """Whether a path is relative, stays inside, and means the same in a URL and on every disk."""
    return len(value) <= 200 and all(
        len(segment) <= 120 and _SEGMENT.fullmatch(segment) for segment in value.split("/")
    )
