"""What a list is narrowed by: comparisons of attributes, joined. Pure; what text says one is the door's to know.

RFC 7644, section 3.4.2.2, in which the meaning of each operator is given.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

Value = str | bool | int | float | None


class Comparison(msgspec.Struct, frozen=True):
    """One attribute against one value; the value is None where the operator is `pr`, or where it is null."""

    path: str
    """In lower case, its parts joined by `.`: names of attributes have no case."""
    operator: str
    """eq, ne, co, sw, ew, gt, ge, lt, le or pr."""
    value: Value = None


class Every(msgspec.Struct, frozen=True):
    """All of these hold."""

    parts: tuple["Condition", ...]


class Some(msgspec.Struct, frozen=True):
    """At least one of these holds."""

    parts: tuple["Condition", ...]


class Not(msgspec.Struct, frozen=True):
    """This does not hold."""

    part: "Condition"


class Within(msgspec.Struct, frozen=True):
    """One value of an attribute that has several fulfils a condition by itself."""

    path: str
    part: "Condition"


Condition = Comparison | Every | Some | Not | Within

CASELESS = frozenset({"username"})
"""Attributes whose case does not count."""

_TEXTUAL: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda said, wanted: said == wanted,
    "co": lambda said, wanted: wanted in said,
    "sw": lambda said, wanted: said.startswith(wanted),
    "ew": lambda said, wanted: said.endswith(wanted),
    "gt": lambda said, wanted: said > wanted,
    "ge": lambda said, wanted: said >= wanted,
    "lt": lambda said, wanted: said < wanted,
    "le": lambda said, wanted: said <= wanted,
}


def holds(condition: Condition, said: Mapping[str, Any]) -> bool:
    """Whether a value, as a mapping of its attributes, fulfils a condition."""
    match condition:
        case Every(parts):
            return all(holds(part, said) for part in parts)
        case Some(parts):
            return any(holds(part, said) for part in parts)
        case Not(part):
            return not holds(part, said)
        case Within(path, part):
            return any(holds(part, each) for each in _at(said, path) if isinstance(each, Mapping))
        case Comparison(path, operator, value):
            found = _at(said, path)
            if operator == "pr":
                return any(each not in (None, "", []) for each in found)
            if operator == "ne":  # nothing is equal to it: so it is of what has no value, too
                return not any(_compare("eq", path, each, value) for each in found or [None])
            return any(_compare(operator, path, each, value) for each in found or [None])


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every comparison in it, with its whole path: what finding out costs grows with them."""
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from comparisons(part)
        case Not(part):
            yield from comparisons(part)
        case Within(path, part):
            for each in comparisons(part):
                yield msgspec.structs.replace(each, path=f"{path}.{each.path}")
        case Comparison():
            yield condition


def _at(said: Any, path: str) -> list[Any]:
    """Every value at a path; names are taken whatever their case, and lists are gone through."""
    name, _, rest = path.partition(".")
    values: list[Any] = []
    for key, value in said.items():
        if key.lower() == name:
            values += value if isinstance(value, list) else [value]
    if not rest:
        return values
    return [found for each in values if isinstance(each, Mapping) for found in _at(each, rest)]


def _compare(operator: str, path: str, said: Any, wanted: Value) -> bool:
    if isinstance(said, str) and isinstance(wanted, str):
        caseless = path in CASELESS
        return _TEXTUAL[operator](said.casefold() if caseless else said, wanted.casefold() if caseless else wanted)
    return operator == "eq" and type(said) is type(wanted) and bool(said == wanted)
