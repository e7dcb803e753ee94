"""Organisations in bulk, grouped by the facts that the judge would read of them for one release.

A million of them fall into few groups: each group is judged once (access/consequences.py).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, case, exists, func, select
from sqlalchemy.sql.selectable import Subquery

from gateway.access.concurrences.store import concurrence_table
from gateway.access.places.records import Front
from gateway.access.places.store import place_table
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
    authorities: tuple[str, ...] = ()
    """Whose word some stage asks about each organisation."""
    fronts: tuple[Front, ...] = ()
    """How far the caps of their stages reach into their lines."""


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
    concurrences: tuple[str, ...] = ()
    """standing, ended or none, in the order of `Read.authorities`."""
    fronts: tuple[bool, ...] = ()
    """Whether they stand within each of `Read.fronts`."""
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
    agreed = [
        _concurrence(read, authority, standing, moment).label(f"agreed_{place}")
        for place, authority in enumerate(read.authorities)
    ]
    fronts = [
        _there_is(
            place_table,
            place_table.c.organisation == standing.c.organisation,
            place_table.c.release == read.release,
            place_table.c.line == front.line,
            place_table.c.number <= front.last,
            place_table.c.freed_at.is_(None),
        ).label(f"front_{place}")
        for place, front in enumerate(read.fronts)
    ]
    return select(*standing.c, grant.label("grant_state"), *accepted, *agreed, *fronts).subquery("facts")


def _concurrence(read: Read, authority: str, standing: Subquery, moment: Moment) -> Any:
    own = and_(
        concurrence_table.c.organisation == standing.c.organisation,
        concurrence_table.c.release == read.release,
        concurrence_table.c.authority == authority,
    )
    stands = and_(concurrence_table.c.withdrawn_at.is_(None), concurrence_table.c.expires_at > moment.latest)
    return case(
        (_there_is(concurrence_table, own, stands), "standing"),
        (_there_is(concurrence_table, own), "ended"),
        else_="none",
    )


def _there_is(table: Any, *conditions: Any) -> Any:
    return exists(select(table.c.id).where(*conditions))


def _columns(facts: Subquery) -> Sequence[Any]:
    return [column for column in facts.c if column.name != "organisation"]


def _group(read: Read, values: tuple[Any, ...], organisations: int) -> Group:
    is_provider, *rest = values
    attributes, (grant, *rest) = rest[: len(read.attributes)], rest[len(read.attributes) :]
    accepted, rest = rest[: len(read.texts)], rest[len(read.texts) :]
    agreed, fronts = rest[: len(read.authorities)], rest[len(read.authorities) :]
    return Group(
        is_provider=bool(is_provider),
        attributes=tuple(None if value is None else read_value(value) for value in attributes),
        grant=grant,
        accepted=tuple(digest for digest, has in zip(read.texts, accepted, strict=True) if has),
        organisations=organisations,
        concurrences=tuple(agreed),
        fronts=tuple(bool(within) for within in fronts),
        row=values,
    )
