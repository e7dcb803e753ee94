"""Organisations in bulk, grouped by the facts that the judge would read of them for one release, at any instant.

A million of them fall into few groups: each group is judged once (access/foresight.py, access/census.py).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, LargeBinary, and_, case, exists, func, literal, select
from sqlalchemy.sql.selectable import Subquery

from gateway.access.compiled import former, grant_states
from gateway.access.concurrences.store import concurrence_table
from gateway.access.places.records import Front
from gateway.access.places.store import place_table, stood
from gateway.access.store import acceptance_table, grant_table
from gateway.clock import Instant, Moment
from gateway.identity.index import Slice, join_by_hashing, slices, standing_facts
from gateway.identity.predicates import Fact, Sought
from gateway.identity.store import organisation_table, read_value
from gateway.ledger.acts import Known, had_begun, is_any_after, not_ended
from gateway.ledger.events import Event
from gateway.releases.cohorts import Canary

_EVENTS = (
    Event.ORGANISATION_CREATED, Event.ORGANISATION_DISABLED, Event.ATTRIBUTE_ASSERTED, Event.ATTRIBUTE_WITHDRAWN,
    Event.GRANT_GIVEN, Event.GRANT_REVOKED, Event.GRANT_SUPERSEDED, Event.GRANT_PAUSED, Event.GRANT_RESUMED,
    Event.GRANT_RECERTIFIED, Event.TERMS_ACCEPTED, Event.OWN_CONCURRENCE_GIVEN, Event.OWN_CONCURRENCE_WITHDRAWN,
    Event.PLACE_TAKEN, Event.PLACE_AWAITED, Event.PLACE_FREED,
)  # fmt: skip
"""Acts that change what is read of an organisation."""


class Read(msgspec.Struct, frozen=True):
    """What is read of organisations: everything that versions of one release, and what narrows it, may ask about."""

    release: str
    attributes: tuple[Sought, ...]
    texts: tuple[str, ...]
    """Digests of texts of terms."""
    authorities: tuple[str, ...] = ()
    """Whose word some stage asks about each organisation."""
    fronts: tuple[Front, ...] = ()
    """How far the caps of their stages reach into their lines."""
    named: tuple[str, ...] = ()
    """Organisations that are asked about by their id."""
    canaries: tuple[Canary, ...] = ()
    holds: tuple[Instant, ...] = ()
    """When a stage was left to those who had been admitted to it by then."""


class Share(msgspec.Struct, frozen=True):
    """Those of a group that one slice has."""

    first: str
    last: str
    organisations: int


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
    had_grants: tuple[bool, ...] = ()
    """Whether a grant that is active admitted them before each of `Read.holds`."""
    had_concurrences: frozenset[tuple[str, int]] = frozenset()
    """Authorities that agreed at one of `Read.holds`, and which."""
    first: str = ""
    """The first of them in order of id: it stands for all, also where they are asked for by id."""
    row: tuple[Any, ...] = ()
    """As the database groups it."""
    shares: tuple[Share, ...] = ()
    """Where they are found."""


def groups(
    connection: Connection, read: Read, moment: Moment, *, limit: int, known: Instant | None = None
) -> list[Group]:
    """The groups there are, the largest first, by what was recorded until `known`, or ever."""
    known = prepared(connection, known)
    found: dict[tuple[Any, ...], list[Share]] = {}
    for within in slices(connection):
        facts = _facts(connection, read, moment, within, known)
        columns, organisation = _columns(facts), facts.c.organisation
        query = select(*columns, func.min(organisation), func.max(organisation), func.count()).group_by(*columns)
        for *values, first, last, organisations in connection.execute(query):
            found.setdefault(tuple(values), []).append(Share(first, last, organisations))
    counted = [_group(read, values, shares) for values, shares in found.items()]
    return sorted(counted, key=lambda group: (-group.organisations, repr(group.row)))[:limit]


def members(
    connection: Connection,
    read: Read,
    moment: Moment,
    group: Group,
    within: Slice,
    *,
    limit: int,
    known: Instant | None = None,
) -> Sequence[str]:
    """The first members of a group in a slice, in order of id."""
    facts = _facts(connection, read, moment, within, known)
    alike = [column.is_not_distinct_from(value) for column, value in zip(_columns(facts), group.row, strict=True)]
    query = select(facts.c.organisation).where(*alike).order_by(facts.c.organisation).limit(limit)
    return connection.execute(query).scalars().all()


def one_by_one(
    connection: Connection, read: Read, moment: Moment, *, after: str, limit: int, known: Instant | None = None
) -> tuple[list[Group], str]:
    """So many organisations after one, each as a group, and the id up to which that looked; empty at the end."""
    known = prepared(connection, known)
    ids = select(organisation_table.c.id).where(organisation_table.c.id > after).order_by(organisation_table.c.id)
    end: str | None = connection.execute(ids.offset(limit).limit(1)).scalar()
    facts = _facts(connection, read, moment, (after, end), known)
    query = select(*_columns(facts), facts.c.organisation).where(facts.c.organisation > after)
    rows = [tuple(row) for row in connection.execute(query.order_by(facts.c.organisation))]
    last = "" if end is None else connection.execute(ids.offset(limit - 1).limit(1)).scalar_one()
    return [_group(read, row[:-1], [Share(row[-1], row[-1], 1)]) for row in rows], last


def prepared(connection: Connection, known: Instant | None) -> Instant | None:
    """None where nothing was recorded since that could count: then the rows are asked as they are."""
    join_by_hashing(connection)
    return known if known is not None and is_any_after(connection, known, _EVENTS) else None


def _facts(connection: Connection, read: Read, moment: Moment, within: Slice, recorded_by: Instant | None) -> Subquery:
    """A row for each organisation of a slice, with everything that is read of it."""
    known = None if recorded_by is None else Known(recorded_by, *within)
    dialect = connection.dialect.name
    standing = standing_facts(read.attributes, moment, dialect, within, known).subquery("standing")
    organisation = standing.c.organisation
    given = had_begun(grant_table.c.id, Event.GRANT_GIVEN, known)
    own = and_(grant_table.c.organisation == organisation, grant_table.c.release == read.release, given)
    states = grant_states(moment, None if known is None else former(connection, read.release, known))
    grant = case(
        *((_there_is(grant_table, own, condition), state) for state, condition in states.items()),
        else_="none",
    )
    had = [
        _there_is(grant_table, own, states["active"], _admits_since() < instant).label(f"had_grant_{place}")
        for place, instant in enumerate(read.holds)
    ]
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
    agreed = [
        _concurrence(read, authority, standing, moment, known).label(f"agreed_{place}")
        for place, authority in enumerate(read.authorities)
    ]
    had_agreed = [
        _had_concurrence(read, authority, standing, instant, known).label(f"had_agreed_{of}_{place}")
        for of, authority in enumerate(read.authorities)
        for place, instant in enumerate(read.holds)
    ]
    fronts = [
        _there_is(
            place_table,
            place_table.c.organisation == organisation,
            place_table.c.release == read.release,
            place_table.c.line == front.line,
            place_table.c.number <= front.last,
            stood(known),
        ).label(f"front_{place}")
        for place, front in enumerate(read.fronts)
    ]
    itself = [case((organisation.in_(read.named), organisation), else_="").label("itself")] if read.named else []
    reached = [
        _reaches(canary, organisation, dialect).label(f"canary_{place}") for place, canary in enumerate(read.canaries)
    ]
    parts = (*had, *accepted, *agreed, *had_agreed, *fronts, *itself, *reached)
    return select(*standing.c, grant.label("grant_state"), *parts).subquery("facts")


def _admits_since() -> Any:
    """What `Grant.admits_since` says."""
    held = grant_table.c
    own = case((held.starts_at > held.given_at, held.starts_at), else_=held.given_at)
    return func.coalesce(held.admitted_at, own)


def _had_concurrence(read: Read, authority: str, standing: Subquery, instant: Instant, known: Known | None) -> Any:
    held, withdrawn = concurrence_table.c, Event.OWN_CONCURRENCE_WITHDRAWN
    return _there_is(
        concurrence_table,
        held.organisation == standing.c.organisation,
        held.release == read.release,
        held.authority == authority,
        held.given_at < instant,
        held.expires_at > instant,
        had_begun(held.id, Event.OWN_CONCURRENCE_GIVEN, known),
        not_ended(held.withdrawn_at, held.id, withdrawn, known),
    )


def _concurrence(read: Read, authority: str, standing: Subquery, moment: Moment, known: Known | None) -> Any:
    held = concurrence_table.c
    own = and_(
        held.organisation == standing.c.organisation,
        held.release == read.release,
        held.authority == authority,
        had_begun(held.id, Event.OWN_CONCURRENCE_GIVEN, known),
    )
    withdrawn = Event.OWN_CONCURRENCE_WITHDRAWN
    stands = and_(not_ended(held.withdrawn_at, held.id, withdrawn, known), held.expires_at > moment.latest)
    return case(
        (_there_is(concurrence_table, own, stands), "standing"),
        (_there_is(concurrence_table, own), "ended"),
        else_="none",
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


def _group(read: Read, values: tuple[Any, ...], shares: Sequence[Share]) -> Group:
    is_provider, *rest = values
    attributes, (grant, *rest) = rest[: len(read.attributes)], rest[len(read.attributes) :]
    had_grants, rest = rest[: len(read.holds)], rest[len(read.holds) :]
    accepted, rest = rest[: len(read.texts)], rest[len(read.texts) :]
    agreed, rest = rest[: len(read.authorities)], rest[len(read.authorities) :]
    asked = [(authority, place) for authority in read.authorities for place in range(len(read.holds))]
    had_agreed, rest = rest[: len(asked)], rest[len(asked) :]
    fronts = rest[: len(read.fronts)]
    return Group(
        is_provider=bool(is_provider),
        attributes=tuple(None if value is None else read_value(value) for value in attributes),
        grant=grant,
        accepted=tuple(digest for digest, has in zip(read.texts, accepted, strict=True) if has),
        organisations=sum(share.organisations for share in shares),
        concurrences=tuple(agreed),
        fronts=tuple(bool(within) for within in fronts),
        had_grants=tuple(bool(had) for had in had_grants),
        had_concurrences=frozenset(of for of, had in zip(asked, had_agreed, strict=True) if had),
        first=shares[0].first,
        row=values,
        shares=tuple(shares),
    )
