"""What is asserted under one name of many organisations at once, as of any moment."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, or_, select

from gateway.clock import Moment
from gateway.identity.attributes import standing
from gateway.identity.callers import Assertion
from gateway.identity.store import assertion_table

BATCH = 500
"""Organisations a statement: both databases bound how many values one may name."""

_columns = assertion_table.c
_decode = msgspec.json.Decoder(str | int | bool | tuple[str, ...]).decode


def asserted(connection: Connection, name: str, organisations: Sequence[str], moment: Moment) -> dict[str, Assertion]:
    """The assertion of this name that stands, by organisation; absent where none does.

    What was withdrawn after the moment stood then.
    """
    found: dict[str, list[Assertion]] = {}
    for first in range(0, len(organisations), BATCH):
        query = select(_columns.organisation, *(_columns[field] for field in Assertion.__struct_fields__)).where(
            _columns.organisation.in_(organisations[first : first + BATCH]),
            _columns.name == name,
            or_(_columns.withdrawn_at.is_(None), _columns.withdrawn_at > moment.latest),
        )
        for organisation, id_, name_, value, *rest in connection.execute(query):
            found.setdefault(organisation, []).append(Assertion(id_, name_, _decode(value), *rest))
    stood = {organisation: standing(assertions, moment) for organisation, assertions in found.items()}
    return {organisation: by_name[name] for organisation, by_name in stood.items() if name in by_name}
