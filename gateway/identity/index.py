"""Organisations in bulk: in one query, what stands of each at a moment, as `identity/attributes.py` works it out.

A million of them are read slice by slice, so that no statement takes longer than a database lets one.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Select, and_, case, func, select, type_coerce
from sqlalchemy.dialects import postgresql

from gateway.clock import Moment
from gateway.identity.organisations import PROVIDER
from gateway.identity.predicates import Sought
from gateway.identity.store import assertion_table, organisation_table
from gateway.ledger.acts import Known, had_begun, not_ended
from gateway.ledger.events import Event

SLICE = 25_000
"""Organisations a statement: a machine that is busy with ten times as much as it can do still answers it in time."""

Slice = tuple[str, str | None]
"""Organisations from the first id up to but not including the second; None for all that follow."""

_organisations = organisation_table.c
_assertions = assertion_table.c


def join_by_hashing(connection: Connection) -> None:
    """Let PostgreSQL join by hashing in this one transaction.

    A table that was filled a moment ago has no statistics yet: many rows would be taken for a few,
    and a loop over them for each organisation would not end in time.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_nestloop = off")


def slices(connection: Connection, size: int = SLICE) -> Iterator[Slice]:
    """Every organisation, in order of id, so many at a time."""
    first = ""
    while True:
        following = select(_organisations.id).where(_organisations.id >= first).order_by(_organisations.id)
        end: str | None = connection.execute(following.offset(size).limit(1)).scalar()
        yield first, end
        if end is None:
            return
        first = end


def standing_facts(
    sought: Sequence[Sought], moment: Moment, dialect: str, within: Slice, known: Known | None = None
) -> Select[Any]:
    """A row for each organisation of a slice that is not disabled: `organisation`, `is_provider`, `fact_0`, `fact_1`, …

    Each fact is the value, as stored, of the strongest assertion of that name that stands; null where none does that is
    as sure as is sought.
    Only what was recorded by `known` counts, where it is given.
    """
    found = select(_organisations.id.label("organisation"), (_organisations.id == PROVIDER).label("is_provider")).where(
        not_ended(_organisations.disabled_at, _organisations.id, Event.ORGANISATION_DISABLED, known),
        had_begun(_organisations.id, Event.ORGANISATION_CREATED, known),
        in_slice(_organisations.id, within),
    )
    if not sought:
        return found
    held = held_facts(sought, moment, dialect, in_slice(_assertions.organisation, within), known).subquery("held")
    on = held.c.organisation == _organisations.id
    found = found.select_from(organisation_table.outerjoin(held, on))
    return found.add_columns(*(held.c[f"held_{place}"].label(f"fact_{place}") for place in range(len(sought))))


def held_facts(
    sought: Sequence[Sought], moment: Moment, dialect: str, whose: ColumnElement[bool], known: Known | None = None
) -> Select[Any]:
    """A row for each organisation: `held_0`, `held_1`, …, of each name its strongest value; of equals, the latest.

    Null where the strongest is less sure than is sought: then nothing else of that name is. All names in one turn over
    the assertions, which are many. `whose` says of which organisations.
    """
    last = _assertions.id.collate("C") if dialect == "postgresql" else _assertions.id
    place = func.row_number().over(
        partition_by=(_assertions.organisation, _assertions.name),
        order_by=(_assertions.assurance.desc(), _assertions.asserted_at.desc(), last.desc()),
    )
    standing_then = (
        whose,
        _assertions.name.in_({each.name for each in sought}),
        not_ended(_assertions.withdrawn_at, _assertions.id, Event.ATTRIBUTE_WITHDRAWN, known),
        had_begun(_assertions.id, Event.ATTRIBUTE_ASSERTED, known),
        _assertions.asserted_at <= moment.earliest,
        _assertions.expires_at > moment.latest,
    )
    held = (_assertions.organisation, _assertions.name, _assertions.value, _assertions.assurance)
    ranked = select(*held, place.label("place"))
    strongest = ranked.where(*standing_then).subquery("strongest")

    def under(each: Sought) -> ColumnElement[bytes]:
        is_it: ColumnElement[bool] = strongest.c.name == each.name
        if each.assurance:
            is_it = and_(is_it, strongest.c.assurance >= each.assurance)
        if dialect == "postgresql":  # which has no max() of bytes before version 18
            listed = func.array_agg(strongest.c.value, type_=postgresql.ARRAY(LargeBinary))
            return listed.filter(is_it)[1]
        return func.max(case((is_it, strongest.c.value)))

    columns = [type_coerce(under(each), LargeBinary).label(f"held_{place}") for place, each in enumerate(sought)]
    return select(strongest.c.organisation, *columns).where(strongest.c.place == 1).group_by(strongest.c.organisation)


def in_slice(column: ColumnElement[Any], within: Slice) -> ColumnElement[bool]:
    """In SQL: whether an organisation lies in a slice."""
    first, end = within
    return column >= first if end is None else and_(column >= first, column < end)
