"""A copy of a SQLite database, made while it is written to."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gateway.database.backup import back_up
from gateway.errors import SettingsInvalid


def test_a_copy_is_whole_and_closed_to_others_while_somebody_writes(tmp_path: Path) -> None:
    file, copy = tmp_path / "live.sqlite", tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(file)) as live:
        live.execute("PRAGMA journal_mode=WAL")
        live.execute("CREATE TABLE pair (one INTEGER, other INTEGER)")
        live.commit()
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(file)) as writing:
            number = 0
            while not stop.is_set():
                number += 1
                writing.execute("INSERT INTO pair VALUES (?, ?)", (number, number))
                writing.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        sizes = [back_up(f"sqlite:///{file}", tmp_path / f"{number}.sqlite") for number in range(5)]
    finally:
        stop.set()
        writer.join()
    back_up(f"sqlite:///{file}", copy)

    with closing(sqlite3.connect(file)) as live, closing(sqlite3.connect(copy)) as copied:
        assert copied.execute("SELECT * FROM pair").fetchall() == live.execute("SELECT * FROM pair").fetchall()
    for number, size in enumerate(sizes):
        at = tmp_path / f"{number}.sqlite"
        assert at.stat().st_size == size and at.stat().st_mode & 0o777 == 0o600
        with closing(sqlite3.connect(at)) as copied:
            numbers = [one for one, _ in copied.execute("SELECT one, other FROM pair ORDER BY rowid")]
        assert numbers == list(range(1, len(numbers) + 1))
    assert not list(tmp_path.glob(".*"))


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "live.sqlite")) as live:
        live.execute("CREATE TABLE a (b)")
    (tmp_path / "copy").write_text("precious")

    with pytest.raises(SettingsInvalid, match="is there already"):
        back_up(f"sqlite:///{tmp_path / 'live.sqlite'}", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "precious"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("url", "said"), [("postgresql://gateway@localhost/x", "pg_basebackup"), ("sqlite:////nowhere/x", "--data")]
)
def test_where_there_is_nothing_to_copy_it_is_said_what_to_do(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        back_up(url, tmp_path / "copy")

    assert said in refused.value.sentence()
    assert not list(tmp_path.iterdir())
