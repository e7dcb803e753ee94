"""Organisations in bulk: in one query, what stands of each at a moment, as `identity/attributes.py` works it out."""

from collections.abc import Sequence

from sqlalchemy import Select, and_, func, select
from sqlalchemy.sql.selectable import FromClause, Subquery

from gateway.clock import Moment
from gateway.identity.organisations import PROVIDER
from gateway.identity.store import assertion_table, organisation_table


def standing_facts(names: Sequence[str], moment: Moment) -> Select[tuple[object, ...]]:
    """A row for each organisation that is not disabled: `organisation`, `is_provider`, and `fact_0`, `fact_1`, …

    Each fact is the value, as stored, of the strongest assertion of that name that stands; null where none does.
    """
    found = select(
        organisation_table.c.id.label("organisation"), (organisation_table.c.id == PROVIDER).label("is_provider")
    ).where(organisation_table.c.disabled_at.is_(None))
    source: FromClause = organisation_table
    for place, name in enumerate(names):
        strongest = _strongest(name, moment, place)
        on = and_(strongest.c.organisation == organisation_table.c.id, strongest.c.place == 1)
        source = source.outerjoin(strongest, on)
        found = found.add_columns(strongest.c.value.label(f"fact_{place}"))
    return found.select_from(source)


def _strongest(name: str, moment: Moment, place: int) -> Subquery:
    table = assertion_table.c
    order = func.row_number().over(
        partition_by=table.organisation, order_by=(table.assurance.desc(), table.asserted_at.desc(), table.id.desc())
    )
    return (
        select(table.organisation, table.value, order.label("place"))
        .where(
            table.name == name,
            table.withdrawn_at.is_(None),
            table.asserted_at <= moment.earliest,
            table.expires_at > moment.latest,
        )
        .subquery(f"strongest_{place}")
    )
