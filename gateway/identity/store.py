"""Rows of organisations, assertions and keys, and the queries over them."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    and_,
    bindparam,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    update,
)

from gateway.clock import Instant
from gateway.database.naming import metadata
from gateway.identity.callers import Assertion, Role
from gateway.identity.keyring import Key, SignedKey
from gateway.identity.organisations import Organisation, Profile

organisation_table = Table(
    "organisation",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("disabled_at", BigInteger),
    Column("disabled_cause", Text),
)

assertion_table = Table(
    "assertion",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("organisation", String(64), ForeignKey("organisation.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("assurance", Integer, nullable=False),
    Column("asserted_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("asserted_by", String(64), nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_cause", Text),
    Index("ix_assertion_organisation_name", "organisation", "name"),
)

key_table = Table(
    "api_key",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("organisation", String(64), ForeignKey("organisation.id"), nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("roles", LargeBinary, nullable=False),
    Column("scopes", LargeBinary),
    Column("networks", LargeBinary),
    Column("issued_at", BigInteger, nullable=False),
    Column("issued_by", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("rotated_from", String(12)),
    Column("revoked_at", BigInteger),
    Column("revoked_cause", Text),
    Column("last_used_at", BigInteger),
    Column("digest", LargeBinary, nullable=False),
    Column("pepper", String(16), nullable=False),
    Column("is_client", Boolean, nullable=False, server_default=false()),
    Column("public_keys", LargeBinary),
    Column("person", String(40), index=True),
    Column("is_break_glass", Boolean, nullable=False, server_default=false()),
)

_ORGANISATION_COLUMNS = [organisation_table.c[name] for name in Organisation.__struct_fields__]
_ASSERTION_COLUMNS = [assertion_table.c[name] for name in Assertion.__struct_fields__]
_KEY_COLUMNS = [key_table.c[name] for name in Key.__struct_fields__]

_encode = msgspec.json.encode
read_value = msgspec.json.Decoder(str | int | bool | tuple[str, ...]).decode
_decode_roles = msgspec.json.Decoder(tuple[Role, ...]).decode
_decode_names = msgspec.json.Decoder(tuple[str, ...]).decode

_used_later = (
    update(key_table)
    .where(
        key_table.c.id == bindparam("of"),
        or_(key_table.c.last_used_at.is_(None), key_table.c.last_used_at < bindparam("used_at")),
    )
    .values(last_used_at=bindparam("used_at"))
)


def add_organisation(connection: Connection, organisation: Organisation) -> None:
    """Write a new organisation."""
    connection.execute(insert(organisation_table).values(**msgspec.structs.asdict(organisation)))


def organisation_by_id(connection: Connection, organisation: str) -> Organisation | None:
    """The organisation, or None."""
    query = select(*_ORGANISATION_COLUMNS).where(organisation_table.c.id == organisation)
    row = connection.execute(query).one_or_none()
    return None if row is None else Organisation(*row)


def organisations(connection: Connection, *, only: str, after: str, limit: int) -> list[Organisation]:
    """Organisations in order of id, after the given one; an empty `only` leaves open which."""
    query = select(*_ORGANISATION_COLUMNS).where(organisation_table.c.id > after)
    if only:
        query = query.where(organisation_table.c.id == only)
    return [Organisation(*row) for row in connection.execute(query.order_by(organisation_table.c.id).limit(limit))]


def end_organisation(connection: Connection, organisation: str, disabled_at: Instant, cause: str) -> None:
    """Mark an organisation disabled."""
    connection.execute(
        update(organisation_table)
        .where(organisation_table.c.id == organisation)
        .values(disabled_at=disabled_at, disabled_cause=cause)
    )


def disabled_among(connection: Connection, organisations: Iterable[str]) -> frozenset[str]:
    """Which of these organisations are disabled."""
    query = select(organisation_table.c.id).where(
        organisation_table.c.id.in_(list(organisations)), organisation_table.c.disabled_at.is_not(None)
    )
    return frozenset(connection.execute(query).scalars())


def add_assertion(connection: Connection, organisation: str, assertion: Assertion, asserted_by: str) -> None:
    """Write a new assertion; `asserted_by` is the public id of a key."""
    columns = msgspec.structs.asdict(assertion) | {"value": _encode(assertion.value)}
    connection.execute(insert(assertion_table).values(organisation=organisation, asserted_by=asserted_by, **columns))


def assertions(
    connection: Connection, organisation: str, *, withdrawn_too: Iterable[str] = ()
) -> tuple[Assertion, ...]:
    """The assertions of an organisation that were not withdrawn, or are named, in order of name and id."""
    named = list(withdrawn_too)
    stands = [assertion_table.c.withdrawn_at.is_(None), *([assertion_table.c.id.in_(named)] if named else [])]
    query = select(*_ASSERTION_COLUMNS).where(assertion_table.c.organisation == organisation, or_(*stands))
    rows = connection.execute(query.order_by(assertion_table.c.name, assertion_table.c.id))
    return tuple(Assertion(id_, name, read_value(value), *rest) for id_, name, value, *rest in rows)


def withdraw_assertion(connection: Connection, assertion_id: str, withdrawn_at: Instant, cause: str) -> None:
    """Mark an assertion withdrawn."""
    connection.execute(
        update(assertion_table)
        .where(assertion_table.c.id == assertion_id)
        .values(withdrawn_at=withdrawn_at, withdrawn_cause=cause)
    )


def profile(connection: Connection, organisation: str) -> Profile | None:
    """What keys need to know of their organisation, or None where there is none."""
    found = organisation_by_id(connection, organisation)
    if found is None:
        return None
    return Profile(found.disabled_at is not None, assertions(connection, organisation))


def add_key(connection: Connection, signed: SignedKey) -> None:
    """Write a new key."""
    key = signed.key
    columns = msgspec.structs.asdict(key) | {
        "roles": _encode(key.roles),
        "scopes": None if key.scopes is None else _encode(key.scopes),
        "networks": None if key.networks is None else _encode(key.networks),
    }
    connection.execute(insert(key_table).values(digest=signed.digest, **columns))


def key_by_id(connection: Connection, key_id: str) -> Key | None:
    """The key, or None."""
    row = connection.execute(select(*_KEY_COLUMNS).where(key_table.c.id == key_id)).one_or_none()
    return None if row is None else _key(row)


def signed_key(connection: Connection, key_id: str) -> SignedKey | None:
    """The key with what verifies it, or None."""
    query = select(*_KEY_COLUMNS, key_table.c.digest).where(key_table.c.id == key_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else SignedKey(_key(row[:-1]), row.digest)


def keys(connection: Connection, *, organisation: str, after: str, limit: int, clients_only: bool = False) -> list[Key]:
    """Keys in order of id, after the given one; an empty organisation leaves that open."""
    query = select(*_KEY_COLUMNS).where(key_table.c.id > after)
    if organisation:
        query = query.where(key_table.c.organisation == organisation)
    if clients_only:
        query = query.where(key_table.c.is_client)
    return [_key(row) for row in connection.execute(query.order_by(key_table.c.id).limit(limit))]


def standing_keys(connection: Connection, organisation: str, moment: Instant) -> list[Key]:
    """Keys of an organisation that neither were revoked nor have expired by this instant."""
    query = select(*_KEY_COLUMNS).where(
        key_table.c.organisation == organisation,
        key_table.c.revoked_at.is_(None),
        key_table.c.expires_at > moment,
    )
    return [_key(row) for row in connection.execute(query)]


def standing_keys_of(connection: Connection, person: str) -> list[Key]:
    """Keys of a person's own that were not revoked; time may have ended some."""
    query = select(*_KEY_COLUMNS).where(key_table.c.person == person, key_table.c.revoked_at.is_(None))
    return [_key(row) for row in connection.execute(query.order_by(key_table.c.id))]


