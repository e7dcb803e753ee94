"""A data directory is served by one process only.

The kernel keeps the lock and lets go of it when the process ends, however it ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import SettingsInvalid

LOCK_FILE = "gateway.lock"


def made(folder: Path) -> Path:
    """The data directory, made where it is missing. Raises SettingsInvalid where it cannot be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None
    return folder


@contextmanager
def exclusively(folder: Path) -> Iterator[None]:
    """Hold the data directory, made where it is missing; SettingsInvalid when another process holds it."""
    try:
        descriptor = os.open(made(folder) / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        _lock(descriptor, folder)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _unusable(folder: Path, error: OSError) -> SettingsInvalid:
    return SettingsInvalid(
        f"The data directory {folder} cannot be used: {error.strerror}.",
        next_step="Name one that this process may write to with --data or GATEWAY_DATA.",
    )


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        raise SettingsInvalid(
            f"The data directory {folder} is served by process {holder or '(starting)'} already.",
            next_step="Stop that process, or name another directory with --data. Several processes need PostgreSQL.",
        ) from None
    except OSError as error:
        raise SettingsInvalid(
            f"The data directory {folder} cannot be locked: {error.strerror}.",
            next_step="Put it on a local file system.",
        ) from error
