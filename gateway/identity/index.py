"""Organisations in bulk: in one query, what stands of each at a moment, as `identity/attributes.py` works it out.

A million of them are read slice by slice, so that no statement takes longer than a database lets one.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select
from sqlalchemy.sql.selectable import FromClause, Subquery

from gateway.clock import Moment
from gateway.identity.organisations import PROVIDER
from gateway.identity.store import assertion_table, organisation_table
from gateway.ledger.acts import Known, had_begun, not_ended
from gateway.ledger.entries import Event

SLICE = 100_000
"""Organisations a statement."""

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


def standing_facts(names: Sequence[str], moment: Moment, within: Slice, known: Known | None = None) -> Select[Any]:
    """A row for each organisation of a slice that is not disabled: `organisation`, `is_provider`, `fact_0`, `fact_1`, …

    Each fact is the value, as stored, of the strongest assertion of that name that stands; null where none does.
    Only what was recorded by `known` counts, where it is given.
    """
    found = select(_organisations.id.label("organisation"), (_organisations.id == PROVIDER).label("is_provider")).where(
        not_ended(_organisations.disabled_at, _organisations.id, Event.ORGANISATION_DISABLED, known),
        had_begun(_organisations.id, Event.ORGANISATION_CREATED, known),
        in_slice(_organisations.id, within),
    )
    source: FromClause = organisation_table
    for place, name in enumerate(names):
        strongest = _strongest(name, moment, within, place, known)
        on = and_(strongest.c.organisation == _organisations.id, strongest.c.place == 1)
        source = source.outerjoin(strongest, on)
        found = found.add_columns(strongest.c.value.label(f"fact_{place}"))
    return found.select_from(source)


def _strongest(name: str, moment: Moment, within: Slice, place: int, known: Known | None) -> Subquery:
    order = func.row_number().over(
        partition_by=_assertions.organisation,
        order_by=(_assertions.assurance.desc(), _assertions.asserted_at.desc(), _assertions.id.desc()),
    )
    return (
        select(_assertions.organisation, _assertions.value, order.label("place"))
        .where(
            in_slice(_assertions.organisation, within),
            _assertions.name == name,
            not_ended(_assertions.withdrawn_at, _assertions.id, Event.ATTRIBUTE_WITHDRAWN, known),
            had_begun(_assertions.id, Event.ATTRIBUTE_ASSERTED, known),
            _assertions.asserted_at <= moment.earliest,
            _assertions.expires_at > moment.latest,
        )
        .subquery(f"strongest_{place}")
    )


def in_slice(column: ColumnElement[Any], within: Slice) -> ColumnElement[bool]:
    """In SQL: whether an organisation lies in a slice."""
    first, end = within
    return column >= first if end is None else and_(column >= first, column < end)
