"""Weight files below the operator's root: only what a strategy declares, only as it declares it."""

import asyncio
import hashlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.errors import NotFound, Unavailable
from gateway.releases.strategies import WeightsTarget

READ_BYTES = 256 << 10
CHECK_BYTES = 1 << 20

CHECKED_AT_ONCE = 2
"""Checking takes a processor, and minutes for a large file: the others wait their turn, on threads of their own."""

READ_AT_ONCE = 8
"""Pieces of files read at once. A disk that stands still holds up downloads and nothing else."""

FIRST_CHECK_S = 20.0
"""How long a first request may wait while a file is checked; larger files ask the client to come back."""


class WeightsUnverified(Unavailable):
    """The file on disk is not, or not yet, known to be the declared one."""

    code = "weights_unverified"
    message = "This file is still being checked against its declared digest."
    retry_after_s = 30
    next_step = "Try again in half a minute."


class Identity(msgspec.Struct, frozen=True):
    """What the file system says of one state of a file; another state has another identity."""

    location: str
    inode: int
    bytes_total: int
    modified_ns: int
    device: int
    changed_ns: int
    """When the file system last noted a change: unlike the time of modification, nobody can set it."""

    @classmethod
    def of(cls, location: Path, status: os.stat_result) -> "Identity":
        """The identity in a file's status."""
        return cls(str(location), status.st_ino, status.st_size, status.st_mtime_ns, status.st_dev, status.st_ctime_ns)


class WeightFile(msgspec.Struct, frozen=True):
    """One declared file, checked against its digest."""

    location: Path
    identity: Identity
    sha256: str
    """Hex, as declared and as found."""

    @property
    def bytes_total(self) -> int:
        """Size of the file."""
        return self.identity.bytes_total


class Weights:
    """Finds declared files and keeps what was checked, by what the file system says of the file."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._checked: dict[Identity, str] = {}
        self._checking: dict[Identity, asyncio.Future[str]] = {}
        self._checkers = ThreadPoolExecutor(CHECKED_AT_ONCE, "weights-check")
        self._readers = ThreadPoolExecutor(READ_AT_ONCE, "weights-read")
        self._closing = threading.Event()

    async def find(self, target: WeightsTarget, path: str) -> WeightFile:
        """The declared file at `path`. Raises NotFound where none is declared, WeightsUnverified where it differs."""
        declared = target.files.get(path)
        if declared is None or self._root is None:
            raise NotFound("This release has no such file.", code="entry_not_found")
        location = self._root / target.path / path
        try:
            identity = Identity.of(location, location.stat())
        except OSError:
            raise WeightsUnverified("The declared file is missing on the gateway.") from None
        found = await self._sha256(location, identity)
        if f"sha256:{found}" != declared:
            raise WeightsUnverified(
                "The file on the gateway is not the declared one, so it is not given out.",
                next_step="The model's provider must restore the declared file or declare the new digest.",
            )
        return WeightFile(location, identity, found)

    async def piece(self, descriptor: int, first: int, end: int) -> bytes:
        """Some bytes from `first` on, none from `end` on; empty where the file has ended."""
        length = min(READ_BYTES, end - first)
        return await asyncio.get_running_loop().run_in_executor(self._readers, os.pread, descriptor, length, first)

    def close(self) -> None:
        """Check and read nothing more; what is under way ends at its next piece."""
        self._closing.set()
        for threads in (self._checkers, self._readers):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _sha256(self, location: Path, identity: Identity) -> str:
        known = self._checked.get(identity)
        if known is not None:
            return known
        checking = self._checking.get(identity)
        if checking is None:
            loop = asyncio.get_running_loop()
            checking = loop.run_in_executor(self._checkers, _sha256_of, location, self._closing)
            self._checking[identity] = checking
        try:
            found = await asyncio.wait_for(asyncio.shield(checking), FIRST_CHECK_S)
        except TimeoutError:
            raise WeightsUnverified from None
        except OSError:
            raise WeightsUnverified("The declared file cannot be read on the gateway.") from None
        finally:
            if checking.done():
                self._checking.pop(identity, None)
        self._checked[identity] = found
        return found


@contextmanager
def opened(file: WeightFile) -> Iterator[int]:
    """A descriptor of the very file that was checked. Raises WeightsUnverified where it was replaced since."""
    descriptor = os.open(file.location, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if Identity.of(file.location, os.fstat(descriptor)) != file.identity:
            raise WeightsUnverified
        yield descriptor
    finally:
        os.close(descriptor)


def _sha256_of(location: Path, closing: threading.Event) -> str:
    running = hashlib.sha256()
    with location.open("rb", buffering=0) as file:
        while piece := file.read(CHECK_BYTES):
            if closing.is_set():
                raise WeightsUnverified
            running.update(piece)
    return running.hexdigest()
