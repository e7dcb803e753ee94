"""Checkpoints: what the ledger was at a size, signed, to be kept by others than who runs it.

C2SP tlog-checkpoint, https://c2sp.org/tlog-checkpoint: three lines (origin, size, root) in a signed note. Whoever
kept one can tell whether the ledger still says what it said then, and goes on from there.
"""

import asyncio
import re
from base64 import b64decode, b64encode
from functools import partial

import msgspec
from sqlalchemy import Connection, select

from gateway.database.engine import Readable
from gateway.errors import Invalid, LedgerUnavailable
from gateway.ledger import notes
from gateway.ledger.merkle import Tree
from gateway.ledger.notes import Verifier
from gateway.ledger.signing import SigningKey
from gateway.ledger.store import size_of
from gateway.ledger.tables import entry_table

CHUNK = 10_000
"""Leaf hashes read in one transaction."""

_TEXT = re.compile(r"([^\n]{1,200})\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n")


class Checkpoint(msgspec.Struct, frozen=True):
    """The ledger at one size."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed of it."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def origin_of(key: SigningKey) -> str:
    """The ledger's name, for ever: one key signs one ledger, so it is named by its key."""
    return f"release-gateway/{key.id}"


def verifier_of(key: SigningKey) -> Verifier:
    """By what others verify checkpoints of this key's ledger."""
    return Verifier(origin_of(key), key.public)


def checkpoint_from(note: bytes, verifier: Verifier) -> Checkpoint:
    """The checkpoint that a note is, signed by whom the verifier says. Raises Invalid."""
    matched = _TEXT.fullmatch(notes.opened(note, verifier))
    if matched is None or matched[1] != verifier.name:
        raise Invalid("It is signed and no checkpoint of that ledger: three lines, its origin, size and root.")
    return Checkpoint(matched[1], int(matched[2]), b64decode(matched[3]))


class Checkpoints:
    """Signs what the ledger is now. Entries once taken in are never read again, so one that changed is never signed."""

    def __init__(self, database: Readable, key: SigningKey) -> None:
        self._database = database
        self._key = key
        self._tree = Tree()
        self._one_at_a_time = asyncio.Lock()
        self.verifier = verifier_of(key)

    async def now(self) -> tuple[Checkpoint, str]:
        """The ledger as it stands, and the signed note of it. Raises LedgerUnavailable where it has gone back."""
        async with self._one_at_a_time:
            size = await self._database.read(size_of)
            if size < self._tree.size:
                raise LedgerUnavailable("The ledger has gone back behind what this process has signed.")
            while self._tree.size < size:
                first, end = self._tree.size, min(self._tree.size + CHUNK, size)
                read = await self._database.read(partial(leaves, first=first, end=end))
                await asyncio.to_thread(self._take, read, end)
            checkpoint = Checkpoint(self.verifier.name, size, self._tree.root())
        return checkpoint, notes.signed(checkpoint.text(), checkpoint.origin, self._key)

    def _take(self, read: list[bytes], end: int) -> None:
        if self._tree.size + len(read) != end:
            raise LedgerUnavailable("The ledger lacks entries before its end: it was tampered with.")
        for leaf in read:
            self._tree.add(leaf)


def leaves(connection: Connection, first: int, end: int) -> list[bytes]:
    """Stored leaf hashes from `first` up to but not including `end`, in order."""
    query = select(entry_table.c.leaf_hash).where(entry_table.c.index.between(first, end - 1))
    return list(connection.execute(query.order_by(entry_table.c.index)).scalars())
