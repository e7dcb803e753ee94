"""Whose code may serve from a schema: a stamp beside the schema, which the code of any version can read.

A migration says `only_adds = True`, or names by `compatible_from` the oldest revision whose code still serves once it
is applied. One that says nothing lets nobody older serve. What holds after all of them is written into the database in
their transaction, since the older code has never seen the newer migrations (docs/decisions/0027).
"""

from collections.abc import Collection, Mapping

import msgspec
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, String, Table, delete, insert, inspect, select

from gateway.database.naming import metadata

schema_stamp = Table("schema_stamp", metadata, Column("oldest_code", String(32), primary_key=True))


class Schema(msgspec.Struct, frozen=True):
    """The schema of a database, beside the code that asks."""

    revision: str | None
    """None where the database is empty."""

    oldest_code: str | None
    """The oldest revision whose code may serve from it, as its stamp says."""

    needed: str
    """The revision that this code was written for."""

    known: Collection[str]
    """The revisions that this code knows."""

    @property
    def is_ahead(self) -> bool:
        """Whether newer code has brought it to where it is."""
        return self.revision is not None and self.revision not in self.known

    @property
    def may_serve(self) -> bool:
        """Whether this code may serve from it. Where the stamp is missing or not understood, it may not."""
        return self.revision == self.needed or (self.is_ahead and self.oldest_code in self.known)


def revisions(scripts: ScriptDirectory) -> frozenset[str]:
    """The revisions that this code knows."""
    return frozenset(script.revision for script in scripts.walk_revisions())


def schema_of(connection: Connection, scripts: ScriptDirectory, needed: str) -> Schema:
    """What schema a database has."""
    is_stamped = inspect(connection).has_table(schema_stamp.name)
    return Schema(
        revision=MigrationContext.configure(connection).get_current_revision(),
        oldest_code=connection.scalar(select(schema_stamp.c.oldest_code)) if is_stamped else None,
        needed=needed,
        known=revisions(scripts),
    )


def stamp(connection: Connection, stamps: Mapping[str, str]) -> None:
    """Write down whose code may serve from the schema as it is now; an empty database has no stamp.

    `stamps` has the `oldest_code` of every revision that it may be at.
    """
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        schema_stamp.drop(connection, checkfirst=True)
        return
    schema_stamp.create(connection, checkfirst=True)
    connection.execute(delete(schema_stamp))
    connection.execute(insert(schema_stamp).values(oldest_code=stamps[revision]))


def oldest_code(scripts: ScriptDirectory, revision: str) -> str:
    """The oldest revision whose code may serve once every migration up to this one is applied: the strictest word."""
    applied = [*scripts.iterate_revisions(revision, "base")][::-1]
    order = {script.revision: place for place, script in enumerate(applied)}
    said = [
        getattr(script.module, "compatible_from", script.revision)
        for script in applied
        if not getattr(script.module, "only_adds", False)
    ]
    return max(said, key=order.__getitem__, default=applied[0].revision)
