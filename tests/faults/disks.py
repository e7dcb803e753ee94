"""Disks that can be filled: one of their own where the machine lets us mount it, a limit on the process anywhere."""

import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

DISK_BYTES = 12 << 20
FILE_BYTES = 4096
"""Less than any file that the gateway writes to holds already."""


class Disk(Protocol):
    """Where a gateway writes."""

    folder: Path

    def fill(self, pid: int) -> None:
        """From now on there is no room for the process."""

    def clear(self, pid: int) -> None:
        """There is again."""


class SmallDisk:
    """A file system of its own, with nothing left on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filling = folder / "filling"

    def fill(self, pid: int = 0) -> None:
        with self._filling.open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                return

    def clear(self, pid: int = 0) -> None:
        self._filling.unlink()


class ShortFiles:
    """A file system where the process may let no file grow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int) -> None:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (FILE_BYTES, hard))

    def clear(self, pid: int) -> None:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def small_disk(folder: Path, size: int = DISK_BYTES) -> Iterator[SmallDisk]:
    """A small file system in memory, mounted for the length of the block."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def short_files(folder: Path) -> Iterator[Disk]:
    """An ordinary folder."""
    folder.mkdir()
    yield ShortFiles(folder)


def can_mount() -> bool:
    """Whether this machine lets us mount a disk."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder)):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


FULL: dict[str, Callable[[Path], AbstractContextManager[Disk]]] = {"no file may grow": short_files}
if can_mount():
    FULL["no room is left"] = small_disk
