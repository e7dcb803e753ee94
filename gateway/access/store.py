"""Rows of grants, accepted terms and limits in use, and the queries over them."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    insert,
    select,
    update,
)

from gateway.access.grants import Acceptance, Grant, Holdings
from gateway.access.quotas import Meter
from gateway.clock import Instant
from gateway.database.naming import metadata

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
_limits_of_scopes = select(limit_table).where(limit_table.c.scope.in_(bindparam("scopes", expanding=True)))
_new_limit = insert(limit_table)
_changed_limit = (
    update(limit_table)
    .where(limit_table.c.scope == bindparam("of"))
    .values({name: bindparam(name) for name in ("seconds", "day", "requests", "tokens_used", "tokens_reserved")})
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
    acceptance_rows = connection.execute(
        select(*_ACCEPTANCE_COLUMNS)
        .where(acceptance_table.c.organisation == organisation)
        .order_by(acceptance_table.c.id)
    )
    return Holdings.of(organisation, [Grant(*row) for row in grant_rows], [Acceptance(*row) for row in acceptance_rows])


def meters(connection: Connection, scopes: Iterable[str]) -> dict[str, Meter]:
    """The meters of these scopes that exist; to be read after the ledger's head row is locked."""
    rows = connection.execute(_limits_of_scopes, {"scopes": list(scopes)})
    return {row.scope: Meter.stored(row.seconds, *row[2:]) for row in rows}


def keep_meters(connection: Connection, changed: dict[str, Meter], fresh: Sequence[str]) -> None:
    """Write meters back; those named fresh have no row yet."""
    new = [{"scope": scope, **changed[scope].row()} for scope in fresh]
    old = [{"of": scope, **meter.row()} for scope, meter in changed.items() if scope not in fresh]
    if new:
        connection.execute(_new_limit, new)
    if old:
        connection.execute(_changed_limit, old)


def meters_of_organisation(connection: Connection, organisation: str) -> dict[str, Meter]:
    """Every meter of one organisation, by release."""
    prefix = f"{organisation}:"
    rows = connection.execute(
        select(limit_table).where(limit_table.c.scope >= prefix, limit_table.c.scope < f"{organisation};")
    )
    return {row.scope.removeprefix(prefix): Meter.stored(row.seconds, *row[2:]) for row in rows}
