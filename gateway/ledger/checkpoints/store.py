"""Reading the ledger piece by piece, in order, as much as one transaction is to hold."""

from sqlalchemy import Connection, select

from gateway.ledger.tables import entry_table

CHUNK = 10_000
"""Entries read in one transaction."""


def leaves(connection: Connection, first: int, end: int) -> list[bytes]:
    """Stored leaf hashes from `first` up to but not including `end`, in order."""
    query = select(entry_table.c.leaf_hash).where(entry_table.c.index.between(first, end - 1))
    return list(connection.execute(query.order_by(entry_table.c.index)).scalars())


def rows(connection: Connection, first: int, end: int) -> list[tuple[int, bytes, bytes]]:
    """Indices, lines and stored leaf hashes of the same."""
    table = entry_table.c
    query = select(table.index, table.line, table.leaf_hash).where(table.index.between(first, end - 1))
    return [(index, line, leaf) for index, line, leaf in connection.execute(query.order_by(table.index))]


def stray(connection: Connection, size: int) -> int | None:
    """An entry that stands where a ledger of this size does not reach."""
    outside = (entry_table.c.index >= size) | (entry_table.c.index < 0)
    found: int | None = connection.execute(select(entry_table.c.index).where(outside).limit(1)).scalar()
    return found
