"""Rows of tokens that were revoked before their end, and of assertions that clients proved themselves with."""

import msgspec
from sqlalchemy import BigInteger, Column, Connection, String, Table, delete, exists, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.clock import MINUTE, Instant
from gateway.database.naming import metadata

revoked_token_table = Table(
    "revoked_token",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("revoked_at", BigInteger, nullable=False),
    Column("revoked_by", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

used_assertion_table = Table(
    "used_assertion",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)


class Revocation(msgspec.Struct, frozen=True):
    """That a token ends before its time."""

    id: str
    revoked_at: Instant
    revoked_by: str
    expires_at: Instant
    """When the token would have ended: from then on nobody needs to know of its revocation."""


def is_revoked(connection: Connection, token_id: str) -> bool:
    """Whether this token was revoked."""
    query = select(exists(select(revoked_token_table.c.id).where(revoked_token_table.c.id == token_id)))
    return bool(connection.execute(query).scalar_one())


def add_revocation(connection: Connection, revocation: Revocation) -> None:
    """Write that a token is revoked; forget those that have surely been over everywhere for a while."""
    over = revoked_token_table.c.expires_at < revocation.revoked_at - MINUTE
    connection.execute(delete(revoked_token_table).where(over))
    connection.execute(insert(revoked_token_table).values(**msgspec.structs.asdict(revocation)))


def use_assertion(connection: Connection, assertion_id: str, expires_at: Instant, now: Instant) -> bool:
    """Take an assertion, once; False where it was used before. Of two that come at once, one wins."""
    connection.execute(delete(used_assertion_table).where(used_assertion_table.c.expires_at < now - MINUTE))
    engine = sqlite if connection.dialect.name == "sqlite" else postgresql
    taken = engine.insert(used_assertion_table).values(id=assertion_id, expires_at=expires_at)
    return connection.execute(taken.on_conflict_do_nothing()).rowcount == 1
