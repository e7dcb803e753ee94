"""Queries over the people and the groups on one provider's list; who was taken off it is on none."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, update

from gateway.identity.people.persons import Person
from gateway.identity.people.store import person_table
from gateway.identity.provisioning.costs import Extent
from gateway.identity.provisioning.groups import Group, Membership
from gateway.identity.provisioning.tables import group_table, member_table

MEMBERS_MAX = 20_000
"""Members shown in one answer."""

AT_ONCE = 500
"""Ids in one statement."""

_people, _groups, _members = person_table.c, group_table.c, member_table.c
_PERSON_COLUMNS = [_people[name] for name in Person.__struct_fields__]
_GROUP_COLUMNS = [_groups[name] for name in Group.__struct_fields__ if name != "members"]


class Page(NamedTuple):
    """Which of all those that fulfil a condition."""

    where: ColumnElement[bool]
    offset: int
    limit: int


def count(connection: Connection, query: Select[tuple[str]]) -> int:
    """How many rows a query gives."""
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


# People


def extent_of_people(connection: Connection, issuer: str) -> Extent:
    """How many people a filter is held against."""
    people = count(connection, select(_people.id).where(_people.issuer == issuer))
    return Extent(people, _count_memberships(connection))


def find_people(connection: Connection, issuer: str, page: Page) -> tuple[int, list[Person]]:
    """How many there are on a provider's list, and a page of them in order of id."""
    where = (_people.issuer == issuer, _people.removed_at.is_(None), page.where)
    total = count(connection, select(_people.id).where(*where))
    query = select(*_PERSON_COLUMNS).where(*where).order_by(_people.id).offset(page.offset).limit(page.limit)
    return total, [Person(**row._mapping) for row in connection.execute(query)] if page.limit else []


def listed_among(connection: Connection, issuer: str, persons: Iterable[str]) -> frozenset[str]:
    """Which of these are on a provider's list."""
    named, found = sorted(set(persons)), set[str]()
    for first in range(0, len(named), AT_ONCE):
        query = select(_people.id).where(
            _people.id.in_(named[first : first + AT_ONCE]), _people.issuer == issuer, _people.removed_at.is_(None)
        )
        found |= set(connection.execute(query).scalars())
    return frozenset(found)


def memberships(connection: Connection, persons: Collection[str]) -> dict[str, list[Membership]]:
    """The groups that these people are in, in order of the groups' ids."""
    query = select(_members.person, _groups.id, _groups.display_name).join(group_table, _groups.id == _members.group)
    found: dict[str, list[Membership]] = defaultdict(list)
    for person, group, name in connection.execute(query.where(_members.person.in_(persons)).order_by(_groups.id)):
        found[person].append(Membership(group, name))
    return found


def leave_groups(connection: Connection, person: str) -> list[str]:
    """Take somebody out of every group; the groups they were in."""
    left = [each.group for each in memberships(connection, [person]).get(person, [])]
    connection.execute(delete(member_table).where(_members.person == person))
    return left


# Groups


def extent_of_groups(connection: Connection, issuer: str) -> Extent:
    """How many groups a filter is held against."""
    groups = count(connection, select(_groups.id).where(_groups.issuer == issuer))
    return Extent(groups, _count_memberships(connection))


def find_groups(
    connection: Connection, issuer: str, page: Page, *, with_members: bool = True
) -> tuple[int, list[Group] | None]:
    """How many there are on a provider's list, and a page of them in order of id; None where too many are in them."""
    where = (_groups.issuer == issuer, page.where)
    total = count(connection, select(_groups.id).where(*where))
    query = select(*_GROUP_COLUMNS).where(*where).order_by(_groups.id).offset(page.offset).limit(page.limit)
    found = [Group(**row._mapping) for row in connection.execute(query)] if page.limit else []
    if not with_members:
        return total, found
    if _count_members(connection, [group.id for group in found]) > MEMBERS_MAX:
        return total, None
    members = _members_of(connection, [group.id for group in found])
    return total, [msgspec.structs.replace(group, members=tuple(members[group.id])) for group in found]


def group_by_id(connection: Connection, issuer: str, group: str, *, with_members: bool = True) -> Group | None:
    """The group, with its members where they are asked for, or None."""
    query = select(*_GROUP_COLUMNS).where(_groups.id == group, _groups.issuer == issuer)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Group(**row._mapping, members=tuple(_members_of(connection, [group])[group]) if with_members else ())


def members_among(connection: Connection, group: str, persons: Iterable[str]) -> frozenset[str]:
    """Which of these are in the group."""
    named, found = sorted(set(persons)), set[str]()
    for first in range(0, len(named), AT_ONCE):
        chosen = _members.person.in_(named[first : first + AT_ONCE])
        found |= set(connection.execute(select(_members.person).where(_members.group == group, chosen)).scalars())
    return frozenset(found)


def count_members(connection: Connection, group: str) -> int:
    """How many are in the group."""
    return _count_members(connection, [group])


def group_by_external_id(connection: Connection, issuer: str, external_id: str) -> str | None:
    """Id of the group that whoever keeps the list calls so, or None."""
    query = select(_groups.id).where(_groups.issuer == issuer, _groups.external_id == external_id)
    return connection.execute(query).scalar_one_or_none()


def add_group(connection: Connection, group: Group) -> None:
    """Write a new group, and who is in it."""
    connection.execute(insert(group_table).values(**_row(group)))
    join_group(connection, group.id, group.members)


def change_group(connection: Connection, group: Group) -> None:
    """Write a group as it is now; who is in it is written apart."""
    connection.execute(update(group_table).where(_groups.id == group.id).values(**_row(group)))


def join_group(connection: Connection, group: str, persons: Iterable[str]) -> None:
    """Put people into a group that they are not in."""
    rows = [{"group": group, "person": person} for person in sorted(persons)]
    if rows:
        connection.execute(insert(member_table), rows)


def leave_group(connection: Connection, group: str, persons: Iterable[str]) -> None:
    """Take people out of a group."""
    named = sorted(persons)
    for first in range(0, len(named), AT_ONCE):
        chosen = _members.person.in_(named[first : first + AT_ONCE])
        connection.execute(delete(member_table).where(_members.group == group, chosen))


def remove_group(connection: Connection, group: str) -> None:
    """Delete a group. Who was in it stays."""
    connection.execute(delete(member_table).where(_members.group == group))
    connection.execute(delete(group_table).where(_groups.id == group))


def _count_memberships(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(member_table)).scalar_one())


def _count_members(connection: Connection, groups: Collection[str]) -> int:
    return count(connection, select(_members.person).where(_members.group.in_(groups)))


def _members_of(connection: Connection, groups: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    query = select(_members.group, _members.person).where(_members.group.in_(groups)).order_by(_members.person)
    for group, person in connection.execute(query):
        found[group].append(person)
    return found


def _row(group: Group) -> dict[str, str | int | None]:
    return {name: getattr(group, name) for name in Group.__struct_fields__ if name != "members"}
