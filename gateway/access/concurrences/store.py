"""Rows of concurrences with single organisations, and the queries over them."""

import msgspec
from sqlalchemy import BigInteger, Column, Connection, String, Table, Text, insert, select, update

from gateway.access.concurrences.records import OwnConcurrence
from gateway.clock import Instant
from gateway.database.naming import metadata

concurrence_table = Table(
    "own_concurrence",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("organisation", String(64), nullable=False, index=True),
    Column("release", String(200), nullable=False, index=True),
    Column("authority", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("given_at", BigInteger, nullable=False),
    Column("given_by", String(64), nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_cause", Text),
)

_COLUMNS = [concurrence_table.c[name] for name in OwnConcurrence.__struct_fields__]


def add_concurrence(connection: Connection, concurrence: OwnConcurrence) -> None:
    """Write a new concurrence."""
    connection.execute(insert(concurrence_table).values(**msgspec.structs.asdict(concurrence)))


def withdraw_concurrence(connection: Connection, concurrence_id: str, withdrawn_at: Instant, cause: str) -> bool:
    """Mark a concurrence withdrawn; False when it already was, or never existed."""
    held = concurrence_table.c
    query = update(concurrence_table).where(held.id == concurrence_id, held.withdrawn_at.is_(None))
    return connection.execute(query.values(withdrawn_at=withdrawn_at, withdrawn_cause=cause)).rowcount == 1


def concurrence_by_id(connection: Connection, concurrence_id: str) -> OwnConcurrence | None:
    """The concurrence, or None."""
    row = connection.execute(select(*_COLUMNS).where(concurrence_table.c.id == concurrence_id)).one_or_none()
    return None if row is None else OwnConcurrence(**row._asdict())


def concurrences(
    connection: Connection, *, organisation: str = "", release: str = "", after: str = "", limit: int | None = None
) -> list[OwnConcurrence]:
    """Concurrences in order of id, after the given one; an empty organisation or release leaves that open."""
    query = select(*_COLUMNS).where(concurrence_table.c.id > after).order_by(concurrence_table.c.id).limit(limit)
    if organisation:
        query = query.where(concurrence_table.c.organisation == organisation)
    if release:
        query = query.where(concurrence_table.c.release == release)
    return [OwnConcurrence(**row._asdict()) for row in connection.execute(query)]
