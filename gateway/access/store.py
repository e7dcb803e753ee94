"""Rows of grants, accepted terms and limits in use, and the queries over them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from gateway.access.concurrences.store import concurrences
from gateway.access.grants import Acceptance, Grant, Holdings
from gateway.access.quotas import Meter
from gateway.clock import Instant
from gateway.database.naming import metadata
from gateway.database.plainly import run_plainly
from gateway.ledger.rows import RowInsert

grant_table = Table(
    "access_grant",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("organisation", String(64), nullable=False, index=True),
    Column("release", String(200), nullable=False, index=True),
    Column("given_at", BigInteger, nullable=False),
    Column("given_by", String(64), nullable=False),
    Column("authority", Text, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("revoked_cause", Text),
    Column("request", Text, nullable=False),
    Column("terms", Text, nullable=False),
    Column("paused_at", BigInteger),
    Column("paused_cause", Text, nullable=False),
    Column("superseded_at", BigInteger),
    Column("superseded_by", Text, nullable=False),
    Column("recertify_by", BigInteger, index=True),
    Column("recertify_every", BigInteger),
    Column("recertification_noted", BigInteger),
    Column("admitted_at", BigInteger),
)

acceptance_table = Table(
    "terms_acceptance",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("organisation", String(64), nullable=False),
    Column("release", String(200), nullable=False),
    Column("name", String(64), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("accepted_by", String(64), nullable=False),
    UniqueConstraint("organisation", "release", "digest"),
)

limit_table = Table(
    "limit_use",
    metadata,
    Column("scope", String(300), primary_key=True),
    Column("seconds", LargeBinary, nullable=False),
    Column("day", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("tokens_used", BigInteger, nullable=False),
    Column("tokens_reserved", BigInteger, nullable=False),
)

_GRANT_COLUMNS = [grant_table.c[name] for name in Grant.__struct_fields__]
_ACCEPTANCE_COLUMNS = [acceptance_table.c[name] for name in Acceptance.__struct_fields__]
_LIMITS = "SELECT scope, seconds, day, requests, tokens_used, tokens_reserved FROM limit_use WHERE scope "
_limits_written = RowInsert(
    "limit_use",
    {
        "scope": "varchar",
        "seconds": "bytea",
        "day": "bigint",
        "requests": "bigint",
        "tokens_used": "bigint",
        "tokens_reserved": "bigint",
    },
    suffix="ON CONFLICT (scope) DO UPDATE SET seconds = excluded.seconds, day = excluded.day, "
    "requests = excluded.requests, tokens_used = excluded.tokens_used, tokens_reserved = excluded.tokens_reserved",
)


def add_grant(connection: Connection, grant: Grant) -> None:
    """Write a new grant."""
    connection.execute(insert(grant_table).values(**msgspec.structs.asdict(grant)))


def grant_by_id(connection: Connection, grant_id: str) -> Grant | None:
    """The grant, or None."""
    row = connection.execute(select(*_GRANT_COLUMNS).where(grant_table.c.id == grant_id)).one_or_none()
    return None if row is None else Grant(*row)


def end_grant(connection: Connection, grant_id: str, revoked_at: Instant, cause: str) -> bool:
    """Mark a grant revoked; False when it already was, or never existed."""
    ended = connection.execute(
        update(grant_table)
        .where(grant_table.c.id == grant_id, grant_table.c.revoked_at.is_(None))
        .values(revoked_at=revoked_at, revoked_cause=cause)
    )
    return ended.rowcount == 1


def change_grant(connection: Connection, grant: Grant, held: Grant) -> bool:
    """Write what has become of a grant over what was read of it; False where somebody was faster."""
    was, becomes = msgspec.structs.asdict(held), msgspec.structs.asdict(grant)
    changed = {name: value for name, value in becomes.items() if value != was[name]}
    same = [grant_table.c[name].is_not_distinct_from(was[name]) for name in changed]
    lasts = grant_table.c.revoked_at.is_(None)
    # Its own id, since what is reviewed and left as it is changes nothing: SQL has no way to say that.
    written = update(grant_table).where(grant_table.c.id == grant.id, lasts, *same).values(id=grant.id, **changed)
    return connection.execute(written).rowcount == 1


def grants_held(connection: Connection, organisation: str, release: str) -> list[Grant]:
    """Every grant of an organisation for a release, in order of id."""
    held = grant_table.c.organisation == organisation, grant_table.c.release == release
    return [Grant(*row) for row in connection.execute(select(*_GRANT_COLUMNS).where(*held).order_by(grant_table.c.id))]


def grants_to_note(connection: Connection, instant: Instant, limit: int) -> list[Grant]:
    """Grants that last, that somebody had to look at again by an instant, and of which nobody has noted that yet."""
    query = select(*_GRANT_COLUMNS).where(_overdue(instant), grant_table.c.recertification_noted.is_(None))
    return [Grant(*row) for row in connection.execute(query.order_by(grant_table.c.recertify_by).limit(limit))]


def count_overdue(connection: Connection, instant: Instant) -> int:
    """How many grants last and admit nobody, because nobody has looked at them again in time."""
    counted = select(func.count()).select_from(grant_table).where(_overdue(instant))
    return int(connection.execute(counted).scalar_one())


def _overdue(instant: Instant) -> ColumnElement[bool]:
    held = grant_table.c
    ended = or_(held.revoked_at.is_not(None), held.superseded_at.is_not(None), held.ends_at <= instant)
    return and_(held.recertify_by <= instant, not_(ended))


def grants(connection: Connection, *, organisation: str, release: str, after: str, limit: int) -> list[Grant]:
    """Grants in order of id, after the given one; an empty organisation or release leaves that open."""
    query = select(*_GRANT_COLUMNS).where(grant_table.c.id > after).order_by(grant_table.c.id).limit(limit)
    if organisation:
        query = query.where(grant_table.c.organisation == organisation)
    if release:
        query = query.where(grant_table.c.release == release)
    return [Grant(*row) for row in connection.execute(query)]


def accept_terms(connection: Connection, acceptance: Acceptance) -> bool:
    """Write an acceptance; False when this text was already accepted for this release."""
    held = connection.execute(
        select(acceptance_table.c.id).where(
            acceptance_table.c.organisation == acceptance.organisation,
            acceptance_table.c.release == acceptance.release,
            acceptance_table.c.digest == acceptance.digest,
        )
    ).first()
    if held is not None:
        return False
    connection.execute(insert(acceptance_table).values(**msgspec.structs.asdict(acceptance)))
    return True


def holdings(connection: Connection, organisation: str) -> Holdings:
    """Everything the gate needs to know of one organisation beside its keys."""
    grant_rows = connection.execute(
        select(*_GRANT_COLUMNS).where(grant_table.c.organisation == organisation).order_by(grant_table.c.id)
    )
    return Holdings.of(
        organisation,
        [Grant(*row) for row in grant_rows],
        acceptances(connection, organisation),
        concurrences(connection, organisation=organisation),
    )


def acceptances(connection: Connection, organisation: str) -> list[Acceptance]:
    """Every text that an organisation accepted."""
    query = select(*_ACCEPTANCE_COLUMNS).where(acceptance_table.c.organisation == organisation)
    return [Acceptance(*row) for row in connection.execute(query.order_by(acceptance_table.c.id))]


def meters(connection: Connection, scopes: Sequence[str]) -> dict[str, Meter]:
    """The meters of these scopes, new ones where there are none; to be read after the ledger's head row is locked.

    In the driver's own words, like what is written with it: this is asked with every batch of calls.
    """
    if connection.dialect.name == "sqlite":
        statement = f"{_LIMITS} IN ({', '.join('?' * len(scopes))})"
        rows: Iterable[Sequence[Any]] = run_plainly(connection, statement, scopes)
    else:
        rows = connection.exec_driver_sql(f"{_LIMITS} = ANY($1::varchar[])", (list(scopes),))
    found = {scope: Meter.stored(*stored) for scope, *stored in rows}
    return {scope: found.get(scope) or Meter() for scope in scopes}


def keep_meters(connection: Connection, changed: Mapping[str, Meter]) -> None:
    """Write meters back."""
    _limits_written.execute(connection, [(scope, *meter.row()) for scope, meter in changed.items()])


def meters_of_organisation(connection: Connection, organisation: str) -> dict[str, Meter]:
    """Every meter of one organisation, by release."""
    prefix = f"{organisation}:"
    rows = connection.execute(
        select(limit_table).where(limit_table.c.scope >= prefix, limit_table.c.scope < f"{organisation};")
    )
    return {scope.removeprefix(prefix): Meter.stored(*stored) for scope, *stored in rows}
