"""The ledger as it is stored: appending under the head's lock, acts of administration, revisions.

Everybody who appends locks the head row first, then reads what the entries depend on, then writes:
the order of entries is total, their indices are contiguous, and `at` never goes back.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, exc, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.clock import AHEAD_MAX, Instant, Moment
from gateway.database.engine import Database, database_now
from gateway.database.plainly import run_plainly
from gateway.errors import LedgerUnavailable
from gateway.ledger.entries import AdministrativeBody, Draft, Envelope, written
from gateway.ledger.events import Event
from gateway.ledger.rows import Row, RowInsert
from gateway.ledger.tables import entry_table, head_table, revision_table, writer_table

T = TypeVar("T")


class Touch(msgspec.Struct, frozen=True):
    """What an act changed of what may pass."""

    kind: str
    """key, organisation, person, session, token, release or policy."""
    id: str


class Actor(msgspec.Struct, frozen=True):
    """Who administers."""

    key: str
    organisation: str
    token: str = ""
    """Id of the access token that was presented, its issuer, and the client as that issuer names it."""
    issuer: str = ""
    client: str = ""
    person: str = ""
    """Who it is, where it is somebody that signs in, and the id of their session."""
    session: str = ""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One act of administration: what is recorded of it, and what it touches."""

    event: Event
    subject: str
    organisation: str = ""
    key: str = ""
    release: str = ""
    detail: dict[str, str | int | bool | list[str]] = msgspec.field(default_factory=dict)
    touches: tuple[Touch, ...] = ()


class News(NamedTuple):
    """What changed since a revision, and when this was true."""

    revision: int
    touches: tuple[Touch, ...]
    database_now: Instant


class Beat(NamedTuple):
    """What a writer says of itself with each batch."""

    writer: str
    batch: int
    oldest_open: int | None


class Head(NamedTuple):
    """The end of the ledger."""

    size: int
    at: Instant
    revision: int


class Fenced(LedgerUnavailable):
    """This process was declared dead, and what it left open was closed by another."""

    message = "Another process has taken this one for dead; it records nothing more until it is restarted."


_entries = RowInsert("ledger_entry", {"index": "bigint", "leaf_hash": "bytea", "line": "bytea"})
_salts = RowInsert("ledger_salt", {"index": "bigint", "salt": "bytea"})
_revisions = RowInsert("revision", {"number": "bigint", "kind": "varchar", "subject": "varchar"})

_acts = RowInsert(
    "ledger_act",
    {
        "index": "bigint",
        "at": "bigint",
        "event": "varchar",
        "subject": "varchar",
        "organisation": "varchar",
        "release": "varchar",
    },
)

_HEAD = "SELECT size, at, revision FROM ledger_head WHERE id = 1"
_MOVE_HEAD = "UPDATE ledger_head SET size = ?, at = ?, revision = ? WHERE id = 1"
_BEAT = "UPDATE ledger_writer SET batch = ?, oldest_open = ?, heartbeat_at = ? WHERE id = ? AND closed_at IS NULL"
# One round trip: every part of a WITH runs whole, and the count is that of the last.
_PLACE = (
    f"WITH placed AS ({_entries.postgresql}), "  # noqa: S608 - no value is in it
    "head AS (UPDATE ledger_head SET size = $4, at = $5, revision = $6 WHERE id = 1) "
    "UPDATE ledger_writer SET batch = $7, oldest_open = $8, heartbeat_at = $9 WHERE id = $10 AND closed_at IS NULL"
)


