"""Conditions on people and groups, in SQL that means the same on both engines.

Every part is true or false, never null, so that `not` is what it says. Texts are compared as they are written, but for
user names, which have no case; collations differ between engines, so that only instants are in an order.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select, true

from gateway.clock import instant_from
from gateway.errors import Invalid
from gateway.identity.people.store import person_table
from gateway.identity.provisioning.conditions import Comparison, Condition, Every, Not, Some, Value, Within
from gateway.identity.provisioning.tables import group_table, member_table

Clause = ColumnElement[bool]
Compare = Callable[[str, Value], Clause]
"""Of one attribute: an operator and a value, as SQL."""
Fields = Mapping[str, Compare]

_people, _groups, _members = person_table.c, group_table.c, member_table.c


def people_where(condition: Condition | None) -> Clause:
    """People who fulfil a condition; all without one. Raises Invalid (`invalidFilter`) for what is not kept."""
    return true() if condition is None else _clause(condition, _PEOPLE)


def groups_where(condition: Condition | None) -> Clause:
    """Groups that fulfil a condition; all without one. Raises Invalid as `people_where` does."""
    return true() if condition is None else _clause(condition, _GROUPS)


def _clause(condition: Condition, fields: Fields) -> Clause:
    match condition:
        case Every(parts):
            return and_(*(_clause(part, fields) for part in parts))
        case Some(parts):
            return or_(*(_clause(part, fields) for part in parts))
        case Not(part):
            return not_(_clause(part, fields))
        case Within(path, part):
            if path not in _WITHIN or fields is not _WITHIN[path][0]:
                raise _not_asked(path)
            _, inner, among = _WITHIN[path]
            return among(_clause(part, inner))
        case Comparison(path, operator, value):
            if path not in fields:
                raise _not_asked(path)
            return fields[path](operator, value)


def _text(column: ColumnElement[Any], fold: Callable[[str], str] = str) -> Compare:
    def compare(operator: str, value: Value) -> Clause:
        present = and_(column.is_not(None), column != "")
        if operator == "pr":
            return present
        if value is None:
            return not_(present) if operator == "eq" else present
        if not isinstance(value, str):
            return true() if operator == "ne" else false()
        wanted = fold(value)
        if operator in {"eq", "ne"}:
            equal = and_(column.is_not(None), column == wanted)
            return equal if operator == "eq" else or_(column.is_(None), column != wanted)
        if not wanted:
            return column.is_not(None)
        if operator == "co":  # LIKE has no case on one engine and has on the other
            found = func.replace(column, wanted, "") != column
        elif operator == "sw":
            found = func.substr(column, 1, len(wanted)) == wanted
        elif operator == "ew":
            start = func.length(column) - len(wanted) + 1
            found = and_(func.length(column) >= len(wanted), func.substr(column, start) == wanted)
        else:
            raise Invalid("Texts are in no order here: `gt`, `ge`, `lt` and `le` ask of dates.", code="invalidFilter")
        return and_(column.is_not(None), found)

    return compare


def _instant(column: ColumnElement[Any]) -> Compare:
    def compare(operator: str, value: Value) -> Clause:
        if operator == "pr":
            return true()
        try:
            named = datetime.fromisoformat(value.upper()) if isinstance(value, str) else None
            instant = None if named is None or named.tzinfo is None else instant_from(named)
        except (ValueError, OverflowError):
            instant = None
        compared = _compared(column, instant) if instant is not None else {}
        if operator not in compared:
            raise Invalid("A date is compared with a date, such as `2026-03-01T00:00:00Z`.", code="invalidFilter")
        return compared[operator]

    return compare


def _compared(column: ColumnElement[Any], value: int) -> dict[str, Clause]:
    return {
        "eq": column == value,
        "ne": column != value,
        "gt": column > value,
        "ge": column >= value,
        "lt": column < value,
        "le": column <= value,
    }


def _active(operator: str, value: Value) -> Clause:
    if operator == "pr":
        return true()
    if operator not in {"eq", "ne"} or not isinstance(value, bool):
        raise Invalid("`active` is compared by `eq` or `ne` with true or false.", code="invalidFilter")
    stands = or_(_people.disabled_at.is_(None), not_(_people.is_deactivated))
    return stands if value is (operator == "eq") else not_(stands)


def _of_group(inner: Clause) -> Clause:
    """People who are in a group of which this is true."""
    joined = select(_members.person).join(group_table, _groups.id == _members.group)
    return exists(joined.where(_members.person == _people.id, inner).correlate(person_table))


def _of_member(inner: Clause) -> Clause:
    """Groups with a member of which this is true."""
    return exists(select(_members.person).where(_members.group == _groups.id, inner).correlate(group_table))


def _among(field: Compare, among: Callable[[Clause], Clause]) -> Compare:
    """An attribute that has several values: any of them will do, and `ne` asks that none is equal."""

    def compare(operator: str, value: Value) -> Clause:
        if operator == "ne":
            return not_(among(field("eq", value)))
        return among(true() if operator == "pr" else field(operator, value))

    return compare


def _not_asked(path: str) -> Invalid:
    return Invalid(f"Nothing can be asked here of `{path[:60]}`: it is not kept.", code="invalidFilter")


_IN_GROUP: Fields = {"value": _text(_groups.id), "display": _text(_groups.display_name)}
_IN_MEMBERS: Fields = {"value": _text(_members.person)}

_PEOPLE: Fields = {
    "id": _text(_people.id),
    "username": _text(_people.user_name_folded, str.casefold),
    "externalid": _text(_people.external_id),
    "displayname": _text(func.nullif(_people.display_name, "")),  # kept as empty, shown as absent
    "active": _active,
    "meta.created": _instant(_people.created_at),
    "meta.lastmodified": _instant(_people.changed_at),
    "groups": _among(_IN_GROUP["value"], _of_group),
    "groups.value": _among(_IN_GROUP["value"], _of_group),
    "groups.display": _among(_IN_GROUP["display"], _of_group),
}

_GROUPS: Fields = {
    "id": _text(_groups.id),
    "externalid": _text(_groups.external_id),
    "displayname": _text(_groups.display_name),
    "meta.created": _instant(_groups.created_at),
    "meta.lastmodified": _instant(_groups.changed_at),
    "members": _among(_IN_MEMBERS["value"], _of_member),
    "members.value": _among(_IN_MEMBERS["value"], _of_member),
}

_WITHIN: Mapping[str, tuple[Fields, Fields, Callable[[Clause], Clause]]] = {
    "groups": (_PEOPLE, _IN_GROUP, _of_group),
    "members": (_GROUPS, _IN_MEMBERS, _of_member),
}
