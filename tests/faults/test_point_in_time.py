"""PostgreSQL is restored to a point in time by the commands of docs/operating.md, and a fork is refused.

One disaster, on a real server: a base backup, an archived log, checkpoints kept elsewhere, and then the server is lost.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger.checkpoints.kept import ENDING
from tests.fakes.archived import Shell, blocks, ground, url_on
from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.nursery import Nursery
from tests.fakes.postgresql import PostgreSQLServer
from tests.faults.record import Record

DATABASE = "db_1"
KEEP, ARCHIVE_ONCE, BACK_UP, RESTORE, VERIFY, REHEARSE, COPY = range(7)
"""The blocks of commands on the page, in their order."""

BLOCKS = blocks("Points in time")


class Disaster:
    """What is left of a server that was lost: its backup, its archive, and what was kept elsewhere."""

    def __init__(self, folder: Path, nursery: Nursery, server: PostgreSQLServer) -> None:
        self.folder = folder
        variables = {"BACKUP": "restored/backup", "ARCHIVE": "archive", "KEPT": "kept", "KEY": "kept/key"}
        paths = {name: str(folder / path) for name, path in variables.items()}
        self.shell = Shell(server, folder, paths | {"PGHOST": str(server.socket), "PGUSER": "postgres"})
        self.gateway = GatewayProcess(folder / "gateway", launch=nursery.launch)
        self.targets: dict[str, str] = {}
        """Instants and places in the log at which the ledger was one entry or another, by the checkpoint before."""
        self.full: list[tuple[int, bytes, bytes]] = []

    def live(self, server: PostgreSQLServer) -> None:
        """Serve, back up, keep three checkpoints, and lose the server."""
        self.shell.run(BLOCKS[ARCHIVE_ONCE], as_server=True)
        server.restart()
        self.gateway.settings["database_url"] = server.url(server.new_database())
        self.gateway.start()
        self.call()
        keep, key = BLOCKS[KEEP].splitlines()[1], BLOCKS[KEEP].splitlines()[0]
        auditor = {"GATEWAY_URL": self.gateway.base_url, "GATEWAY_KEY": self.gateway.keys["auditor"]}
        self.shell.run(key, **auditor)
        for name in ("first", "second", "third"):
            if name == "second":
                self.shell.run(BLOCKS[BACK_UP], as_server=True)
            self.call()
            self.gateway.entries()  # every end is recorded by now, or it stands beyond the target like what follows
            self.shell.run(keep, **auditor)
            self.targets[f"time of {name}"] = self.ask("SELECT clock_timestamp()")
            self.targets[f"lsn of {name}"] = self.ask("SELECT pg_current_wal_insert_lsn()")
            time.sleep(0.05)
        self.call()
        self.gateway.stop()
        self.full = Record.in_database(self.gateway.settings["database_url"]).lines
        segment = self.ask("SELECT pg_walfile_name(pg_switch_wal())")
        until((self.folder / "archive" / segment).exists, 20.0)
        server.crash()

    def call(self) -> None:
        said = [{"role": "user", "content": "Hello."}]
        self.gateway.openai().chat.completions.create(model=self.gateway.models["api"], messages=said)  # type: ignore[arg-type]

    def ask(self, query: str) -> str:
        return self.shell.run(f'psql -d postgres -Atc "{query}"').strip()

    def restore(self, name: str, kind: str = "", target: str = "") -> Path:
        """Restore as the page says, to a target or to all there is, and start the server."""
        new = self.folder / "restored" / name
        commands = BLOCKS[RESTORE].replace(' time "$TARGET"', f' {kind} "$TARGET"' if kind else "")
        place = f' -o "-c listen_addresses= -k {new}" -w start'
        assert commands.count(" -w start") == 1, "the page starts the server"
        self.shell.run(commands.replace(" -w start", place), as_server=True, NEW=str(new), TARGET=target)
        self.shell.run(f"chmod 755 {new}", as_server=True)
        self.gateway.settings = {"database_url": url_on(new, DATABASE)}
        return new

    def verify(self, *, fails: bool = False) -> str:
        return self.shell.run(BLOCKS[VERIFY], fails=fails, GATEWAY_DATABASE_URL=self.gateway.settings["database_url"])

    def refused_at_start(self) -> str:
        """What a gateway says that is told of the kept checkpoints, and does not start."""
        self.gateway.settings["checkpoints"] = str(self.folder / "kept")
        said = len(self.gateway.log)
        self.gateway.start(wait=False)
        until(lambda: not self.gateway.is_running, 20.0, lambda: "it has started")
        del self.gateway.settings["checkpoints"]
        return self.gateway.log[said:]

    def lines(self) -> list[tuple[int, bytes, bytes]]:
        return Record.in_database(self.gateway.settings["database_url"]).lines


@pytest.fixture(scope="module")
def disaster(nursery: Nursery) -> Iterator[Disaster]:
    server = PostgreSQLServer()
    with ground(server.user) as folder:
        lost = Disaster(folder, nursery, server)
        try:
            lost.live(server)
            yield lost
        finally:
            lost.gateway.kill()
            for data in (folder / "restored").iterdir():
                lost.shell.stop(data)
            server.revive()
            server.close()


def test_a_rehearsal_restores_beside_what_serves_verifies_and_leaves_nothing(disaster: Disaster) -> None:
    beside = disaster.folder / "restored"
    before = sorted(beside.iterdir()), sorted((disaster.folder / "archive").iterdir())
    told = {
        "AS": f"runuser -u {disaster.shell.server_user} --" if disaster.shell.server_user else "",
        "DATABASE": DATABASE,
        "SCRATCH": str(beside),
    }
    rehearse = BLOCKS[REHEARSE]

    well = disaster.shell.run(rehearse, TARGET=disaster.targets["time of third"], **told)
    lost = disaster.shell.run(rehearse, fails=True, TARGET=disaster.targets["time of first"], **told)
    never = disaster.shell.run(rehearse, fails=True, TARGET="2099-01-01 00:00:00+00", **told)

    assert "is when its last entry was recorded" in well and "checkpoints  3" in well
    assert "missing at its end" in lost
    assert "before configured recovery target was reached" in never
    assert (sorted(beside.iterdir()), sorted((disaster.folder / "archive").iterdir())) == before


def test_all_that_was_archived_comes_back_verifies_and_goes_on(disaster: Disaster) -> None:
    new = disaster.restore("whole")
    restored = disaster.lines()
    said = disaster.verify()

    disaster.gateway.settings["checkpoints"] = str(disaster.folder / "kept")
    disaster.gateway.start()
    disaster.call()
    disaster.gateway.stop()
    after = Record.in_database(disaster.gateway.settings["database_url"])
    again = disaster.verify()
    disaster.shell.stop(new)

    assert restored == disaster.full
    assert "checkpoints  3" in said and "checkpoints  3" in again
    assert after.lines[: len(restored)] == restored and len(after.lines) > len(restored)
    assert after.mistakes((), ()) == []


def test_a_place_in_the_log_is_a_target_too(disaster: Disaster) -> None:
    new = disaster.restore("place", "lsn", disaster.targets["lsn of second"])
    restored = disaster.lines()
    disaster.shell.stop(new)

    first, second, third = sorted(int(each.stem) for each in (disaster.folder / "kept").glob(f"*{ENDING}"))
    assert first < second <= len(restored) < third
    assert restored == disaster.full[: len(restored)]


def test_before_a_checkpoint_entries_are_lost_and_going_on_is_a_fork(disaster: Disaster) -> None:
    new = disaster.restore("before", "time", disaster.targets["time of second"])
    restored = disaster.lines()
    kept = sorted((disaster.folder / "kept").glob(f"*{ENDING}"))

    lost, not_started = disaster.verify(fails=True), disaster.refused_at_start()
    untouched = disaster.lines()
    disaster.gateway.start()  # by one who names no checkpoints, and so is not warned
    disaster.call()
    disaster.call()
    disaster.gateway.stop()
    fork, refused = disaster.verify(fails=True), disaster.refused_at_start()
    forked = disaster.lines()
    disaster.shell.stop(new)

    assert int(kept[1].stem) <= len(restored) < int(kept[2].stem)
    assert restored == disaster.full[: len(restored)] == untouched
    for said in (lost, not_started):
        assert "missing at its end" in said and "restore to a later" in said.lower()
    assert len(forked) >= int(kept[2].stem) and forked[: len(restored)] == restored
    for said in (fork, refused):
        assert f"not those of the checkpoint {kept[2].name}" in said and "this is a fork" in said
        assert "keep this database for your auditors" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Make a data directory"),
        ('"$BACKUP" "$ARCHIVE" "$BACKUP"', "is there already"),
        ('"$ARCHIVE" "$ARCHIVE" "$NEW"', "is no base backup"),
        ('"$BACKUP" "$NEW" "$NEW"', "is no folder of archived log"),
        ('"$BACKUP" "$ARCHIVE" "$NEW" when 2026', "is no kind of target"),
        ("""\"$BACKUP" "$ARCHIVE" "$NEW" time "'; x" """, "a quote"),
    ],
)
def test_the_script_refuses_what_it_cannot_restore(disaster: Disaster, arguments: str, said: str) -> None:
    new = disaster.folder / "restored" / "never"

    told = disaster.shell.run(f"sh examples/restore/restore.sh {arguments}", as_server=True, fails=True, NEW=str(new))

    assert said in told and not new.exists()
