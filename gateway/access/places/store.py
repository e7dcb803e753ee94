"""Rows of places in line, and the queries over them.

Numbers are given under the lock of the ledger's head, so they follow one another in every process.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    String,
    Table,
    Text,
    and_,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    update,
)

from gateway.access.places.records import Front, Listed, Place
from gateway.access.store import grant_table
from gateway.clock import Instant
from gateway.database.naming import metadata
from gateway.identity.organisations import PROVIDER
from gateway.ledger.acts import Known, had_begun, not_ended
from gateway.ledger.events import Event
from gateway.releases.lines import Left, Line, longest
from gateway.releases.strategies import Stage

place_table = Table(
    "place",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("release", String(200), nullable=False),
    Column("line", String(64), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("freed_at", BigInteger),
    Column("freed_by", String(64)),
    Column("freed_cause", Text),
)
NUMBER_MAX = 2**62
_STANDING = text("freed_at IS NULL")
Index("uq_place_release_line_number", *(place_table.c[name] for name in ("release", "line", "number")), unique=True)
Index(
    "uq_place_release_line_organisation",
    *(place_table.c[name] for name in ("release", "line", "organisation")),
    unique=True,
    sqlite_where=_STANDING,
    postgresql_where=_STANDING,
)

_COLUMNS = [place_table.c[name] for name in Place.__struct_fields__]


def add_places(connection: Connection, places: Sequence[Place]) -> None:
    """Write new places."""
    connection.execute(insert(place_table), [msgspec.structs.asdict(place) for place in places])


def free_place(connection: Connection, place_id: str, freed_at: Instant, freed_by: str, cause: str) -> bool:
    """Mark a place freed; False when it already was, or never existed."""
    query = update(place_table).where(place_table.c.id == place_id, place_table.c.freed_at.is_(None))
    return connection.execute(query.values(freed_at=freed_at, freed_by=freed_by, freed_cause=cause)).rowcount == 1


def place_by_id(connection: Connection, place_id: str) -> Place | None:
    """The place, or None."""
    row = connection.execute(select(*_COLUMNS).where(place_table.c.id == place_id)).one_or_none()
    return None if row is None else Place(**row._asdict())


def places_of(connection: Connection, release: str, line: str, organisations: Sequence[str]) -> dict[str, Place]:
    """The places at which these organisations stand in a line; those that do not are absent."""
    held = select(*_COLUMNS).where(*_standing(release, line), place_table.c.organisation.in_(organisations))
    return {row.organisation: Place(**row._asdict()) for row in connection.execute(held)}


def lapsed(connection: Connection, release: str, line: str, instant: Instant, limit: int) -> list[Place]:
    """Places in a line, in order, of customers that held grants for the release, all of which are over."""
    held = grant_table.c
    own = and_(held.organisation == place_table.c.organisation, held.release == release)
    is_over = or_(held.revoked_at.is_not(None), held.superseded_at.is_not(None), held.ends_at <= instant)
    query = select(*_COLUMNS).where(
        *_standing(release, line),
        place_table.c.organisation != PROVIDER,
        exists(select(held.id).where(own)),
        not_(exists(select(held.id).where(own, not_(is_over)))),
    )
    rows = connection.execute(query.order_by(place_table.c.number).limit(limit))
    return [Place(**row._asdict()) for row in rows]


def next_number(connection: Connection, release: str, line: str) -> int:
    """One more than any that was given; to be asked under the lock of the ledger's head."""
    given = select(func.max(place_table.c.number)).where(place_table.c.release == release, place_table.c.line == line)
    return (connection.execute(given).scalar() or 0) + 1


def ahead(connection: Connection, release: str, line: str, number: int) -> int:
    """How many stand in a line before a number."""
    before = select(func.count()).select_from(place_table).where(*_standing(release, line))
    return connection.execute(before.where(place_table.c.number < number)).scalar_one()


def counts(connection: Connection, release: str) -> dict[str, int]:
    """How many stand in each line of a release."""
    standing = select(place_table.c.line, func.count().label("standing")).where(
        place_table.c.release == release, place_table.c.freed_at.is_(None)
    )
    return {row.line: row.standing for row in connection.execute(standing.group_by(place_table.c.line))}


