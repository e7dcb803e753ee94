"""One batch: what is written in one transaction, how, and what follows where that failed."""

from collections.abc import Mapping
from enum import Enum, auto
from itertools import chain

from sqlalchemy import Connection, exc

from gateway.errors import Unavailable
from gateway.ledger.events import Event
from gateway.ledger.intents import Participant, Receipt, Recorded
from gateway.ledger.store import Appending, Beat, Fenced, is_outage

CONFLICTS_MAX = 5
"""So often in a row another writer may have come first; after that, an entry of the batch itself is at fault."""


class Batch:
    """One transaction's worth of intents and, once it has run, what comes of them if it is committed."""

    __slots__ = ("closed", "number", "opened", "receipts", "recorded")

    def __init__(self, number: int, recorded: list[Recorded]) -> None:
        self.number = number
        self.recorded = recorded
        self.receipts: list[Receipt] | None = None
        """Set when everything is written and only the commit is left."""
        self.opened: dict[str, int] = {}
        """Calls admitted in it, by id, with their indices."""
        self.closed: set[str] = set()
        """Calls finished in it, by id of their admission."""

    def append(
        self,
        connection: Connection,
        appending: Appending,
        participant: Participant,
        process: str,
        still_open: Mapping[str, int],
    ) -> None:
        """Let the participant answer each intent, and write the entries, the head and the writer's row."""
        intents = [recorded.intent for recorded in self.recorded]
        verdicts = participant(connection, intents, appending.metered_at) if intents else ()
        at, index = appending.at, appending.head.size
        parts: list[bytes] = []
        salts: list[tuple[int, bytes]] = []
        receipts: list[Receipt] = []
        for recorded, verdict in zip(self.recorded, verdicts, strict=True):
            draft, intent = verdict.draft, recorded.intent
            if intent.salt is not None:
                salts.append((len(parts), intent.salt))
            parts.append(recorded.part if draft is intent.draft else draft.written())
            if draft.event is Event.ACCESS_ADMITTED:
                self.opened[draft.id] = index
            elif closes := draft.closes:
                self.closed.add(closes)
            receipts.append(Receipt(index, at, draft, verdict.answer))
            index += 1
        appending.place(parts, salts=salts, beat=Beat(process, self.number, self._oldest_open(still_open)))
        self.receipts = receipts

    def _oldest_open(self, still_open: Mapping[str, int]) -> int | None:
        """The first call still open once this batch is committed."""
        calls = chain(still_open.items(), self.opened.items())
        return next((index for call, index in calls if call not in self.closed), None)


class Fate(Enum):
    """What follows from a failure."""

    UNSURE = auto()
    """It may have been committed."""
    FENCED = auto()
    """This writer may write nothing more."""
    DATABASE = auto()
    """The database failed, and no intent is to blame."""
    DIVIDE = auto()
    """One of its intents is at fault."""
    ALONE = auto()
    """Its only intent is at fault."""


def fate_of(batch: Batch, error: Exception, failures: int) -> Fate:
    """What follows, after so many failures in a row before this one."""
    if batch.receipts is not None or isinstance(error, TimeoutError):
        return Fate.UNSURE
    if isinstance(error, Fenced):
        return Fate.FENCED
    is_suspect = len(batch.recorded) == 1 and batch.recorded[0].tries > 0
    conflicts = isinstance(error, exc.IntegrityError) and failures < CONFLICTS_MAX and not is_suspect
    if not batch.recorded or conflicts or isinstance(error, Unavailable) or is_outage(error):
        return Fate.DATABASE
    return Fate.DIVIDE if len(batch.recorded) > 1 else Fate.ALONE
