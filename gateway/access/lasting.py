"""Whether what is read of organisations lasts from one moment to a later one, as far as dates say.

Of a million organisations that is soon asked, and reading them once more is not: a plan does it at each boundary.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from gateway.access.concurrences.store import concurrence_table
from gateway.access.populations import Read
from gateway.access.store import grant_table
from gateway.clock import Moment
from gateway.identity.index import Slice, in_slice, slices
from gateway.identity.store import assertion_table


def lasts(connection: Connection, read: Read, before: Moment, after: Moment) -> bool:
    """Whether no assertion, grant or concurrence that counts for what is read begins or ends in between."""
    return not any(
        connection.execute(select(or_(*_turning(read, before, after, within)))).scalar_one()
        for within in slices(connection)
    )


def _turning(read: Read, before: Moment, after: Moment, within: Slice) -> list[ColumnElement[bool]]:
    """Whether there is any that turns, of the organisations of a slice."""

    def begins(date: ColumnElement[Any]) -> ColumnElement[bool]:
        return and_(date > before.earliest, date <= after.earliest)

    def ends(date: ColumnElement[Any]) -> ColumnElement[bool]:
        return and_(date > before.latest, date <= after.latest)

    asserted, granted, agreed = assertion_table.c, grant_table.c, concurrence_table.c
    found: list[ColumnElement[bool]] = [
        exists(
            select(granted.id).where(
                in_slice(granted.organisation, within),
                granted.release == read.release,
                or_(begins(granted.starts_at), ends(granted.ends_at), ends(granted.recertify_by)),
            )
        )
    ]
    if read.attributes:
        found.append(
            exists(
                select(asserted.id).where(
                    in_slice(asserted.organisation, within),
                    asserted.name.in_({each.name for each in read.attributes}),
                    asserted.withdrawn_at.is_(None),
                    or_(begins(asserted.asserted_at), ends(asserted.expires_at)),
                )
            )
        )
    if read.authorities:
        found.append(
            exists(
                select(agreed.id).where(
                    in_slice(agreed.organisation, within),
                    agreed.release == read.release,
                    agreed.withdrawn_at.is_(None),
                    ends(agreed.expires_at),
                )
            )
        )
    return found
