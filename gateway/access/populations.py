"""Organisations in bulk, grouped by the facts that the judge would read of them for one release, at any instant.

A million of them fall into few groups: each group is judged once (access/foresight.py, access/census.py).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, LargeBinary, and_, case, exists, func, literal, or_, select
from sqlalchemy.sql.selectable import Subquery

from gateway.access.store import acceptance_table, grant_table
from gateway.clock import Instant, Moment
from gateway.identity.index import Slice, join_by_hashing, slices, standing_facts
from gateway.identity.predicates import Fact
from gateway.identity.store import organisation_table, read_value
from gateway.ledger.acts import Known, had_begun, is_any_after, not_ended
from gateway.ledger.entries import Event
from gateway.releases.cohorts import Canary

_EVENTS = (
    Event.ORGANISATION_CREATED, Event.ORGANISATION_DISABLED, Event.ATTRIBUTE_ASSERTED, Event.ATTRIBUTE_WITHDRAWN,
    Event.GRANT_GIVEN, Event.GRANT_REVOKED, Event.TERMS_ACCEPTED,
)  # fmt: skip
"""Acts that change what is read of an organisation."""


class Read(msgspec.Struct, frozen=True):
    """What is read of organisations: everything that versions of one release, and what narrows it, may ask about."""

    release: str
    attributes: tuple[str, ...]
    texts: tuple[str, ...]
    """Digests of texts of terms."""
    named: tuple[str, ...] = ()
    """Organisations that are asked about by their id."""
    canaries: tuple[Canary, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """Organisations of which the same is so."""

    is_provider: bool
    """Whether it is the provider's own organisation."""
    attributes: tuple[Fact | None, ...]
    """In the order of `Read.attributes`; None is unknown."""
    grant: str
    """active, ended or none."""
    accepted: tuple[str, ...]
    """Digests."""
    organisations: int
    first: str = ""
    """The first of them in order of id: it stands for all, also where they are asked for by id."""
    row: tuple[Any, ...] = ()
    """As the database groups it."""


def groups(
    connection: Connection, read: Read, moment: Moment, *, limit: int, known: Instant | None = None
) -> list[Group]:
    """The groups there are, the largest first, by what was recorded until `known`, or ever."""
    known = _prepared(connection, known)
    counted: dict[tuple[Any, ...], tuple[int, str]] = {}
    for within in slices(connection):
        facts = _facts(connection, read, moment, within, known)
        columns = _columns(facts)
        query = select(*columns, func.count(), func.min(facts.c.organisation)).group_by(*columns)
        for *values, organisations, first in connection.execute(query):
            before, least = counted.get(tuple(values), (0, first))
            counted[tuple(values)] = before + organisations, least
    largest = sorted(counted.items(), key=lambda each: (-each[1][0], repr(each[0])))
    return [_group(read, values, *numbers) for values, numbers in largest[:limit]]


def organisations_of(
    connection: Connection, read: Read, moment: Moment, group: Group, *, limit: int, known: Instant | None = None
) -> list[str]:
    """The first organisations of a group, in order of id."""
    known = _prepared(connection, known)
    found: list[str] = []
    for within in slices(connection):
        facts = _facts(connection, read, moment, within, known)
        alike = [column.is_not_distinct_from(value) for column, value in zip(_columns(facts), group.row, strict=True)]
        query = select(facts.c.organisation).where(*alike).order_by(facts.c.organisation).limit(limit - len(found))
        found += connection.execute(query).scalars()
        if len(found) >= limit:
            break
    return found


def one_by_one(
    connection: Connection, read: Read, moment: Moment, *, after: str, limit: int, known: Instant | None = None
) -> tuple[list[Group], str]:
    """So many organisations after one, each as a group, and the id up to which that looked; empty at the end."""
    known = _prepared(connection, known)
    ids = select(organisation_table.c.id).where(organisation_table.c.id > after).order_by(organisation_table.c.id)
    end: str | None = connection.execute(ids.offset(limit).limit(1)).scalar()
    facts = _facts(connection, read, moment, (after, end), known)
    query = select(*_columns(facts), facts.c.organisation).where(facts.c.organisation > after)
    rows = [tuple(row) for row in connection.execute(query.order_by(facts.c.organisation))]
    last = "" if end is None else connection.execute(ids.offset(limit - 1).limit(1)).scalar_one()
    return [_group(read, row[:-1], 1, row[-1]) for row in rows], last


