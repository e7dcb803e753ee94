"""Entries on their way into the ledger, and how whoever handed them over learns their fate."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant
from gateway.errors import LedgerUnavailable
from gateway.ledger.entries import Draft
from gateway.ledger.forms import Filled


class Intent(msgspec.Struct, frozen=True):
    """An entry to be, and what it claims from the participant."""

    draft: Draft | Filled
    claim: object | None = None
    """Only the participant reads it."""
    salt: bytes | None = None
    """Of the draft's commitment, to be kept apart from the entry."""


class Verdict(msgspec.Struct, frozen=True):
    """The participant's answer: which entry to append, and what to tell whoever waits."""

    draft: Draft | Filled
    answer: object | None = None


class Receipt(msgspec.Struct, frozen=True):
    """An entry is durable."""

    index: int
    at: Instant
    draft: Draft | Filled
    answer: object | None


Participant = Callable[[Connection, Sequence[Intent], Instant], Sequence[Verdict]]
"""Answers every intent in order, inside the transaction and after the head row is locked."""


class Recorded(asyncio.Future[Receipt]):
    """An intent handed over; done when its fate is known, however long that takes."""

    intent: Intent
    part: bytes
    """What `entries.written` made of the draft."""
    keep: bool = False
    in_short: Callable[[], Intent] | None = None
    """What is written instead where this cannot be, in the fewest words."""
    tries: int = 0
    """Attempts of its own that failed, in these words."""
    waiter: asyncio.Future[Receipt] | None = None
    """Whoever waits with a deadline waits on this one, so that giving up leaves the other alone."""

    @property
    def is_wanted(self) -> bool:
        """Whether it should be written at all: it must be kept, or nobody has given it up."""
        return self.keep or not (self.done() or (self.waiter is not None and self.waiter.done()))

    def succeed(self, receipt: Receipt) -> None:
        """It is durable."""
        if not self.done():
            self.set_result(receipt)
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(receipt)

    def fail(self) -> None:
        """It is not in the ledger and never will be."""
        if not self.done():
            self.set_exception(LedgerUnavailable())
            self.exception()  # marks it as seen: whoever cares waits, nobody has to
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(LedgerUnavailable())
