"""A list asked for, and told: where it begins, how much of it, narrowed by what, with which attributes.

RFC 7644, sections 3.4.2 (query), 3.4.2.4 (pagination) and 3.9 (attributes).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from gateway.errors import Invalid
from gateway.identity.provisioning.conditions import Condition
from gateway.scim.attributes import Kind
from gateway.scim.filters import read_filter, without_schema

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

COUNT_MAX = 200
"""Resources in one answer; more have to be asked for in turn."""

NAMES_MAX = 64
_PARAMETERS = ("attributes", "excludedattributes", "filter", "startindex", "count")
_INDEX_MAX = 2**31
_QUERY_BYTES_MAX = 8_192


class Shown(msgspec.Struct, frozen=True):
    """Which attributes an answer shows."""

    only: frozenset[str] | None = None
    """In lower case, with the part of an attribute behind a `.`; None: whatever is shown by default."""
    without: frozenset[str] = frozenset()

    def of(self, resource: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
        """The resource as it is shown. What is returned always, is."""
        return {name: self._part(name, value) for name, value in resource.items() if self._shows(name, kind)}

    def shows(self, name: str) -> bool:
        """Whether anything of an attribute is shown that is shown by default."""
        name = name.lower()
        if self.only is not None:
            return name in self.only or any(each.startswith(f"{name}.") for each in self.only)
        return name not in self.without

    def _shows(self, name: str, kind: Kind) -> bool:
        attribute = kind.find(name)
        return (attribute is not None and attribute.returned == "always") or self.shows(name)

    def _part(self, name: str, value: Any) -> Any:
        """An attribute with those of its parts that are shown."""
        if isinstance(value, list):
            return [self._part(name, each) for each in value]
        if not isinstance(value, Mapping):
            return value
        parts = {part: f"{name}.{part}".lower() for part in value}
        if self.only is not None and name.lower() not in self.only:
            return {part: value[part] for part, path in parts.items() if path in self.only}
        return {part: value[part] for part, path in parts.items() if path not in self.without}


class Query(msgspec.Struct, frozen=True):
    """What a request's query asks for."""

    shown: Shown
    condition: Condition | None
    start: int
    """Counted from 1."""
    count: int


def query_in(query: bytes) -> Query:
    """What a query says. Raises Invalid."""
    if len(query) > _QUERY_BYTES_MAX:
        raise Invalid("The query is too long.", code="tooMany")
    try:
        listed = parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=NAMES_MAX)
    except ValueError:
        raise Invalid("The query cannot be read.", code="invalidValue") from None
    given = {name.lower(): value for name, value in listed}
    if len(given) < len(listed):
        raise Invalid("A parameter of the query is given twice.", code="invalidValue")
    return _query(given)


def query_of(body: Mapping[str, Any]) -> Query:
    """The same, said in a body (RFC 7644, section 3.4.3). Raises Invalid."""
    given = {name.lower(): value for name, value in body.items() if value is not None}
    schemas = given.get("schemas")
    if not isinstance(schemas, list) or SEARCH not in schemas:
        raise Invalid(f"A search has `{SEARCH}` among its `schemas`.", code="invalidSyntax")
    return _query({name: _said(given[name]) for name in _PARAMETERS if name in given})


def listed(resources: list[dict[str, Any]], total: int, start: int) -> dict[str, Any]:
    """A page of a list."""
    return {
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _query(given: Mapping[str, str]) -> Query:
    if "attributes" in given and "excludedattributes" in given:
        raise Invalid("Give `attributes` or `excludedAttributes`, not both.", code="invalidValue")
    only, without = _names(given.get("attributes", "")), _names(given.get("excludedattributes", ""))
    return Query(
        Shown(only if "attributes" in given else None, without),
        read_filter(given["filter"]) if given.get("filter") else None,
        max(_whole(given.get("startindex", "1")), 1),
        min(max(_whole(given.get("count", str(COUNT_MAX))), 0), COUNT_MAX),
    )


def _names(text: str) -> frozenset[str]:
    names = [without_schema(name.strip()).lower() for name in text.split(",") if name.strip()]
    if len(names) > NAMES_MAX:
        raise Invalid(f"At most {NAMES_MAX} attributes can be named.", code="invalidValue")
    return frozenset(names)


def _whole(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 12):
        raise Invalid("`startIndex` and `count` are whole numbers.", code="invalidValue")
    return max(min(int(text), _INDEX_MAX), -_INDEX_MAX)


def _said(value: Any) -> str:
    """A parameter as a query has it."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Invalid("A search has lists of names, a filter, and whole numbers.", code="invalidValue")
    return str(value)