def _prepared(connection: Connection, known: Instant | None) -> Instant | None:
    """None where nothing was recorded since that could count: then the rows are asked as they are."""
    join_by_hashing(connection)
    return known if known is not None and is_any_after(connection, known, _EVENTS) else None


def _facts(connection: Connection, read: Read, moment: Moment, within: Slice, recorded_by: Instant | None) -> Subquery:
    """A row for each organisation of a slice, with everything that is read of it."""
    known = None if recorded_by is None else Known(recorded_by, *within)
    standing = standing_facts(read.attributes, moment, within, known).subquery("standing")
    organisation = standing.c.organisation
    given, unrevoked = _grant_conditions(known)
    own = and_(grant_table.c.organisation == organisation, grant_table.c.release == read.release, given)
    ended = or_(and_(grant_table.c.revoked_at.is_not(None), ~unrevoked), grant_table.c.ends_at <= moment.latest)
    active = and_(unrevoked, grant_table.c.starts_at <= moment.earliest, grant_table.c.ends_at > moment.latest)
    grant = case(
        (_there_is(grant_table, own, active), "active"), (_there_is(grant_table, own, ended), "ended"), else_="none"
    )
    accepted = [
        _there_is(
            acceptance_table,
            acceptance_table.c.organisation == organisation,
            acceptance_table.c.release == read.release,
            acceptance_table.c.digest == digest,
            had_begun(acceptance_table.c.id, Event.TERMS_ACCEPTED, known),
        ).label(f"accepted_{place}")
        for place, digest in enumerate(read.texts)
    ]
    itself = [case((organisation.in_(read.named), organisation), else_="").label("itself")] if read.named else []
    reached = [
        _reaches(canary, organisation, connection.dialect.name).label(f"canary_{place}")
        for place, canary in enumerate(read.canaries)
    ]
    return select(*standing.c, grant.label("grant_state"), *accepted, *itself, *reached).subquery("facts")


def _grant_conditions(known: Known | None) -> tuple[Any, Any]:
    """Whether a grant had been given, and whether it had not been revoked."""
    held = grant_table.c
    return (
        had_begun(held.id, Event.GRANT_GIVEN, known),
        not_ended(held.revoked_at, held.id, Event.GRANT_REVOKED, known),
    )


def _reaches(canary: Canary, organisation: Any, dialect: str) -> Any:
    """The place on the line that releases/cohorts.py draws, worked out by the database: its bytes order as it does."""
    bound = -(-(canary.percent << 64) // 100)
    salt = literal(f"{canary.salt}\0".encode(), LargeBinary)
    if dialect == "postgresql":
        drawn = func.sha256(salt.op("||")(func.convert_to(organisation, "UTF8")))
    else:
        drawn = func.sha256_of(salt, organisation)
    return func.substr(drawn, 1, 8, type_=LargeBinary) < literal(bound.to_bytes(8, "big"), LargeBinary)


def _there_is(table: Any, *conditions: Any) -> Any:
    return exists(select(table.c.id).where(*conditions))


def _columns(facts: Subquery) -> Sequence[Any]:
    return [column for column in facts.c if column.name != "organisation"]


def _group(read: Read, values: tuple[Any, ...], organisations: int, first: str) -> Group:
    is_provider, *rest = values
    attributes, (grant, *accepted) = rest[: len(read.attributes)], rest[len(read.attributes) :]
    return Group(
        is_provider=bool(is_provider),
        attributes=tuple(None if value is None else read_value(value) for value in attributes),
        grant=grant,
        accepted=tuple(digest for digest, has in zip(read.texts, accepted, strict=False) if has),
        organisations=organisations,
        first=first,
        row=values,
    )
