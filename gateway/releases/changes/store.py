"""Rows of changes and of the approvals they were given, and the queries over them.

What was planned is written once; only how far it has come is written again, and only over what was read. An
approval that is void makes way for the next one of its key; the ledger has both.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from gateway.clock import Instant
from gateway.database.naming import metadata
from gateway.errors import Unavailable
from gateway.releases.changes.change import OPEN, Approval, Base, Change, ChangeState
from gateway.releases.strategies import Strategy, digest_of

change_table = Table(
    "release_change",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("release", String(200), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("file", LargeBinary, nullable=False),
    Column("strategy", LargeBinary, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("base_number", Integer, nullable=False),
    Column("base_digest", String(80), nullable=False),
    Column("policy", String(80), nullable=False),
    Column("adopt", Boolean, nullable=False),
    Column("author", String(64), nullable=False),
    Column("planned_at", BigInteger, nullable=False),
    Column("planned_surely_at", BigInteger, nullable=False),
    Column("acts", Integer, nullable=False),
    Column("closed_at", BigInteger),
    Column("closed_by", String(64), nullable=False),
    Column("cause", Text, nullable=False),
    Column("review_by", BigInteger),
)

approval_table = Table(
    "change_approval",
    metadata,
    Column("change", String(40), ForeignKey("release_change.id"), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("given_at", BigInteger, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("after", Boolean, nullable=False),
    Column("grounds", String(80), nullable=False, server_default=""),
)

_PROGRESS = ("state", "acts", "closed_at", "closed_by", "cause", "review_by")
"""All that is ever written again."""


def add_change(connection: Connection, change: Change) -> None:
    """Write a new change, which nobody has approved."""
    alike = {column.name for column in change_table.c} - {"strategy", "state", "base_number", "base_digest"}
    row = {name: getattr(change, name) for name in alike}
    row |= {"strategy": change.strategy.canonical(), "state": change.state.value}
    row |= {"base_number": change.base.number, "base_digest": change.base.digest}
    connection.execute(insert(change_table).values(**row))


def move_change(connection: Connection, change: Change, acts: int) -> bool:
    """Write how far a change has come, where it was acted on just so often; False where somebody was faster."""
    progress = {name: getattr(change, name) for name in _PROGRESS} | {"state": change.state.value}
    moved = connection.execute(
        update(change_table).where(change_table.c.id == change.id, change_table.c.acts == acts).values(**progress)
    )
    return moved.rowcount == 1


def add_approval(connection: Connection, change: str, approval: Approval) -> None:
    """Write an approval; a key gives one change one only, and a new one in place of one that is void."""
    given = approval_table.c
    connection.execute(delete(approval_table).where(given.change == change, given.key == approval.key))
    connection.execute(insert(approval_table).values(change=change, **msgspec.structs.asdict(approval)))


def remove_approval(connection: Connection, change: str, key: str) -> None:
    """Take an approval back."""
    given = approval_table.c
    connection.execute(delete(approval_table).where(given.change == change, given.key == key))


def open_changes_approved_by(connection: Connection, keys: Iterable[str]) -> list[Change]:
    """Changes not yet decided that were approved by any of these, in order of id."""
    given = select(approval_table.c.change).where(approval_table.c.key.in_(list(keys)))
    is_open = change_table.c.state.in_([state.value for state in OPEN])
    query = select(change_table).where(is_open, change_table.c.id.in_(given)).order_by(change_table.c.id)
    return _changes(connection, connection.execute(query))


def change_by_id(connection: Connection, change: str) -> Change | None:
    """The change, or None."""
    found = _changes(connection, connection.execute(select(change_table).where(change_table.c.id == change)))
    return found[0] if found else None


def changes(
    connection: Connection, *, release: str, state: ChangeState | None, before: str, limit: int
) -> list[Change]:
    """Changes from the newest backwards, from before the one with an id; no release and no state leave that open.

    Ids begin with the instant of planning, so that their order is that of time.
    """
    query = select(change_table)
    if release:
        query = query.where(change_table.c.release == release)
    if state is not None:
        query = query.where(change_table.c.state == state.value)
    if before:
        query = query.where(change_table.c.id < before)
    return _changes(connection, connection.execute(query.order_by(change_table.c.id.desc()).limit(limit)))


def undecided(connection: Connection) -> list[tuple[str, Base, str, Instant]]:
    """Release, base, policies and instant of planning of each change that nobody has decided, the oldest first."""
    told = (*(change_table.c[name] for name in ("release", "base_number", "base_digest", "policy", "planned_at")),)
    query = select(*told).where(change_table.c.state == ChangeState.PLANNED.value).order_by(change_table.c.planned_at)
    return [
        (row.release, Base(row.base_number, row.base_digest), row.policy, row.planned_at)
        for row in connection.execute(query)
    ]


def _changes(connection: Connection, found: Iterable[Row[Any]]) -> list[Change]:
    rows = list(found)
    given = select(approval_table).where(approval_table.c.change.in_([row.id for row in rows]))
    approvals: dict[str, list[Approval]] = {}
    for change, *approval in connection.execute(given.order_by(approval_table.c.given_at, approval_table.c.key)):
        approvals.setdefault(change, []).append(Approval(*approval))
    return [_change(row, tuple(approvals.get(row.id, ()))) for row in rows]


def _change(row: Row[Any], approvals: tuple[Approval, ...]) -> Change:
    change = Change(
        id=row.id,
        release=row.release,
        state=ChangeState(row.state),
        file=row.file,
        strategy=Strategy.read(row.strategy),
        base=Base(row.base_number, row.base_digest),
        policy=row.policy,
        adopt=bool(row.adopt),
        author=row.author,
        planned_at=row.planned_at,
        planned_surely_at=row.planned_surely_at,
        acts=row.acts,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        cause=row.cause,
        review_by=row.review_by,
        approvals=approvals,
    )
    if digest_of(row.strategy) != change.strategy.digest() or change.digest != row.digest:
        raise Unavailable(
            f"A change is not stored as it was planned: what stands there does not have the digest {row.digest}.",
            next_step="Restore the database from a backup; the ledger names every digest that was planned.",
        )
    return change
