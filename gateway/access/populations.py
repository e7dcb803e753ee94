"""Organisations in bulk, grouped by the facts that the judge would read of them for one release.

A million of them fall into few groups: each group is judged once (access/consequences.py).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, case, exists, func, select
from sqlalchemy.sql.selectable import Subquery

from gateway.access.store import acceptance_table, grant_states, grant_table
from gateway.clock import Moment
from gateway.identity.index import Slice, slices, standing_facts
from gateway.identity.predicates import Fact
from gateway.identity.store import read_value


class Read(msgspec.Struct, frozen=True):
    """What is read of organisations: everything that versions of one release may ask about."""

    release: str
    attributes: tuple[str, ...]
    texts: tuple[str, ...]
    """Digests of texts of terms."""


class Group(msgspec.Struct, frozen=True):
    """Organisations of which the same is so."""

    is_provider: bool
    """Whether it is the provider's own organisation."""
    attributes: tuple[Fact | None, ...]
    """In the order of `Read.attributes`; None is unknown."""
    grant: str
    """active, paused, recertification_due, ended or none."""
    accepted: tuple[str, ...]
    """Digests."""
    organisations: int
    row: tuple[Any, ...] = ()
    """As the database groups it."""


def groups(connection: Connection, read: Read, moment: Moment, *, limit: int) -> list[Group]:
    """The groups there are, the largest first."""
    counted: dict[tuple[Any, ...], int] = {}
    for within in slices(connection):
        columns = _columns(_facts(read, moment, within))
        query = select(*columns, func.count()).group_by(*columns)
        for *values, organisations in connection.execute(query):
            counted[tuple(values)] = counted.get(tuple(values), 0) + organisations
    largest = sorted(counted.items(), key=lambda each: (-each[1], repr(each[0])))
    return [_group(read, values, organisations) for values, organisations in largest[:limit]]


def organisations_of(connection: Connection, read: Read, moment: Moment, group: Group, *, limit: int) -> list[str]:
    """The first organisations of a group, in order of id."""
    found: list[str] = []
    for within in slices(connection):
        facts = _facts(read, moment, within)
        alike = [column.is_not_distinct_from(value) for column, value in zip(_columns(facts), group.row, strict=True)]
        query = select(facts.c.organisation).where(*alike).order_by(facts.c.organisation).limit(limit - len(found))
        found += connection.execute(query).scalars()
        if len(found) >= limit:
            break
    return found


def _facts(read: Read, moment: Moment, within: Slice) -> Subquery:
    """A row for each organisation of a slice, with everything that is read of it."""
    standing = standing_facts(read.attributes, moment, within).subquery("standing")
    own = and_(grant_table.c.organisation == standing.c.organisation, grant_table.c.release == read.release)
    grant = case(
        *((_there_is(grant_table, own, condition), state) for state, condition in grant_states(moment).items()),
        else_="none",
    )
    accepted = [
        _there_is(
            acceptance_table,
            acceptance_table.c.organisation == standing.c.organisation,
            acceptance_table.c.release == read.release,
            acceptance_table.c.digest == digest,
        ).label(f"accepted_{place}")
        for place, digest in enumerate(read.texts)
    ]
    return select(*standing.c, grant.label("grant_state"), *accepted).subquery("facts")


def _there_is(table: Any, *conditions: Any) -> Any:
    return exists(select(table.c.id).where(*conditions))


def _columns(facts: Subquery) -> Sequence[Any]:
    return [column for column in facts.c if column.name != "organisation"]


def _group(read: Read, values: tuple[Any, ...], organisations: int) -> Group:
    is_provider, *rest = values
    attributes, (grant, *accepted) = rest[: len(read.attributes)], rest[len(read.attributes) :]
    return Group(
        is_provider=bool(is_provider),
        attributes=tuple(None if value is None else read_value(value) for value in attributes),
        grant=grant,
        accepted=tuple(digest for digest, has in zip(read.texts, accepted, strict=True) if has),
        organisations=organisations,
        row=values,
    )
