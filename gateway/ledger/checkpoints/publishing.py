"""Signing what the ledger is now, for whoever keeps it elsewhere."""

import asyncio
from functools import partial

from gateway.database.engine import Readable
from gateway.errors import LedgerUnavailable
from gateway.ledger.checkpoints import notes
from gateway.ledger.checkpoints.checkpoint import Checkpoint, origin_of, verifiers_of
from gateway.ledger.checkpoints.store import CHUNK, leaves
from gateway.ledger.merkle import Tree
from gateway.ledger.signing import SigningKey
from gateway.ledger.store import size_of


class Checkpoints:
    """Signs what the ledger is now. Entries once taken in are never read again, so one that changed is never signed."""

    def __init__(self, database: Readable, key: SigningKey) -> None:
        self._database = database
        self._key = key
        self._tree = Tree()
        self._one_at_a_time = asyncio.Lock()
        self.verifiers = verifiers_of(key)

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
            checkpoint = Checkpoint(origin_of(self._key), size, self._tree.root())
        return checkpoint, notes.signed(checkpoint.text(), checkpoint.origin, self._key)

    def _take(self, read: list[bytes], end: int) -> None:
        if self._tree.size + len(read) != end:
            raise LedgerUnavailable("The ledger lacks entries before its end: it was tampered with.")
        for leaf in read:
            self._tree.add(leaf)