def first(connection: Connection, release: str, line: str, count: int, known: Instant | None = None) -> list[str]:
    """The organisations that stand first in a line, so many of them, in order; by what was recorded until `known`."""
    standing = select(place_table.c.organisation).where(*_standing(release, line, known))
    return list(connection.execute(standing.order_by(place_table.c.number).limit(count)).scalars())


def fronts(
    connection: Connection,
    release: str,
    stages: Iterable[Stage],
    left: Iterable[Left] = (),
    known: Instant | None = None,
) -> tuple[Front, ...]:
    """How far each cap of these stages reaches into its line, now or by what was recorded until `known`.

    The shorter come before the longer; those of stages that were left come last.
    """
    wanted = sorted({(each.line, each.cap.organisations) for each in stages if each.cap is not None})
    found = [_front(connection, release, line, cap, known) for line, cap in wanted]
    return (*found, *(_front_left(connection, release, each, known) for each in left))


def _front_left(connection: Connection, release: str, left: Left, known: Instant | None) -> Front:
    """Whoever held a place at an instant, of those who stand yet: nobody has one since."""
    cap = 0 if left.stage.cap is None else left.stage.cap.organisations
    last = _last_then(connection, release, left, cap, known)
    return Front(left.stage.line, cap, standing=cap, last=last, known_as=left.line)


def _last_then(connection: Connection, release: str, left: Left, cap: int, known: Instant | None) -> int:
    """The highest number that held a place in a line at an instant."""
    held = place_table.c
    then = or_(stood(None if known is None else Known(known, "", None)), held.freed_at > left.at)
    asked = held.release == release, held.line == left.stage.line, held.asked_at < left.at, then
    within = select(held.number).where(*asked).order_by(held.number).limit(cap)
    return max(connection.execute(within).scalars(), default=0)


def _front(connection: Connection, release: str, line: str, cap: int, known: Instant | None) -> Front:
    """The front of a line; the last number is one that nobody has yet where the line is not so long."""
    standing = select(place_table.c.number).where(*_standing(release, line, known)).order_by(place_table.c.number)
    within = list(connection.execute(standing.limit(cap)).scalars())
    return Front(line, cap, len(within), within[-1] if len(within) == cap else NUMBER_MAX)


def lines(
    connection: Connection,
    release: str,
    stages: Iterable[Stage],
    left: Iterable[Left] = (),
    known: Instant | None = None,
) -> Mapping[str, Line]:
    """The lines of these stages of a release, each as far as their caps reach, by name; and of those that were left."""
    found = {name: Line.of(first(connection, release, name, count, known)) for name, count in longest(stages).items()}
    for front in fronts(connection, release, (), left, known):
        standing = select(place_table.c.organisation).where(*_standing(release, front.line, known))
        within = standing.where(place_table.c.number <= front.last).order_by(place_table.c.number)
        places = Line.of(connection.execute(within).scalars()).places
        found[front.known_as] = Line(places, front.standing)
    return found


def listed(connection: Connection, release: str, line: str, *, after: int, limit: int) -> list[Listed]:
    """Places of a line in the order of their numbers, after the given one, those that were freed too."""
    asked = select(*_COLUMNS).where(
        place_table.c.release == release, place_table.c.line == line, place_table.c.number > after
    )
    rows = connection.execute(asked.order_by(place_table.c.number).limit(limit))
    found: list[Listed] = []
    place = ahead(connection, release, line, after + 1)
    for row in rows:
        stands = row.freed_at is None
        place += stands
        found.append(Listed(Place(**row._asdict()), place if stands else None))
    return found


def stood(known: Known | None) -> ColumnElement[bool]:
    """In SQL: whether a place had been taken or awaited, and not been freed, by what was recorded until an instant."""
    held = place_table.c
    asked = (had_begun(held.id, event, known) for event in (Event.PLACE_TAKEN, Event.PLACE_AWAITED))
    return and_(*asked, not_ended(held.freed_at, held.id, Event.PLACE_FREED, known))


def _standing(release: str, line: str, known: Instant | None = None) -> tuple[ColumnElement[bool], ...]:
    by = None if known is None else Known(known, "", None)
    return place_table.c.release == release, place_table.c.line == line, stood(by)
