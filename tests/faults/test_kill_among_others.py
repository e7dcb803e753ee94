"""Killed where others could be writing, so that only silence tells the dead: the same holds once they are closed.

It takes half a minute until a process is taken for dead: `make soak` has the time, and only it collects this.
"""

import random
from pathlib import Path

import pytest

from tests.fakes.gateway import until
from tests.fakes.nursery import Nursery
from tests.fakes.postgresql import PostgreSQLServer
from tests.faults.lives import crashed, lives
from tests.faults.record import Record
from tests.faults.report import write_report

KILLS = 25
CLOSED_MAX_S = 90.0
"""Half a minute of silence, and how often it is listened for."""


@pytest.mark.soak
def test_nothing_passes_unrecorded_and_nothing_stays_open_where_only_silence_tells_the_dead(
    tmp_path: Path, nursery: Nursery, postgresql_server: PostgreSQLServer
) -> None:
    dice, url = random.Random(3), postgresql_server.url(postgresql_server.new_database())
    with lives(tmp_path, nursery, {"database_url": url}) as run:
        for _ in range(KILLS):
            run.kill(dice.uniform(0, 0.5))
        closed_s = until(lambda: run.mistakes(Record.in_database(url)) == [], CLOSED_MAX_S)
        record = Record.in_database(url)

    assert {answer.status for answer in run.got} == {200}
    assert crashed(record) > 0
    figures = run.figures(record) | {"all closed, after the last restart": f"{closed_s:.0f} s"}
    write_report("kill -9 under load, PostgreSQL", figures)
