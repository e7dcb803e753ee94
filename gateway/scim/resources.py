"""What a client says a resource is, read: names whatever their case, values of the kind declared. Pure.

RFC 7643, section 2; RFC 7644, section 3.3 (what is read-only, or not known, is passed over).
"""

from collections.abc import Mapping
from typing import Any

from gateway.errors import Invalid
from gateway.identity.provisioning.groups import MEMBERS_MAX
from gateway.scim.attributes import Attribute, Kind
from gateway.scim.filters import without_schema

TEXT_MAX = 200
"""However its letters are written: some become three where case does not count."""
_TRUTHS = {"true": True, "false": False}


def read_resource(body: Any, kind: Kind) -> dict[str, Any]:
    """What a body says of what a client may say. Raises Invalid."""
    if not isinstance(body, Mapping):
        raise Invalid("The body is an object.", code="invalidSyntax")
    given: dict[str, Any] = {}
    schemas: Any = None
    for name, value in body.items():
        attribute = kind.find(without_schema(name)) if not kind.is_unkept(name) else None
        if attribute is None or attribute.is_read_only or value is None:
            continue
        if attribute.name in given:
            raise Invalid(f"`{attribute.name}` is given twice.", code="invalidSyntax")
        if attribute.name == "schemas":
            schemas = value
        elif not (attribute.multi_valued and value == []):
            given[attribute.name] = checked(attribute, value)
    if not isinstance(schemas, list) or kind.schema not in schemas:
        raise Invalid(f"A {kind.name} has `{kind.schema}` among its `schemas`.", code="invalidSyntax")
    return given


def checked(attribute: Attribute, value: Any) -> Any:
    """The value, as it is kept. Raises Invalid (`invalidValue`)."""
    if attribute.multi_valued:
        return _members(attribute, value)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping) and "value" in value[0]:
        value = value[0]["value"]  # as Entra ID wraps single values
    if attribute.type == "boolean":
        return _truth(attribute, value)
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value.casefold()) > TEXT_MAX:
        raise Invalid(
            f"`{attribute.name}` is one line of at most {TEXT_MAX} printable characters.", code="invalidValue"
        )
    return value


def same(standing: Any, said: Any) -> bool:
    """Whether what is said of an attribute is what it is."""
    return type(standing) is type(said) and bool(standing == said)


def _truth(attribute: Attribute, value: Any) -> bool:
    if isinstance(value, str) and value.lower() in _TRUTHS:
        return _TRUTHS[value.lower()]
    if not isinstance(value, bool):
        raise Invalid(f"`{attribute.name}` is true or false.", code="invalidValue")
    return value


def _members(attribute: Attribute, value: Any) -> list[dict[str, Any]]:
    """Each value once, in order, named by its `value` alone: all else about it follows from that."""
    listed = value if isinstance(value, list) else [value]
    named: dict[str, None] = {}
    for each in listed:
        said = {name.lower(): part for name, part in each.items()} if isinstance(each, Mapping) else {}
        member, kind = said.get("value"), said.get("type", "User")
        if not isinstance(member, str) or not 0 < len(member) <= TEXT_MAX or not member.isprintable():
            raise Invalid(f"Each of the `{attribute.name}` is an object with a `value`.", code="invalidValue")
        if not isinstance(kind, str) or kind.lower() != "user":
            raise Invalid("A member of a group is a user: groups in groups are not kept.", code="invalidValue")
        named[member] = None
    if len(named) > MEMBERS_MAX:
        raise Invalid(f"A group has at most {MEMBERS_MAX} members.", code="tooMany")
    return [{"value": member} for member in named]
