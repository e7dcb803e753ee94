"""What was in force of a release by an instant: as it stands, without what was recorded since."""

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant
from gateway.ledger.acts import count_by, subjects_after
from gateway.ledger.entries import Event
from gateway.releases import store
from gateway.releases.evidence.store import openings
from gateway.releases.narrowings import InEffect, Narrowing, in_effect
from gateway.releases.restraint import EVENTS
from gateway.releases.versions import StrategyVersion

NARROWINGS_MAX = 10_000
"""More than were ever taken of one release."""


class Stood(msgspec.Struct, frozen=True):
    """A release as it stood: its version, what was opened of it, and what narrowed it."""

    version: StrategyVersion
    openings: dict[str, Instant]
    """By name of a stage."""
    narrowings: tuple[InEffect, ...]


def stood(connection: Connection, release: str, known: Instant | None) -> Stood | None:
    """The release by everything that was recorded until an instant, or ever; None where nothing was in force."""
    version = version_by(connection, release, known)
    if version is None:
        return None
    return Stood(
        version, version.strategy.opened(openings_by(connection, release, known)), narrowed(connection, release, known)
    )


def version_by(connection: Connection, release: str, known: Instant | None) -> StrategyVersion | None:
    """The version that was in force by then: each was recorded by one act, in the order of their numbers."""
    if known is None:
        return store.version_in_force(connection, release)
    number = count_by(connection, known, Event.RELEASE_APPLIED, release)
    found = store.versions(connection, release, before=number + 1, limit=1)
    return found[0] if found else None


def openings_by(connection: Connection, release: str, known: Instant | None) -> dict[str, Instant]:
    """When stages were recorded as opened, by digest of a stage."""
    since = subjects_after(connection, known, Event.STAGE_OPENED, release=release)
    return {stage: opened for stage, opened in openings(connection, release).items() if stage not in since}


def narrowed(connection: Connection, release: str, known: Instant | None) -> tuple[InEffect, ...]:
    """The narrowings that had been taken, and not been restored whole."""
    if known is None:
        return store.narrowings_in_effect(connection, release).get(release, ())
    since = frozenset[str]().union(
        *(subjects_after(connection, known, event, release=release) for event in EVENTS.values())
    )
    rows = store.narrowings(connection, release, before=None, limit=NARROWINGS_MAX)
    return _read(connection, [row for row in reversed(rows) if row.id not in since])


def _read(connection: Connection, rows: list[Narrowing]) -> tuple[InEffect, ...]:
    left = {row.strategy for row in rows if row.strategy}
    versions = [store.version_by_digest(connection, rows[0].release, digest) for digest in sorted(left)]
    return in_effect(rows, [version.strategy for version in versions if version is not None])
