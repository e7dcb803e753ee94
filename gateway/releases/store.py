"""Rows of releases, their strategy versions, narrowings and documents, and the queries over them.

A version or a narrowing is written once and never changed; the row of its release says which version is in force.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Exists,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    exists,
    func,
    insert,
    select,
    update,
)

from gateway.clock import NEVER, Instant
from gateway.database.naming import metadata
from gateway.releases.narrowings import InEffect, Narrowing, Verb, in_effect
from gateway.releases.strategies import Strategy
from gateway.releases.versions import Release, StrategyVersion

release_table = Table(
    "release",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("first_applied_at", BigInteger, nullable=False),
    Column("applied_at", BigInteger, nullable=False),
)

version_table = Table(
    "strategy_version",
    metadata,
    Column("release", String(200), ForeignKey("release.name"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String(80), nullable=False),
    Column("previous", String(80), nullable=False),
    Column("strategy", LargeBinary, nullable=False),
    Column("applied_at", BigInteger, nullable=False),
    Column("applied_by", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("adopted", Boolean, nullable=False),
    Column("change", String(40), nullable=False, server_default=""),
)

document_table = Table(
    "document",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
)

narrowing_table = Table(
    "narrowing",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("release", String(200), ForeignKey("release.name"), nullable=False),
    Column("verb", String(16), nullable=False),
    Column("scope", Text, nullable=False),
    Column("on_unknown", String(8), nullable=False),
    Column("strategy", String(80), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("inverse_of", String(40), nullable=False, index=True),
    Column("authority", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    Column("taken_by", String(64), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("review_by", BigInteger),
    UniqueConstraint("release", "number"),
)

_NARROWING_COLUMNS = [narrowing_table.c[name] for name in Narrowing.__struct_fields__]
_versions = select(version_table)
_in_force = _versions.join(
    release_table,
    and_(release_table.c.name == version_table.c.release, release_table.c.number == version_table.c.number),
)


def version_in_force(connection: Connection, release: str) -> StrategyVersion | None:
    """The version in force, or None where there is no such release."""
    return _one(connection, _in_force.where(release_table.c.name == release))


def version_by_digest(connection: Connection, release: str, digest: str) -> StrategyVersion | None:
    """The latest version of a release with this digest: a strategy that was rolled back to has several numbers."""
    query = _versions.where(version_table.c.release == release, version_table.c.digest == digest)
    return _one(connection, query.order_by(version_table.c.number.desc()).limit(1))


def versions(connection: Connection, release: str, *, before: int | None, limit: int) -> list[StrategyVersion]:
    """Versions of one release from the newest backwards, those below number `before` where one is given."""
    query = _versions.where(version_table.c.release == release)
    if before is not None:
        query = query.where(version_table.c.number < before)
    return [_version(row) for row in connection.execute(query.order_by(version_table.c.number.desc()).limit(limit))]


def load_all(connection: Connection) -> dict[str, StrategyVersion]:
    """Every version in force, by release. A row that is not what its digest says raises: nothing is served by it."""
    return {row.release: _version(row) for row in connection.execute(_in_force)}


def releases(connection: Connection, *, after: str, limit: int) -> list[Release]:
    """Releases in order of name, after the given one."""
    query = select(release_table).where(release_table.c.name > after).order_by(release_table.c.name).limit(limit)
    return [Release(*row) for row in connection.execute(query)]


def add_version(connection: Connection, version: StrategyVersion) -> None:
    """Write a new version and put it in force."""
    name = version.strategy.release
    current = {"number": version.number, "digest": version.digest, "applied_at": version.applied_at}
    moved = connection.execute(update(release_table).where(release_table.c.name == name).values(**current))
    if moved.rowcount == 0:
        connection.execute(insert(release_table).values(name=name, first_applied_at=version.applied_at, **current))
    connection.execute(
        insert(version_table).values(
            release=name,
            number=version.number,
            digest=version.digest,
            previous=version.previous,
            strategy=version.strategy.canonical(),
            applied_at=version.applied_at,
            applied_by=version.applied_by,
            organisation=version.organisation,
            adopted=version.adopted,
            change=version.change,
        )
    )


def keep_documents(connection: Connection, documents: Mapping[str, bytes], stored_at: Instant) -> None:
    """Write the texts that are not there yet, by digest."""
    held = select(document_table.c.digest).where(document_table.c.digest.in_(list(documents)))
    known = set(connection.execute(held).scalars())
    fresh = [
        {"digest": digest, "content": content, "stored_at": stored_at}
        for digest, content in sorted(documents.items())
        if digest not in known
    ]
    if fresh:
        connection.execute(insert(document_table), fresh)


def document(connection: Connection, digest: str) -> bytes | None:
    """The text with this digest, or None."""
    query = select(document_table.c.content).where(document_table.c.digest == digest)
    content: bytes | None = connection.execute(query).scalar_one_or_none()
    return content


def add_narrowing(connection: Connection, narrowing: Narrowing) -> None:
    """Write a narrowing, or the restoration of one."""
    connection.execute(insert(narrowing_table).values(**msgspec.structs.asdict(narrowing)))


def next_narrowing(connection: Connection, release: str) -> int:
    """The number of a release's next narrowing; to be asked with the ledger's head row locked."""
    last = select(func.max(narrowing_table.c.number)).where(narrowing_table.c.release == release)
    return (connection.execute(last).scalar_one() or 0) + 1


def narrowings(connection: Connection, release: str, *, before: int | None, limit: int) -> list[Narrowing]:
    """What was ever taken of one release, from the newest backwards, below number `before` where one is given."""
    query = select(*_NARROWING_COLUMNS).where(narrowing_table.c.release == release)
    if before is not None:
        query = query.where(narrowing_table.c.number < before)
    rows = connection.execute(query.order_by(narrowing_table.c.number.desc()).limit(limit))
    return [_narrowing(row) for row in rows]


def narrowings_in_effect(
    connection: Connection, release: str = "", as_of: Instant = NEVER
) -> dict[str, tuple[InEffect, ...]]:
    """The narrowings that were not restored whole, by release: of one release, or of every one.

    As of an instant in the past: those that were taken by then and not restored. A row that cannot be read
    raises: nothing is served by it.
    """
    subject = func.coalesce(func.nullif(narrowing_table.c.inverse_of, ""), narrowing_table.c.id)
    query = select(*_NARROWING_COLUMNS).where(~restored_whole(subject, as_of), narrowing_table.c.taken_at <= as_of)
    if release:
        query = query.where(narrowing_table.c.release == release)
    found: dict[str, list[Narrowing]] = {}
    for row in connection.execute(query.order_by(narrowing_table.c.release, narrowing_table.c.number)):
        found.setdefault(row.release, []).append(_narrowing(row))
    return {name: in_effect(rows, _strategies_of(connection, rows)) for name, rows in found.items()}


def restored_whole(narrowing: ColumnElement[str] | str, as_of: Instant = NEVER) -> Exists:
    """Whether a narrowing, by its id, was restored for everybody by an instant."""
    whole = narrowing_table.alias()
    return exists(
        select(whole.c.id).where(
            whole.c.verb == Verb.RESTORE,
            whole.c.scope == "",
            whole.c.inverse_of == narrowing,
            whole.c.taken_at <= as_of,
        )
    )


def narrowing_by_id(connection: Connection, narrowing: str) -> Narrowing | None:
    """The narrowing, or None."""
    row = connection.execute(select(*_NARROWING_COLUMNS).where(narrowing_table.c.id == narrowing)).one_or_none()
    return None if row is None else _narrowing(row)


def _strategies_of(connection: Connection, rows: list[Narrowing]) -> list[Strategy]:
    versions = [version_by_digest(connection, row.release, row.strategy) for row in rows if row.strategy]
    return [version.strategy for version in versions if version is not None]


def _narrowing(row: Row[Any]) -> Narrowing:
    return Narrowing(**(dict(row._mapping) | {"verb": Verb(row.verb)}))


def _one(connection: Connection, query: Select[Any]) -> StrategyVersion | None:
    row = connection.execute(query).one_or_none()
    return None if row is None else _version(row)


def _version(row: Row[Any]) -> StrategyVersion:
    return StrategyVersion.stored(
        row.strategy,
        row.digest,
        number=row.number,
        previous=row.previous,
        applied_at=row.applied_at,
        applied_by=row.applied_by,
        organisation=row.organisation,
        adopted=bool(row.adopted),
        change=row.change,
    )
