"""Rows of evidence, approvals, concurrences, incidents and openings, and the queries over them.

A row is added once; of its fields only those that end it are ever written again.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from gateway.clock import Instant
from gateway.database.naming import metadata
from gateway.releases.evidence.records import Approval, Concurrence, Evidence, Findings, Incident

evidence_table = Table(
    "evidence",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("release", String(200), nullable=False, index=True),
    Column("snapshot", String(80), nullable=False),
    Column("files", LargeBinary, nullable=False),
    Column("findings", LargeBinary, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("vouched_by", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_cause", Text),
)

approval_table = Table(
    "stage_approval",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("release", String(200), nullable=False, index=True),
    Column("stage", String(80), nullable=False),
    Column("basis", String(80), nullable=False),
    Column("persons", LargeBinary, nullable=False),
    Column("given_at", BigInteger, nullable=False),
    Column("given_by", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("withdrawn_at", BigInteger),
)

concurrence_table = Table(
    "concurrence",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("release", String(200), nullable=False, index=True),
    Column("stage", String(80), nullable=False),
    Column("authority", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("given_at", BigInteger, nullable=False),
    Column("given_by", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
)

incident_table = Table(
    "incident",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("release", String(200), nullable=False, index=True),
    Column("summary", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("opened_by", String(64), nullable=False),
    Column("closed_at", BigInteger),
    Column("closed_cause", Text),
)

opening_table = Table(
    "stage_opening",
    metadata,
    Column("release", String(200), primary_key=True),
    Column("stage", String(80), primary_key=True),
    Column("opened_at", BigInteger, nullable=False),
)

_encode = msgspec.json.Encoder(order="sorted").encode
_files = msgspec.json.Decoder(dict[str, str]).decode
_findings = msgspec.json.Decoder(Findings).decode
_persons = msgspec.json.Decoder(tuple[str, ...]).decode


def add_evidence(connection: Connection, evidence: Evidence) -> None:
    """Write new evidence."""
    columns = msgspec.structs.asdict(evidence)
    columns |= {"files": _encode(evidence.files), "findings": _encode(evidence.findings)}
    connection.execute(insert(evidence_table).values(**columns))


def evidence_by_id(connection: Connection, evidence_id: str) -> Evidence | None:
    """The evidence, or None."""
    row = connection.execute(select(evidence_table).where(evidence_table.c.id == evidence_id)).one_or_none()
    return None if row is None else _evidence(row)


def withdraw_evidence(connection: Connection, evidence_id: str, withdrawn_at: Instant, cause: str) -> bool:
    """Mark evidence withdrawn; False when it already was, or never existed."""
    query = update(evidence_table).where(evidence_table.c.id == evidence_id, evidence_table.c.withdrawn_at.is_(None))
    return connection.execute(query.values(withdrawn_at=withdrawn_at, withdrawn_cause=cause)).rowcount == 1


def evidence(connection: Connection, *, release: str, after: str, limit: int) -> list[Evidence]:
    """Evidence from the newest backwards, after the given one; an empty release leaves that open."""
    added_at, id_ = evidence_table.c.added_at, evidence_table.c.id
    query = select(evidence_table).order_by(added_at.desc(), id_.desc()).limit(limit)
    if after:
        of_last = select(added_at).where(id_ == after).scalar_subquery()
        query = query.where(or_(added_at < of_last, and_(added_at == of_last, id_ < after)))
    if release:
        query = query.where(evidence_table.c.release == release)
    return [_evidence(row) for row in connection.execute(query)]


def evidence_of(connection: Connection, release: str) -> tuple[Evidence, ...]:
    """All evidence of a release, withdrawn or not, in the order in which it was added."""
    query = select(evidence_table).where(evidence_table.c.release == release)
    rows = connection.execute(query.order_by(evidence_table.c.added_at, evidence_table.c.id))
    return tuple(_evidence(row) for row in rows)


def add_approval(connection: Connection, approval: Approval) -> None:
    """Write a new approval."""
    columns = msgspec.structs.asdict(approval) | {"persons": _encode(approval.persons)}
    connection.execute(insert(approval_table).values(**columns))


def approvals(connection: Connection, release: str, stage: str) -> tuple[Approval, ...]:
    """Approvals of a stage by its digest, withdrawn ones too, in the order in which they were given."""
    return _approvals(connection, approval_table.c.release == release, approval_table.c.stage == stage)


def standing_approvals_by(connection: Connection, keys: Iterable[str]) -> tuple[Approval, ...]:
    """Approvals that any of these gave, and that were not withdrawn, of whatever stage."""
    by = approval_table.c.given_by.in_(list(keys))
    return _approvals(connection, by, approval_table.c.withdrawn_at.is_(None))


def withdraw_approval(connection: Connection, approval: str, withdrawn_at: Instant) -> None:
    """Mark an approval withdrawn."""
    connection.execute(update(approval_table).where(approval_table.c.id == approval).values(withdrawn_at=withdrawn_at))


def _approvals(connection: Connection, *where: Any) -> tuple[Approval, ...]:
    query = select(approval_table).where(*where).order_by(approval_table.c.given_at, approval_table.c.id)
    rows = connection.execute(query)
    return tuple(Approval(**row._asdict() | {"persons": _persons(row.persons)}) for row in rows)


def agreed_stages(connection: Connection, release: str) -> dict[str, Instant]:
    """When somebody first approved each stage, or an authority first concurred with it, by its digest."""
    first: dict[str, Instant] = {}
    for table in (approval_table, concurrence_table):
        query = select(table.c.stage, func.min(table.c.given_at)).where(table.c.release == release)
        for stage, given_at in connection.execute(query.group_by(table.c.stage)):
            first[stage] = min(given_at, first.get(stage, given_at))
    return first


def add_concurrence(connection: Connection, concurrence: Concurrence) -> None:
    """Write a new concurrence."""
    connection.execute(insert(concurrence_table).values(**msgspec.structs.asdict(concurrence)))


def concurrences(connection: Connection, release: str, stage: str) -> tuple[Concurrence, ...]:
    """Concurrences with a stage by its digest, the one that ends last at the end."""
    query = select(concurrence_table).where(concurrence_table.c.release == release, concurrence_table.c.stage == stage)
    rows = connection.execute(query.order_by(concurrence_table.c.expires_at, concurrence_table.c.id))
    return tuple(Concurrence(**row._asdict()) for row in rows)


def add_incident(connection: Connection, incident: Incident) -> None:
    """Write a new incident."""
    connection.execute(insert(incident_table).values(**msgspec.structs.asdict(incident)))


def incident_by_id(connection: Connection, incident_id: str) -> Incident | None:
    """The incident, or None."""
    row = connection.execute(select(incident_table).where(incident_table.c.id == incident_id)).one_or_none()
    return None if row is None else Incident(**row._asdict())


def close_incident(connection: Connection, incident_id: str, closed_at: Instant, cause: str) -> bool:
    """Mark an incident closed; False when it already was, or never existed."""
    query = update(incident_table).where(incident_table.c.id == incident_id, incident_table.c.closed_at.is_(None))
    return connection.execute(query.values(closed_at=closed_at, closed_cause=cause)).rowcount == 1


def incidents(connection: Connection, *, release: str, after: str, limit: int) -> list[Incident]:
    """Incidents in order of id, after the given one; an empty release leaves that open."""
    query = select(incident_table).where(incident_table.c.id > after).order_by(incident_table.c.id).limit(limit)
    if release:
        query = query.where(incident_table.c.release == release)
    return [Incident(**row._asdict()) for row in connection.execute(query)]


def add_opening(connection: Connection, release: str, stage: str, opened_at: Instant) -> None:
    """Write that a stage, by its digest, is open from here on."""
    connection.execute(insert(opening_table).values(release=release, stage=stage, opened_at=opened_at))


def openings(connection: Connection, release: str) -> dict[str, Instant]:
    """When stages of a release were recorded as opened, by digest."""
    query = select(opening_table.c.stage, opening_table.c.opened_at).where(opening_table.c.release == release)
    return {row.stage: row.opened_at for row in connection.execute(query)}


def all_openings(connection: Connection) -> dict[str, dict[str, Instant]]:
    """The same of every release, by name."""
    found: dict[str, dict[str, Instant]] = {}
    for release, stage, opened_at in connection.execute(select(opening_table)):
        found.setdefault(release, {})[stage] = opened_at
    return found


def _evidence(row: Row[Any]) -> Evidence:
    columns = row._asdict()
    return Evidence(**columns | {"files": _files(row.files), "findings": _findings(row.findings)})