def keys_ever_of(connection: Connection, person: str) -> list[str]:
    """Ids of all keys that ever were a person's own."""
    query = select(key_table.c.id).where(key_table.c.person == person)
    return list(connection.execute(query.order_by(key_table.c.id)).scalars())


def successor(connection: Connection, key: Key) -> str | None:
    """Id of the key that succeeds this one and was not revoked, or None."""
    query = select(key_table.c.id).where(
        key_table.c.organisation == key.organisation,
        key_table.c.rotated_from == key.id,
        key_table.c.revoked_at.is_(None),
    )
    return connection.execute(query).scalars().first()


def end_key(connection: Connection, key_id: str, revoked_at: Instant, cause: str) -> None:
    """Mark a key revoked."""
    connection.execute(
        update(key_table).where(key_table.c.id == key_id).values(revoked_at=revoked_at, revoked_cause=cause)
    )


def exchange_public_keys(connection: Connection, key_id: str, public_keys: bytes) -> None:
    """Let a client be proven by these keys."""
    connection.execute(update(key_table).where(key_table.c.id == key_id).values(public_keys=public_keys))


def shorten_key(connection: Connection, key_id: str, expires_at: Instant) -> None:
    """Let a key end at another instant."""
    connection.execute(update(key_table).where(key_table.c.id == key_id).values(expires_at=expires_at))


def note_uses(connection: Connection, uses: Iterable[tuple[str, Instant]]) -> None:
    """Write when keys were last used; an instant never goes back. The order must be that of ids, against deadlocks."""
    connection.execute(_used_later, [{"of": key_id, "used_at": used_at} for key_id, used_at in uses])


def is_empty(connection: Connection) -> bool:
    """Whether nobody was ever entered here."""
    return not connection.execute(select(exists(select(organisation_table.c.id)))).scalar_one()


def has_key_under(connection: Connection, peppers: Iterable[str]) -> bool:
    """Whether any key was signed under one of these peppers."""
    return bool(
        connection.execute(
            select(exists(select(key_table.c.id).where(key_table.c.pepper.in_(list(peppers)))))
        ).scalar_one()
    )


def standing_by_pepper(connection: Connection, moment: Instant) -> dict[str, int]:
    """How many keys stand under each pepper. A client that proves itself by signing needs none."""
    query = select(key_table.c.pepper, func.count()).where(_stands_under_pepper(moment))
    return {row[0]: row[1] for row in connection.execute(query.group_by(key_table.c.pepper))}


def standing_under_others(connection: Connection, peppers: Iterable[str], moment: Instant, most: int) -> list[Key]:
    """Some of the keys that stand under peppers other than these, in order of id."""
    query = select(*_KEY_COLUMNS).where(_stands_under_pepper(moment), key_table.c.pepper.not_in(list(peppers)))
    return [_key(row) for row in connection.execute(query.order_by(key_table.c.id).limit(most))]


def _stands_under_pepper(moment: Instant) -> ColumnElement[bool]:
    table = key_table.c
    return and_(table.revoked_at.is_(None), table.expires_at > moment, table.public_keys.is_(None))


def _key(row: Iterable[Any]) -> Key:
    id_, kind, organisation, label, roles, scopes, networks, *rest = row
    return Key(
        id_,
        kind,
        organisation,
        label,
        _decode_roles(roles),
        None if scopes is None else _decode_names(scopes),
        None if networks is None else _decode_names(networks),
        *rest,
    )
