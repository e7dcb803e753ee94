"""What the driver refuses is raised as the toolkit raises it, without a word of the parameters."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, exc

from gateway.database.engine import open_database
from gateway.database.plainly import run_plainly
from gateway.ledger.store import is_outage


@pytest.mark.parametrize(
    ("statement", "error", "outage"),
    [
        ("INSERT INTO kept VALUES (1, ?)", exc.IntegrityError, False),
        ("INSERT INTO nowhere VALUES (1, ?)", exc.OperationalError, True),
    ],
)
async def test_an_error_is_the_toolkits(tmp_path: Path, statement: str, error: type[Exception], outage: bool) -> None:
    database = open_database(f"sqlite:///{tmp_path}/plain.sqlite")

    def work(connection: Connection) -> None:
        run_plainly(connection, "CREATE TABLE kept (id INTEGER PRIMARY KEY, said TEXT)")
        run_plainly(connection, "INSERT INTO kept VALUES (1, 'first')")
        run_plainly(connection, statement, ("secret",))

    with pytest.raises(error) as raised:
        await database.write(work)
    await database.close()

    assert "secret" not in str(raised.value)
    assert is_outage(raised.value) == outage


async def test_what_an_error_ends_leaves_no_trace(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/plain.sqlite")
    await database.write(lambda connection: run_plainly(connection, "CREATE TABLE kept (id INTEGER PRIMARY KEY)"))

    def twice(connection: Connection) -> None:
        run_plainly(connection, "INSERT INTO kept VALUES (1)")
        run_plainly(connection, "INSERT INTO kept VALUES (1)")

    with pytest.raises(exc.IntegrityError):
        await database.write(twice)
    rows = await database.read(lambda connection: run_plainly(connection, "SELECT count(*) FROM kept").fetchone())
    await database.close()

    assert rows == (0,)
