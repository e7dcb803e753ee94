"""Many rows by few statements, on either engine.

A writing thread gives up the interpreter's lock at every statement it steps through, and then waits
for a busy event loop to give it back: a batch inserted row by row took up to seventy times as long
beside a busy loop as one inserted by one statement. PostgreSQL takes a batch as arrays.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from gateway.database.plainly import run_plainly

ROWS_MAX = 128
"""Rows a statement on SQLite: as many different texts, each of which stays prepared once it was needed."""

Row = tuple[Any, ...]


class RowInsert:
    """INSERT of any number of rows into one table."""

    def __init__(self, table: str, columns: Mapping[str, str], suffix: str = "") -> None:
        """`columns` are names with PostgreSQL's types; names, types and suffix are the code's own words."""
        names = ", ".join(f'"{name}"' for name in columns)
        into = f"INSERT INTO {table} ({names})"
        marks = f"({', '.join('?' * len(columns))})"
        arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(columns.values(), 1))
        self._sqlite = [f"{into} VALUES {', '.join([marks] * rows)} {suffix}" for rows in range(1, ROWS_MAX + 1)]
        self.postgresql = f"{into} SELECT * FROM unnest({arrays}) {suffix}"  # noqa: S608 - no value is in it
        """Its parameters are one array a column, numbered from 1."""

    def execute(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert the rows in order."""
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            self._execute_sqlite(connection, rows)
        else:
            connection.exec_driver_sql(self.postgresql, tuple(zip(*rows, strict=True)))

    def _execute_sqlite(self, connection: Connection, rows: Sequence[Row]) -> None:
        for first in range(0, len(rows), ROWS_MAX):
            some = rows[first : first + ROWS_MAX]
            run_plainly(connection, self._sqlite[len(some) - 1], tuple(chain.from_iterable(some)))