class Appending:
    """The end of the ledger, held: locks the head row when made; `place` writes once and is the last to be called."""

    def __init__(self, connection: Connection, process: str, now: Callable[[], Moment]) -> None:
        self._connection = connection
        self.head = locked_head(connection)
        moment = now()
        self.at = max(self.head.at, moment.latest)
        self.ahead_us = self.at - moment.latest
        """How far the record is ahead of the clock."""
        self.metered_at = self.at if self.ahead_us <= AHEAD_MAX else moment.latest
        """When limits are taken: in the record's order, unless a clock that ran ahead has made that stand still."""
        self._envelope = Envelope(self.at, moment.uncertainty, process)

    def place(
        self,
        parts: Sequence[bytes],
        *,
        salts: Sequence[tuple[int, bytes]] = (),
        touches: Iterable[Touch] = (),
        beat: Beat | None = None,
    ) -> None:
        """Write entries from `head.size` on, each made of what `entries.written` gave.

        `salts` name the part they belong to. Raises Fenced when the writer of the beat may no longer write.
        """
        first, revision = self.head.size, self.head.revision
        rows: list[Row] = []
        line_of, add = self._envelope.line, rows.append
        for index, part in enumerate(parts, first):
            line = line_of(part, index)
            add((index, sha256(b"\0" + line).digest(), line))  # merkle.leaf_hash, without the call
        touched = list(dict.fromkeys(touches))
        revisions = [(number, touch.kind, touch.id) for number, touch in enumerate(touched, revision + 1)]
        _revisions.execute(self._connection, revisions)
        _salts.execute(self._connection, [(first + place, salt) for place, salt in salts])
        self._move(rows, Head(first + len(rows), self.at, revision + len(revisions)), beat)

    def _move(self, rows: list[Row], head: Head, beat: Beat | None) -> None:
        if beat is None:
            _entries.execute(self._connection, rows)
            self._connection.execute(update(head_table).values(head._asdict()))
            return
        beating = (beat.batch, beat.oldest_open, self.at, beat.writer)
        if self._connection.dialect.name == "sqlite":
            _entries.execute(self._connection, rows)
            run_plainly(self._connection, _MOVE_HEAD, head)
            beaten = run_plainly(self._connection, _BEAT, beating).rowcount
        else:
            columns = tuple(zip(*rows, strict=True)) if rows else ((), (), ())
            beaten = self._connection.exec_driver_sql(_PLACE, (*columns, *head, *beating)).rowcount
        if beaten != 1:
            raise Fenced


class Ledger:
    """The ledger of one process: where it is, what this process is called in it, and what time it is."""

    def __init__(self, database: Database, now: Callable[[], Moment]) -> None:
        self.database = database
        self.now = now
        self.process = secrets.token_hex(8)

    async def administer(self, actor: Actor, work: Callable[[Connection], tuple[T, Sequence[Act]]]) -> T:
        """Do the work and record its acts in one transaction: both are durable when this returns, or neither is.

        What the work raises is raised. LedgerUnavailable when the database fails: where it stood still
        or the connection was lost, the act may have been done all the same, and then is recorded.
        """

        def transaction(connection: Connection) -> T:
            appending = Appending(connection, self.process, self.now)
            answer, acts = work(connection)
            if acts:
                parts = [written(_draft(actor, act)) for act in acts]
                appending.place(parts, touches=[touch for act in acts for touch in act.touches])
                _list(connection, appending, acts)
            return answer

        try:
            return await self.database.write(transaction)
        except Exception as error:
            if is_outage(error):
                raise LedgerUnavailable from error
            raise

    async def settle(self, instant: Instant) -> None:
        """Make sure that nothing more can come to be recorded at or before an instant that has surely been.

        Entries never go back behind the last one. Where that lies before the instant, whatever is being recorded is
        waited for: what comes after it reads a later clock. Raises LedgerUnavailable.
        """
        try:
            if await self.database.read(_last_at) <= instant:
                await self.database.write(locked_head)
        except Exception as error:
            if is_outage(error):
                raise LedgerUnavailable from error
            raise

    async def news(self, revision: int) -> News:
        """What was touched after this revision; with a negative one, only where the ledger stands.

        Raises LedgerUnavailable when the ledger stands before the revision: an older state was put in its place.
        """

        def since(connection: Connection) -> News:
            now = database_now(connection)
            current = connection.execute(select(head_table.c.revision)).scalar() or 0
            if current < revision:
                raise LedgerUnavailable("The ledger has gone back behind what this process has seen.")
            if revision < 0 or current == revision:
                return News(current, (), now)
            named = select(revision_table.c.kind, revision_table.c.subject).where(
                revision_table.c.number > revision, revision_table.c.number <= current
            )
            rows = connection.execute(named.order_by(revision_table.c.number))
            return News(current, tuple(Touch(kind, subject) for kind, subject in rows), now)

        return await self.database.read(since)


