"""Organisations in bulk: in one query, what stands of each at a moment, as `identity/attributes.py` works it out.

A million of them are read slice by slice, so that no statement takes longer than a database lets one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Subquery, and_, case, func, select
from sqlalchemy.dialects.postgresql import distinct_on

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
    joined, facts = with_facts(sought, moment, dialect, in_slice(_assertions.organisation, within), known)
    found = found.select_from(joined)
    return found.add_columns(*(facts[each].label(f"fact_{place}") for place, each in enumerate(sought)))


def with_facts(
    sought: Sequence[Sought], moment: Moment, dialect: str, whose: ColumnElement[bool], known: Known | None = None
) -> tuple[FromClause, Mapping[Sought, ColumnElement[bytes]]]:
    """The organisations with what is held of each, and of each fact that is sought its value as stored.

    Null where nothing of that name stands, or the strongest is less sure than is sought: then nothing else of it is.
    `whose` says whose assertions are read.
    """
    joined: FromClause = organisation_table
    read = {}
    for place, name in enumerate(sorted({each.name for each in sought})):
        read[name] = held = strongest(name, moment, dialect, whose, known).subquery(f"held_{place}")
        joined = joined.outerjoin(held, held.c.organisation == _organisations.id)
    return joined, {each: _as_sure(read[each.name], each.assurance) for each in sought}


def _as_sure(held: Subquery, assurance: int) -> ColumnElement[bytes]:
    value: ColumnElement[bytes] = held.c.value
    return case((held.c.assurance >= assurance, value)) if assurance else value


def strongest(
    name: str, moment: Moment, dialect: str, whose: ColumnElement[bool], known: Known | None = None
) -> Select[Any]:
    """Of each organisation, the `value` and `assurance` of the strongest assertion of a name; of equals, of the latest.

    Read along the index of organisations and names: nothing is sorted but equals.
    """
    last = _assertions.id.collate("C") if dialect == "postgresql" else _assertions.id
    order = (_assertions.assurance.desc(), _assertions.asserted_at.desc(), last.desc())
    found = select(_assertions.organisation, _assertions.value, _assertions.assurance).where(
        whose,
        _assertions.name == name,
        not_ended(_assertions.withdrawn_at, _assertions.id, Event.ATTRIBUTE_WITHDRAWN, known),
        had_begun(_assertions.id, Event.ATTRIBUTE_ASSERTED, known),
        _assertions.asserted_at <= moment.earliest,
        _assertions.expires_at > moment.latest,
    )
    if dialect == "postgresql":
        return found.ext(distinct_on(_assertions.organisation)).order_by(_assertions.organisation, *order)
    place = func.row_number().over(partition_by=_assertions.organisation, order_by=order).label("place")
    ranked = found.add_columns(place).subquery()
    return select(ranked.c.organisation, ranked.c.value, ranked.c.assurance).where(ranked.c.place == 1)


def in_slice(column: ColumnElement[Any], within: Slice) -> ColumnElement[bool]:
    """In SQL: whether an organisation lies in a slice."""
    first, end = within
    return column >= first if end is None else and_(column >= first, column < end)
