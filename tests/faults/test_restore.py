"""A backup is restored as docs/operating.md says: the ledger goes on where the backup ended, and a loss can be seen."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.clock import at
from gateway.database.engine import Database
from gateway.errors import LedgerUnavailable
from gateway.ledger.store import Ledger
from tests.fakes.gateway import GatewayProcess
from tests.fakes.nursery import Nursery
from tests.faults.record import Record


def test_a_restored_ledger_goes_on_where_the_backup_ended(tmp_path: Path, nursery: Nursery) -> None:
    gateway = GatewayProcess(tmp_path / "gateway", launch=nursery.launch)
    backup = tmp_path / "backup"
    backup.mkdir()
    try:
        gateway.start()
        call(gateway)
        with (
            closing(sqlite3.connect(gateway.data / "gateway.sqlite")) as live,
            closing(sqlite3.connect(backup / "gateway.sqlite")) as copy,
        ):
            live.backup(copy)  # what `.backup` of the sqlite3 command does, while it serves
        for beside in ("peppers", "signing.key", "demo.json"):
            shutil.copy2(gateway.data / beside, backup / beside)
        call(gateway)
        gateway.stop()
        before = Record.on(gateway.data)
        shutil.rmtree(gateway.data)
        shutil.copytree(backup, gateway.data)
        kept = Record.on(gateway.data)

        gateway.start()
        call(gateway)
        gateway.stop()
    finally:
        gateway.kill()

    after = Record.on(gateway.data)
    assert len(kept.lines) < len(before.lines), "something came after the backup"
    assert after.lines[: len(kept.lines)] == kept.lines == before.lines[: len(kept.lines)]
    assert [index for index, _, _ in after.lines] == list(range(len(after.lines)))
    assert after.mistakes((), ()) == []
    assert after.entries[len(kept.lines)]["event"] in {"gateway:started", "access:finished"}
    assert after.lines[len(kept.lines)] != before.lines[len(kept.lines)], "by the leaf hash at an index, a fork is seen"


def call(gateway: GatewayProcess) -> None:
    gateway.openai().chat.completions.create(
        model=gateway.models["api"], messages=[{"role": "user", "content": "Hello."}]
    )


async def test_a_process_that_has_seen_more_believes_no_older_state(database: Database) -> None:
    ledger = Ledger(database, lambda: at(1))

    with pytest.raises(LedgerUnavailable, match="gone back"):
        await ledger.news(1_000_000)
