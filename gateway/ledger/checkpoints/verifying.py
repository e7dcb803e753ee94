"""Whether a ledger is whole, and is what was published of it: found out of its bytes alone, without the gateway.

Every line is hashed anew (RFC 6962, 2.1), has its place and says so; the roots on the way are those of the checkpoints
that somebody kept. One entry edited, left out, put elsewhere or cut off, and a ledger that went on from an older state,
is found; what was appended after the last kept checkpoint, only its provider can vouch for.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256

import msgspec
from sqlalchemy import Connection

from gateway.database.engine import Database
from gateway.errors import LedgerUnavailable
from gateway.ledger.checkpoints.checkpoint import Checkpoint
from gateway.ledger.checkpoints.store import CHUNK, leaves, rows, stray
from gateway.ledger.merkle import Tree
from gateway.ledger.store import size_of

CHUNK_DEADLINE_S = 60.0


class Kept(msgspec.Struct, frozen=True):
    """A checkpoint that somebody kept, and where it was found."""

    name: str
    checkpoint: Checkpoint


class Verdict(msgspec.Struct, frozen=True):
    """What looking at a ledger came to."""

    size: int
    """How many entries there are."""
    root: bytes
    """Over those before the first fault; over all where there is none."""
    fault: str = ""
    """What is wrong; empty where all is well."""
    next_step: str = ""
    agreeing: int = 0
    """How many kept checkpoints it was found to continue."""
    vouched: int = 0
    """How many of its entries those vouch for."""
    last_at: int | None = None
    """Instant of the last entry that was read."""


class _Line(msgspec.Struct):
    index: int
    at: int


class Forked(LedgerUnavailable):
    """The ledger is not the one that was published, or no longer all of it: this process writes nothing into it."""

    retry_after_s = None


LOST = (
    "Entries that were published are lost. What is written from here on is a fork: the same indices with other content."
    " Restore to a later point in time. Where that cannot be had, keep this database and the checkpoint, tell your"
    " auditors which entries are lost, and only then go on."
)
FORKED = (
    "It was restored to before that checkpoint and written on, or entries were changed since. Stop every gateway on it,"
    " restore to a point in time after that checkpoint, and keep this database for your auditors: it holds what was"
    " recorded on the fork."
)
TAMPERED = "Stop every gateway on it, keep it for your auditors, and restore the last backup that verifies."


async def verify(
    database: Database, kept: Sequence[Kept] = (), told: Callable[[int, int], None] = lambda *_: None
) -> Verdict:
    """Look at every line. `told` hears how many were looked at so far, and of how many."""
    size, outside = await database.read(_extent, deadline_s=CHUNK_DEADLINE_S)
    reading = _Reading(size, kept)
    if outside is not None:
        return reading.verdict(
            f"There is an entry {outside}, and the ledger says that it ends before {size}.", TAMPERED
        )
    while reading.tree.size < size and not reading.fault:
        first, end = reading.tree.size, min(reading.tree.size + CHUNK, size)
        read = await database.read(partial(rows, first=first, end=end), deadline_s=CHUNK_DEADLINE_S)
        reading.take(read, end)
        told(reading.tree.size, size)
    return reading.ended()


async def continues(database: Database, kept: Sequence[Kept]) -> Verdict:
    """Whether the ledger goes on from every kept checkpoint, by the leaf hashes that it keeps: lines are not read.

    Quick enough for a start.
    """
    size = await database.read(size_of, deadline_s=CHUNK_DEADLINE_S)
    reading = _Reading(size, kept)
    end = min(size, max((each.checkpoint.size for each in kept), default=0))
    while reading.tree.size < end and not reading.fault:
        first, last = reading.tree.size, min(reading.tree.size + CHUNK, end)
        read = await database.read(partial(leaves, first=first, end=last), deadline_s=CHUNK_DEADLINE_S)
        reading.take_leaves(read, last)
    return reading.ended()


class _Reading:
    """A ledger as far as it was read."""

    def __init__(self, size: int, kept: Iterable[Kept]) -> None:
        self.tree = Tree()
        self.fault = self.next_step = ""
        self._size = size
        self._at: int | None = None
        self._awaited: dict[int, list[Kept]] = {}
        for each in kept:
            self._awaited.setdefault(each.checkpoint.size, []).append(each)
        self._agreeing = self._vouched = 0
        self._compare()

    def take(self, read: Sequence[tuple[int, bytes, bytes]], end: int) -> None:
        """Look at these lines, which should be all up to `end`."""
        for index, line, leaf in read:
            if fault := self._fault_of(index, line, leaf):
                return self._found(fault, TAMPERED)
            self.tree.add(leaf)
            self._compare()
            if self.fault:
                return None
        return self._is_complete(end)

    def take_leaves(self, read: Iterable[bytes], end: int) -> None:
        """The same, of leaf hashes alone."""
        for leaf in read:
            self.tree.add(leaf)
            self._compare()
            if self.fault:
                return None
        return self._is_complete(end)

    def ended(self) -> Verdict:
        """What it came to."""
        beyond = [each for size, many in self._awaited.items() if size > self._size for each in many]
        if not self.fault and beyond:
            last = max(beyond, key=lambda each: each.checkpoint.size)
            self._found(
                f"The ledger has {self._size} entries, and the checkpoint {last.name} vouches for"
                f" {last.checkpoint.size}: {last.checkpoint.size - self._size} are missing at its end.",
                LOST,
            )
        return self.verdict(self.fault, self.next_step)

    def verdict(self, fault: str, next_step: str) -> Verdict:
        """What it came to, with this fault."""
        return Verdict(self._size, self.tree.root(), fault, next_step, self._agreeing, self._vouched, self._at)

    def _fault_of(self, index: int, line: bytes, leaf: bytes) -> str:
        place = self.tree.size
        if index != place:
            return f"Entry {place} is missing."
        if sha256(b"\0" + line).digest() != leaf:  # merkle.leaf_hash, without the call
            return f"Entry {place} was changed: its hash is not that of its text."
        try:
            said = _decoder.decode(line)
        except msgspec.DecodeError:
            return f"Entry {place} cannot be read."
        if said.index != place:
            return f"Entry {place} says that it is entry {said.index}: it was put elsewhere."
        if self._at is not None and said.at < self._at:
            return f"Entry {place} is older than the one before it."
        self._at = said.at
        return ""

    def _is_complete(self, end: int) -> None:
        if self.tree.size != end:
            self._found(f"Entry {self.tree.size} is missing.", TAMPERED)

    def _compare(self) -> None:
        awaited = self._awaited.get(self.tree.size)
        if not awaited:
            return
        root = self.tree.root()
        for each in awaited:
            if each.checkpoint.root != root:
                vouched = f", though it agrees with those before, up to {self._vouched}" if self._vouched else ""
                self._found(
                    f"The first {self.tree.size} entries are not those of the checkpoint {each.name}{vouched}: this is"
                    " a fork.",
                    FORKED,
                )
                return
            self._agreeing += 1
            self._vouched = self.tree.size

    def _found(self, fault: str, next_step: str) -> None:
        self.fault, self.next_step = fault, next_step


_decoder = msgspec.json.Decoder(_Line)


def _extent(connection: Connection) -> tuple[int, int | None]:
    """How many entries there are said to be and one beyond, of one state: a gateway may be writing."""
    size = size_of(connection)
    return size, stray(connection, size)
