"""A statement in SQLite's own words, run by its driver with nothing in between: for what every batch of calls asks.

The toolkit's own way to a driver costs five times as much a statement, on the thread for which calls wait.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def run_plainly(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
    """Run it in the transaction that has begun. Raises what the toolkit would raise, without the parameters."""
    driver: Any = connection.connection.driver_connection
    try:
        cursor: sqlite3.Cursor = driver.execute(statement, parameters)
    except sqlite3.Error as error:
        raise DBAPIError.instance(
            statement, None, error, sqlite3.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
    return cursor
