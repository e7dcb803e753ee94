"""Nothing that was acknowledged is lost when the process is killed, and nothing stays open."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.database.engine import open_database
from gateway.ledger.events import Event
from gateway.ledger.recovery import Recovery
from gateway.ledger.tables import writer_table
from tests.ledger.builders import a_ledger, agree, entries_of
from tests.ledger.test_recovery import closing

ROOT = Path(__file__).parents[2]
KILLS = 10


def append_and_kill(url: str, kills: int) -> dict[int, str]:
    """Let so many processes append, one after the other, and kill each in the midst of it; what they acknowledged."""
    dice = random.Random(url)
    command = [sys.executable, "-m", "tests.ledger.appending_process", url, str(kills)]
    durable: dict[int, str] = {}
    pid, left = 0, 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        for line in parent.stdout:
            match line.split():
                case ["pid", said]:
                    pid, left = int(said), dice.randrange(1, 200)
                case ["durable", index, call]:
                    durable[int(index)] = call
                    left -= 1
                    if left == 0:
                        os.kill(pid, signal.SIGKILL)
    return durable


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_every_acknowledged_entry_outlives_kill_9(engine: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(f"{engine}_url")
    acknowledged = append_and_kill(url, KILLS)

    database = open_database(url)
    await Recovery(a_ledger(database), agree, closing).run(0, alone=True)
    entries = await entries_of(database)
    left = await database.read(lambda connection: connection.execute(writer_table.select()).all())
    await database.close()

    assert [entry.index for entry in entries] == list(range(len(entries)))
    assert all(entries[index].id == call for index, call in acknowledged.items())
    opened = [entry.id for entry in entries if entry.event == Event.ACCESS_ADMITTED]
    ended = [entry.body["admitted"] for entry in entries if entry.event == Event.ACCESS_FINISHED]
    assert len(acknowledged) > 100
    assert sorted(opened) == sorted(ended)
    assert all(row.oldest_open is None and row.closed_at is not None for row in left)
