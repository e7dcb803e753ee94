"""Rows of codes that browsers bring to the command line, of codes that people type, and of tokens that renew.

No code and no token is kept, only its SHA-256. What was used stays until nobody can use it again to any effect, so that
a second use is noticed.
"""

import secrets
from hashlib import sha256

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from gateway.clock import DAY, Instant
from gateway.database.naming import metadata
from gateway.identity.keys import Secret

KEPT = 1 * DAY
"""How long after its end a code is still known, to tell a second use from a guess."""

code_table = Table(
    "authorization_code",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("allowed_in", String(40), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", String(64), nullable=False),
    Column("scope", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger),
    Column("session", String(40)),
)

device_table = Table(
    "device_authorization",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user_code", String(8), unique=True),
    Column("scope", String(64), nullable=False),
    Column("peer", String(64), nullable=False, index=True),
    Column("started_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("denied_at", BigInteger),
    Column("allowed_in", String(40)),
    Column("used_at", BigInteger),
    Column("session", String(40)),
)

refresh_table = Table(
    "refresh_token",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("session", String(40), nullable=False, index=True),
    Column("scope", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger),
)


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A code that a browser brings to a listener on its computer, good for once."""

    digest: str
    allowed_in: str
    """The browser's session, in which a person allowed it."""
    redirect_uri: str
    challenge: str
    scope: str
    expires_at: Instant
    used_at: Instant | None = None
    session: str | None = None
    """The session that came of it."""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A command line that waits for somebody to allow it on another device (RFC 8628)."""

    digest: str
    user_code: str | None
    """None once somebody decided: no code is entered twice."""
    scope: str
    peer: str
    """The address that it asked from."""
    started_at: Instant
    expires_at: Instant
    denied_at: Instant | None = None
    allowed_in: str | None = None
    """The browser's session, in which a person allowed it."""
    used_at: Instant | None = None
    session: str | None = None
    """The session that came of it."""


class RefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """What renews the access tokens of one session, good for once."""

    digest: str
    session: str
    scope: str
    expires_at: Instant
    """When the session does, at the latest."""
    used_at: Instant | None = None


_CODE = [code_table.c[name] for name in Code.__struct_fields__]
_DEVICE = [device_table.c[name] for name in Device.__struct_fields__]
_REFRESH = [refresh_table.c[name] for name in RefreshToken.__struct_fields__]


def mint(prefix: str) -> tuple[Secret, str]:
    """A secret of 256 random bits, told once, and the digest to keep."""
    secret = prefix + secrets.token_urlsafe(32)
    return Secret(secret), digest_of(secret)


def digest_of(secret: str) -> str:
    """What is kept of a secret. Touches nothing but the text, whatever it is."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


# Codes


def add_code(connection: Connection, code: Code, now: Instant) -> None:
    """Write a new code; forget those that ended long ago."""
    connection.execute(delete(code_table).where(code_table.c.expires_at < now - KEPT))
    connection.execute(insert(code_table).values(**msgspec.structs.asdict(code)))


def code_by_digest(connection: Connection, digest: str) -> Code | None:
    """The code, or None."""
    row = connection.execute(select(*_CODE).where(code_table.c.digest == digest)).one_or_none()
    return None if row is None else Code(**row._mapping)


def use_code(connection: Connection, digest: str, used_at: Instant, session: str | None = None) -> None:
    """Mark a code used, and what session came of it."""
    connection.execute(update(code_table).where(code_table.c.digest == digest).values(used_at=used_at, session=session))


# Devices


def add_device(connection: Connection, device: Device, now: Instant) -> None:
    """Write that a command line waits; forget those that ended long ago."""
    connection.execute(delete(device_table).where(device_table.c.expires_at < now - KEPT))
    connection.execute(insert(device_table).values(**msgspec.structs.asdict(device)))


def devices_waiting(connection: Connection, now: Instant, peer: str | None = None) -> int:
    """How many wait, of all or of one address."""
    query = select(func.count()).select_from(device_table).where(*_waits(now))
    if peer is not None:
        query = query.where(device_table.c.peer == peer)
    return int(connection.execute(query).scalar_one())


def device_by_digest(connection: Connection, digest: str) -> Device | None:
    """The device, or None."""
    return _device(connection, device_table.c.digest == digest)


def device_waiting(connection: Connection, user_code: str, now: Instant) -> Device | None:
    """The device that waits for this code to be entered, or None."""
    return _device(connection, device_table.c.user_code == user_code, *_waits(now))


def is_user_code_taken(connection: Connection, user_code: str) -> bool:
    """Whether a row has this code, be it over or not."""
    return _device(connection, device_table.c.user_code == user_code) is not None


def decide_device(connection: Connection, digest: str, *, allowed_in: str | None, denied_at: Instant | None) -> bool:
    """Write what somebody decided; False where somebody had before."""
    undecided = device_table.c.digest == digest, device_table.c.user_code.is_not(None)
    decided = update(device_table).where(*undecided)
    return connection.execute(decided.values(user_code=None, allowed_in=allowed_in, denied_at=denied_at)).rowcount == 1


def use_device(connection: Connection, digest: str, used_at: Instant, session: str | None = None) -> None:
    """Mark a device's code used, and what session came of it."""
    used = update(device_table).where(device_table.c.digest == digest)
    connection.execute(used.values(used_at=used_at, session=session))


def _waits(now: Instant) -> tuple[ColumnElement[bool], ...]:
    return device_table.c.user_code.is_not(None), device_table.c.expires_at > now


def _device(connection: Connection, *where: ColumnElement[bool]) -> Device | None:
    row = connection.execute(select(*_DEVICE).where(*where)).one_or_none()
    return None if row is None else Device(**row._mapping)


# Tokens that renew


def add_refresh_token(connection: Connection, token: RefreshToken, now: Instant) -> None:
    """Write a new one; forget those whose session ended long ago."""
    connection.execute(delete(refresh_table).where(refresh_table.c.expires_at < now - KEPT))
    connection.execute(insert(refresh_table).values(**msgspec.structs.asdict(token)))


def refresh_token(connection: Connection, digest: str) -> RefreshToken | None:
    """The token, or None."""
    row = connection.execute(select(*_REFRESH).where(refresh_table.c.digest == digest)).one_or_none()
    return None if row is None else RefreshToken(**row._mapping)


def use_refresh_token(connection: Connection, digest: str, used_at: Instant) -> None:
    """Mark one used."""
    connection.execute(update(refresh_table).where(refresh_table.c.digest == digest).values(used_at=used_at))
