"""Rows of releases, their strategy versions and the documents these refer to, and the queries over them.

A version is written once and never changed; the row of its release says which one is in force.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    and_,
    insert,
    select,
    update,
)

from gateway.clock import Instant
from gateway.database.naming import metadata
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


def version_as_of(connection: Connection, release: str, instant: Instant) -> StrategyVersion | None:
    """The version in force at an instant; before the first was, the first."""
    of_release = _versions.where(version_table.c.release == release)
    newest = of_release.where(version_table.c.applied_at <= instant).order_by(version_table.c.number.desc()).limit(1)
    return _one(connection, newest) or _one(connection, of_release.order_by(version_table.c.number).limit(1))


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
