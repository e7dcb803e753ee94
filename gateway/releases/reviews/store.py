"""Rows of reviews, and of what nobody reviewed in time, and the queries over them. Rows are only ever added."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Row, String, Table, Text, exists, insert, select

from gateway.clock import Instant, Moment
from gateway.database.naming import metadata
from gateway.releases.changes.change import ChangeState
from gateway.releases.changes.store import approval_table, change_table
from gateway.releases.narrowings import Verb
from gateway.releases.reviews.review import Review, Reviewed, Verdict
from gateway.releases.store import narrowing_by_id, narrowing_table, restored_whole

review_table = Table(
    "narrowing_review",
    metadata,
    Column("narrowing", String(40), ForeignKey("narrowing.id"), primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("role", String(16), nullable=False),
    Column("cause", Text, nullable=False),
    Column("restoration", String(40), nullable=False),
    Column("reviewed_at", BigInteger, nullable=False),
    Column("reviewed_by", String(64), nullable=False),
)

missed_table = Table(
    "missed_review",
    metadata,
    Column("subject", String(40), primary_key=True),
    Column("noticed_at", BigInteger, nullable=False),
)


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """A narrowing or a change that nobody has reviewed in time."""

    subject: str
    release: str
    review_by: Instant
    by: str
    """Public id of the key that narrowed."""


def add_review(connection: Connection, review: Review) -> None:
    """Write a review."""
    connection.execute(insert(review_table).values(**msgspec.structs.asdict(review)))


def reviews(connection: Connection, narrowings: Iterable[str]) -> dict[str, Review]:
    """The reviews of these narrowings, by id; absent where there is none."""
    query = select(review_table).where(review_table.c.narrowing.in_(list(narrowings)))
    return {row.narrowing: _review(row) for row in connection.execute(query)}


def reviewed(connection: Connection, narrowing_id: str, moment: Moment) -> Reviewed | None:
    """A narrowing as it stands, with its review; None where there is no such narrowing."""
    narrowing = narrowing_by_id(connection, narrowing_id)
    if narrowing is None:
        return None
    is_whole = connection.execute(select(restored_whole(narrowing_id))).scalar_one()
    is_over = moment.surely_reached(narrowing.until) or narrowing.verb is Verb.RESTORE
    review = reviews(connection, [narrowing_id]).get(narrowing_id)
    return Reviewed(narrowing, not is_over and not is_whole, review)


def missed(connection: Connection, moment: Moment) -> list[Missed]:
    """Everything in force whose review is surely late."""
    return [*_narrowings(connection, moment), *_changes(connection, moment)]


def noticed(connection: Connection, subjects: Iterable[str]) -> set[str]:
    """Those of these whose lateness was recorded."""
    query = select(missed_table.c.subject).where(missed_table.c.subject.in_(list(subjects)))
    return set(connection.execute(query).scalars())


def add_missed(connection: Connection, subject: str, noticed_at: Instant) -> None:
    """Write that a late review was noticed."""
    connection.execute(insert(missed_table).values(subject=subject, noticed_at=noticed_at))


def _narrowings(connection: Connection, moment: Moment) -> list[Missed]:
    columns = narrowing_table.c
    query = select(columns.id, columns.release, columns.review_by, columns.taken_by).where(
        columns.review_by <= moment.earliest,
        columns.until > moment.earliest,
        ~restored_whole(columns.id),
        ~exists(select(review_table.c.narrowing).where(review_table.c.narrowing == columns.id)),
    )
    return [_missed(*row) for row in connection.execute(query.order_by(columns.id))]


def _changes(connection: Connection, moment: Moment) -> list[Missed]:
    columns, given = change_table.c, approval_table.c
    query = select(columns.id, columns.release, columns.review_by, columns.closed_by).where(
        columns.state == ChangeState.APPLIED.value,
        columns.review_by <= moment.earliest,
        ~exists(select(given.key).where(given.change == columns.id, given.after.is_(True))),
    )
    return [_missed(*row) for row in connection.execute(query.order_by(columns.id))]


def _missed(subject: str, release: str, review_by: Instant, by: str) -> Missed:
    return Missed(subject=subject, release=release, review_by=review_by, by=by)


def _review(row: Row[Any]) -> Review:
    return Review(**row._asdict() | {"verdict": Verdict(row.verdict)})
