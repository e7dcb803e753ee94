"""What was in force of a release by an instant, and what its requirements read: without what was recorded since."""

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant
from gateway.ledger.acts import count_by, entry_of, recorded_after, subjects_after
from gateway.ledger.events import Event
from gateway.releases import store
from gateway.releases.evidence import store as evidence_store
from gateway.releases.evidence.records import Approval, Concurrence, Evidence
from gateway.releases.narrowings import InEffect, Narrowing, in_effect
from gateway.releases.restraint import EVENTS
from gateway.releases.versions import StrategyVersion

ROWS_MAX = 10_000
"""More than there ever were of one release."""


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
    return {
        stage: opened for stage, opened in evidence_store.openings(connection, release).items() if stage not in since
    }


def narrowed(connection: Connection, release: str, known: Instant | None) -> tuple[InEffect, ...]:
    """The narrowings that had been taken, and not been restored whole."""
    if known is None:
        return store.narrowings_in_effect(connection, release).get(release, ())
    return _read(connection, narrowings_by(connection, release, known))


def narrowings_by(connection: Connection, release: str, known: Instant | None) -> list[Narrowing]:
    """Everything that had been taken or restored, in order."""
    since = frozenset[str]()
    if known is not None:
        since = since.union(*(subjects_after(connection, known, each, release=release) for each in EVENTS.values()))
    rows = store.narrowings(connection, release, before=None, limit=ROWS_MAX)
    return [row for row in reversed(rows) if row.id not in since]


def _read(connection: Connection, rows: list[Narrowing]) -> tuple[InEffect, ...]:
    left = {row.strategy for row in rows if row.strategy}
    versions = [store.version_by_digest(connection, rows[0].release, digest) for digest in sorted(left)]
    return in_effect(rows, [version.strategy for version in versions if version is not None])


def evidence_by(connection: Connection, release: str, known: Instant | None) -> tuple[Evidence, ...]:
    """All evidence that had been added, in order, each withdrawn only where it had been by then."""
    held = evidence_store.evidence_of(connection, release)
    if known is None:
        return held
    added = subjects_after(connection, known, Event.EVIDENCE_ADDED, release=release)
    withdrawn = subjects_after(connection, known, Event.EVIDENCE_WITHDRAWN, release=release)
    return tuple(
        msgspec.structs.replace(each, withdrawn_at=None) if each.id in withdrawn else each
        for each in held
        if each.id not in added
    )


def approvals_by(connection: Connection, release: str, stage: str, known: Instant | None) -> tuple[Approval, ...]:
    """Approvals of a stage that had been given, and not been withdrawn."""
    given = _named_after(connection, release, known, Event.APPROVAL_GIVEN, "approval")
    withdrawn = _named_after(connection, release, known, Event.APPROVAL_WITHDRAWN, "approval")
    return tuple(
        each
        for each in evidence_store.approvals(connection, release, stage)
        if each.id not in given and (each.withdrawn_at is None or each.id in withdrawn)
    )


def concurrences_by(connection: Connection, release: str, stage: str, known: Instant | None) -> tuple[Concurrence, ...]:
    """Concurrences with a stage that had been given."""
    since = _named_after(connection, release, known, Event.CONCURRENCE_GIVEN, "concurrence")
    return tuple(each for each in evidence_store.concurrences(connection, release, stage) if each.id not in since)


def incidents_by(connection: Connection, release: str, known: Instant | None) -> tuple[str, ...]:
    """Ids of the incidents that were open."""
    return tuple(incident for incident, is_open in incident_states_by(connection, release, known) if is_open)


def incident_states_by(connection: Connection, release: str, known: Instant | None) -> list[tuple[str, bool]]:
    """Ids of all incidents there had been, in order, and whether each was open."""
    opened, closed = frozenset[str](), frozenset[str]()
    if known is not None:
        opened = subjects_after(connection, known, Event.INCIDENT_OPENED, release=release)
        closed = subjects_after(connection, known, Event.INCIDENT_CLOSED, release=release)
    held = evidence_store.incidents(connection, release=release, after="", limit=ROWS_MAX)
    return [(each.id, each.closed_at is None or each.id in closed) for each in held if each.id not in opened]


def _named_after(
    connection: Connection, release: str, known: Instant | None, event: Event, detail: str
) -> frozenset[str]:
    """Ids that such acts name in a detail: their subject is the stage."""
    if known is None:
        return frozenset()
    acts = recorded_after(connection, known, (event,), release=release)
    return frozenset(str(entry_of(connection, act).body["detail"][detail]) for act in acts)
