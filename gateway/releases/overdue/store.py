"""Rows of reviews that were missed: each is chased once."""

from sqlalchemy import BigInteger, Column, Connection, String, Table, insert, select

from gateway.clock import Instant
from gateway.database.naming import metadata

overdue_table = Table(
    "stage_overdue",
    metadata,
    Column("release", String(200), primary_key=True),
    Column("stage", String(64), primary_key=True),
    Column("review_by", BigInteger, primary_key=True),
    Column("noted_at", BigInteger, nullable=False),
)


def noted(connection: Connection, release: str) -> set[tuple[str, Instant]]:
    """Stages and dates that were noted as missed."""
    query = select(overdue_table.c.stage, overdue_table.c.review_by).where(overdue_table.c.release == release)
    return {(stage, review_by) for stage, review_by in connection.execute(query)}


def note(connection: Connection, release: str, stage: str, review_by: Instant, noted_at: Instant) -> None:
    """Write that a review was missed."""
    connection.execute(
        insert(overdue_table).values(release=release, stage=stage, review_by=review_by, noted_at=noted_at)
    )
