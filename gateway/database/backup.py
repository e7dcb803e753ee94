"""A copy of a SQLite database while it is in use, by SQLite's own online backup: a file copied alone lacks its log.

https://www.sqlite.org/backup.html
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.database.reaching import is_absent, located
from gateway.errors import SettingsInvalid


def back_up(url: str, copy: Path) -> int:
    """Write the copy, whole or not at all, and durable when this returns; how many bytes it has."""
    located_at = located(url)
    if located_at.get_backend_name() != "sqlite":
        raise SettingsInvalid(
            "This makes copies of SQLite databases, and the database is PostgreSQL.",
            next_step="Use `pg_basebackup` and archive its log: docs/operating.md says how.",
        )
    if is_absent(url):
        raise SettingsInvalid("There is no database yet.", next_step="Look at --data, or at GATEWAY_DATABASE_URL.")
    draft = copy.with_name(f".{copy.name}.part")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            _copy(str(located_at.database), draft)
            copy.hardlink_to(draft)
        finally:
            draft.unlink()
        _sync(copy.parent)
    except FileExistsError as error:
        raise SettingsInvalid(
            f"{error.filename2 or error.filename} is there already.", next_step="Name another file, or remove that one."
        ) from None
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise SettingsInvalid(
            f"The copy could not be made: {why}.", next_step="Look at the disk and the folder."
        ) from None
    return copy.stat().st_size


def _copy(database: str, draft: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(draft)) as copy,
    ):
        source.backup(copy)
        if (found := copy.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged, {found}")
    _sync(draft)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
