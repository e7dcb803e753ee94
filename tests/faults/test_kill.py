"""Killed at any moment, the gateway has recorded everything that passed, and closes it when it starts again."""

import random
from pathlib import Path

import pytest

from tests.fakes.nursery import Nursery
from tests.faults.conftest import SOAK
from tests.faults.lives import crashed, lives
from tests.faults.record import Record
from tests.faults.report import write_report

KILLS = 50 if SOAK else 4
RESTART_MAX_S = 10.0


@pytest.mark.soak
def test_nothing_passes_unrecorded_and_nothing_stays_open_however_often_it_is_killed(
    tmp_path: Path, nursery: Nursery
) -> None:
    dice = random.Random(2)
    with lives(tmp_path, nursery) as run:
        for _ in range(KILLS):
            run.kill(dice.uniform(0, 0.5))
            record = Record.on(run.gateway.data)
            assert run.mistakes(record) == []

    assert {answer.status for answer in run.got} == {200}
    assert crashed(record) > 0, "every kill met an idle gateway, which shows nothing"
    assert run.restart_s <= RESTART_MAX_S
    if SOAK:
        write_report("kill -9 under load, SQLite", run.figures(record))
