"""What `/readyz` says of a gateway that serves, and is odd all the same."""

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.clock import DAY
from tests.fakes.house import open_house


def test_a_record_ahead_of_the_clock_is_named_and_keeps_nobody_from_being_served(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        before = house.ask("GET", "/readyz").json()
    with closing(sqlite3.connect(tmp_path / "gateway.sqlite")) as database, database:
        database.execute("UPDATE ledger_head SET at = at + ?", (DAY,))

    with open_house(tmp_path) as house:
        after = house.ask("GET", "/readyz")

    assert before == {"status": "ready", "parts": dict.fromkeys(("snapshot", "clock", "judge", "ledger"), True)}
    assert after.status_code == 200
    assert after.json() == {**before, "warnings": ["ledger_ahead_of_clock"]}