def locked_head(connection: Connection) -> Head:
    """The head, locked until the transaction ends. Made where the ledger is empty."""
    row = _standing_head(connection)
    if row is None:
        has_entries = connection.execute(select(entry_table.c.index).limit(1)).first() is not None
        if has_entries and _standing_head(connection) is None:  # another first start may have come in between
            raise LedgerUnavailable("The ledger has entries and no head: it was tampered with.")
        engine = sqlite if connection.dialect.name == "sqlite" else postgresql
        first = engine.insert(head_table).values(id=1, size=0, at=0, revision=0)
        connection.execute(first.on_conflict_do_nothing())
        row = _standing_head(connection)
        assert row is not None
    return Head(*row)


def _standing_head(connection: Connection) -> Sequence[int] | None:
    if connection.dialect.name == "sqlite":
        row: Sequence[int] | None = run_plainly(connection, _HEAD).fetchone()
        return row
    return connection.exec_driver_sql(f"{_HEAD} FOR UPDATE").first()


def _last_at(connection: Connection) -> Instant:
    return connection.execute(select(head_table.c.at)).scalar() or 0


def size_of(connection: Connection) -> int:
    """How many entries there are."""
    return connection.execute(select(head_table.c.size)).scalar() or 0


def lines(connection: Connection, first: int, end: int) -> list[tuple[int, bytes]]:
    """Lines with their indices, from `first` up to but not including `end`, in order."""
    query = select(entry_table.c.index, entry_table.c.line).where(entry_table.c.index.between(first, end - 1))
    return [(index, line) for index, line in connection.execute(query.order_by(entry_table.c.index))]


def add_writer(connection: Connection, writer: str, at: Instant) -> None:
    """A new writer, alive at this instant."""
    connection.execute(insert(writer_table).values(id=writer, batch=0, oldest_open=None, heartbeat_at=at))


def close_writer(connection: Connection, writer: str, oldest_open: int | None, at: Instant) -> bool:
    """The writer writes no more, and left entries open from `oldest_open` on; False when it was closed before."""
    closed = (
        update(writer_table)
        .where(writer_table.c.id == writer, writer_table.c.closed_at.is_(None))
        .values(oldest_open=oldest_open, closed_at=at)
    )
    return connection.execute(closed).rowcount == 1


def last_batch(connection: Connection, writer: str) -> int:
    """The number of the last batch of this writer that was committed."""
    number: int = connection.execute(select(writer_table.c.batch).where(writer_table.c.id == writer)).scalar_one()
    return number


def is_outage(error: BaseException) -> bool:
    """Whether the database failed, rather than refused what one statement said."""
    if isinstance(error, exc.DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        refused = isinstance(error, exc.DataError | exc.IntegrityError | exc.ProgrammingError) or state.startswith("22")
        # What asyncpg cannot encode is both an InterfaceError and, beneath, a ValueError.
        return not refused and not isinstance(getattr(error.orig, "__cause__", None), ValueError)
    return isinstance(error, exc.TimeoutError | exc.DisconnectionError | OSError | TimeoutError)


def _list(connection: Connection, appending: Appending, acts: Sequence[Act]) -> None:
    """Write when each act was recorded beside the ledger, where it can be asked for."""
    rows: list[Row] = [
        (index, appending.at, act.event.value, act.subject, act.organisation, act.release)
        for index, act in enumerate(acts, appending.head.size)
    ]
    _acts.execute(connection, rows)


def _draft(actor: Actor, act: Act) -> Draft:
    body = AdministrativeBody(
        organisation=act.organisation,
        key=act.key,
        release=act.release,
        actor_key=actor.key,
        actor_organisation=actor.organisation,
        token=actor.token,
        issuer=actor.issuer,
        client=actor.client,
        person=actor.person,
        session=actor.session,
        subject=act.subject,
        detail=act.detail,
    )
    return Draft(f"act_{secrets.token_hex(16)}", act.event, body)
