"""A backup is restored as docs/operating.md says: the ledger goes on where the backup ended, and a fork is found."""

import os
import shutil
import subprocess
import sys
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
    backup, kept_elsewhere = tmp_path / "backup", tmp_path / "kept"
    backup.mkdir()
    kept_elsewhere.mkdir()
    try:
        gateway.start()
        call(gateway)
        typed("db", "backup", str(backup / "gateway.sqlite"), GATEWAY_DATA=str(gateway.data))
        for beside in ("peppers", "signing.key", "demo.json"):
            shutil.copy2(gateway.data / beside, backup / beside)
        call(gateway)
        auditor = {"GATEWAY_URL": gateway.base_url, "GATEWAY_KEY": gateway.keys["auditor"]}
        typed("audit", "checkpoint", "--into", str(kept_elsewhere), **auditor)
        gateway.stop()
        before = Record.on(gateway.data)
        shutil.rmtree(gateway.data)
        shutil.copytree(backup, gateway.data)
        kept = Record.on(gateway.data)
        verify = ("audit", "verify", "--data", str(gateway.data), "--checkpoints", str(kept_elsewhere))
        lost = typed(*verify, fails=True)

        gateway.start()
        for _ in range(3):
            call(gateway)
        gateway.stop()
        fork = typed(*verify, fails=True)
    finally:
        gateway.kill()

    after = Record.on(gateway.data)
    assert len(kept.lines) < len(before.lines), "something came after the backup"
    assert after.lines[: len(kept.lines)] == kept.lines == before.lines[: len(kept.lines)]
    assert [index for index, _, _ in after.lines] == list(range(len(after.lines)))
    assert after.mistakes((), ()) == []
    assert after.entries[len(kept.lines)]["event"] in {"gateway:started", "access:finished"}
    assert "missing at its end" in lost
    assert "this is a fork" in fork


def typed(*words: str, fails: bool = False, **environment: str) -> str:
    """What `gateway` says to these words, both ways."""
    command = [sys.executable, "-m", "gateway.cli.main", *words]
    ran = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    said = ran.stdout + ran.stderr
    assert bool(ran.returncode) == fails, said
    return said


def call(gateway: GatewayProcess) -> None:
    gateway.openai().chat.completions.create(
        model=gateway.models["api"], messages=[{"role": "user", "content": "Hello."}]
    )


async def test_a_process_that_has_seen_more_believes_no_older_state(database: Database) -> None:
    ledger = Ledger(database, lambda: at(1))

    with pytest.raises(LedgerUnavailable, match="gone back"):
        await ledger.news(1_000_000)
