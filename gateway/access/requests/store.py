"""Rows of requests for access and of their approvals, and the queries over them.

What was asked is written once; only how far it has come is written again, and only over what was read.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy import func as sql

from gateway.access.requests.request import (
    DECIDED,
    OPEN,
    REVIEWED,
    AccessRequest,
    Answers,
    Commitments,
    RequestApproval,
    RequestState,
)
from gateway.clock import Instant
from gateway.database.naming import metadata
from gateway.releases.reports.specialised import DecisionTimes

request_table = Table(
    "access_request",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("organisation", String(64), nullable=False, index=True),
    Column("release", String(200), nullable=False, index=True),
    Column("state", String(32), nullable=False),
    Column("form", LargeBinary, nullable=False),
    Column("answers", LargeBinary),
    Column("commitment", String(80), nullable=False),
    Column("salt", LargeBinary),
    Column("asked_at", BigInteger, nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("acts", Integer, nullable=False),
    Column("touched_at", BigInteger, nullable=False),
    Column("review_by", BigInteger),
    Column("expires_at", BigInteger, index=True),
    Column("late_since", BigInteger),
    Column("question", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Column("authority", Text, nullable=False),
    Column("concurrence", Text, nullable=False),
    Column("concurs_until", BigInteger),
    Column("closed_at", BigInteger),
    Column("closed_by", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("grant", String(40), nullable=False),
    Column("drop_at", BigInteger, index=True),
)

approval_table = Table(
    "request_approval",
    metadata,
    Column("request", String(48), ForeignKey("access_request.id"), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("commitment", String(80), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("given_at", BigInteger, nullable=False),
)

_ONCE = frozenset({"id", "organisation", "release", "form", "asked_at", "asked_by"})
"""What is never written again."""

_answers = msgspec.json.Encoder(order="sorted")
_stored = msgspec.json.Decoder(Answers)


def add_request(connection: Connection, request: AccessRequest) -> None:
    """Write a new request, which nobody has approved."""
    connection.execute(insert(request_table).values(**_row(request)))


def move_request(connection: Connection, request: AccessRequest, acts: int) -> bool:
    """Write how far a request has come, where it was acted on just so often; False where somebody was faster."""
    progress = {name: value for name, value in _row(request).items() if name not in _ONCE}
    table = request_table.c
    moved = connection.execute(
        update(request_table).where(table.id == request.id, table.acts == acts).values(**progress)
    )
    return moved.rowcount == 1


def add_approval(connection: Connection, request: str, approval: RequestApproval) -> None:
    """Write an approval; a key gives one about the same answers once."""
    connection.execute(insert(approval_table).values(request=request, **msgspec.structs.asdict(approval)))


def remove_approval(connection: Connection, request: str, key: str) -> None:
    """Take back what somebody said, of whatever answers."""
    given = approval_table.c
    connection.execute(delete(approval_table).where(given.request == request, given.key == key))


def open_requests_approved_by(connection: Connection, keys: Iterable[str]) -> list[AccessRequest]:
    """Requests under way that any of these approved, in order of id."""
    given = select(approval_table.c.request).where(approval_table.c.key.in_(list(keys)))
    query = select(request_table).where(request_table.c.state.in_(OPEN), request_table.c.id.in_(given))
    return _requests(connection, connection.execute(query.order_by(request_table.c.id)))


def request_by_id(connection: Connection, request: str) -> AccessRequest | None:
    """The request, or None."""
    found = _requests(connection, connection.execute(select(request_table).where(request_table.c.id == request)))
    return found[0] if found else None


def requests_of(connection: Connection, organisation: str, release: str) -> list[AccessRequest]:
    """Every request of an organisation for a release, the newest first."""
    asked = request_table.c.organisation == organisation, request_table.c.release == release
    query = select(request_table).where(*asked).order_by(request_table.c.id.desc())
    return _requests(connection, connection.execute(query))


def requests(
    connection: Connection, *, organisation: str, release: str, states: Iterable[RequestState], before: str, limit: int
) -> list[AccessRequest]:
    """Requests from the newest backwards, from before the one with an id; what is empty leaves that open.

    Ids begin with the instant of asking, so that their order is that of time.
    """
    query = select(request_table)
    if organisation:
        query = query.where(request_table.c.organisation == organisation)
    if release:
        query = query.where(request_table.c.release == release)
    if named := list(states):
        query = query.where(request_table.c.state.in_(named))
    if before:
        query = query.where(request_table.c.id < before)
    return _requests(connection, connection.execute(query.order_by(request_table.c.id.desc()).limit(limit)))


def due(connection: Connection, instant: Instant, limit: int) -> list[AccessRequest]:
    """Requests of which something is to be done by the gateway itself: late, over, or to be forgotten."""
    table = request_table.c
    late = table.state.in_(REVIEWED) & (table.review_by <= instant) & table.late_since.is_(None)
    query = select(request_table).where(late | (table.expires_at <= instant) | (table.drop_at <= instant))
    return _requests(connection, connection.execute(query.order_by(table.id).limit(limit)))


def count_late(connection: Connection, instant: Instant) -> int:
    """How many requests should have been reviewed by an instant, and were not."""
    table = request_table.c
    late = table.state.in_(REVIEWED), table.review_by <= instant
    return int(connection.execute(select(sql.count()).select_from(request_table).where(*late)).scalar_one())


def count_open(connection: Connection) -> int:
    """How many requests are under way."""
    still = select(sql.count()).select_from(request_table).where(request_table.c.state.in_(OPEN))
    return int(connection.execute(still).scalar_one())


def decision_times(connection: Connection, release: str, until: Instant) -> DecisionTimes | None:
    """How long requests for a release that were granted or rejected by an instant had taken; None where none was."""
    table = request_table.c
    decided = table.release == release, table.state.in_(DECIDED), table.closed_at <= until
    count = int(connection.execute(select(sql.count()).select_from(request_table).where(*decided)).scalar_one())
    if not count:
        return None
    took = select(table.closed_at - table.asked_at).where(*decided).order_by(table.closed_at - table.asked_at)

    def shortest(hundredths: int) -> int:
        return int(connection.execute(took.offset(-(-count * hundredths // 100) - 1).limit(1)).scalar_one())

    return DecisionTimes(count, half=shortest(50), most=shortest(90))


def _row(request: AccessRequest) -> dict[str, Any]:
    row = {column.name: getattr(request, column.name) for column in request_table.c if column.name != "salt"}
    return row | {
        "state": request.state.value,
        "answers": None if request.answers is None else canonical_answers(request.answers),
        "commitment": request.commitment.digest,
        "salt": request.commitment.salt,
    }


def canonical_answers(answers: Answers) -> bytes:
    """What is committed to: RFC 8785 bytes (strings, integers and booleans only)."""
    return _answers.encode(answers)


def _requests(connection: Connection, found: Iterable[Row[Any]]) -> list[AccessRequest]:
    rows = list(found)
    given = select(approval_table).where(approval_table.c.request.in_([row.id for row in rows]))
    approvals: dict[str, list[RequestApproval]] = {}
    for row in connection.execute(given.order_by(approval_table.c.given_at, approval_table.c.key)):
        approvals.setdefault(row.request, []).append(RequestApproval(row.key, row.role, row.commitment, row.given_at))
    return [_request(row, tuple(approvals.get(row.id, ()))) for row in rows]


def _request(row: Row[Any], approvals: tuple[RequestApproval, ...]) -> AccessRequest:
    stored = dict(row._mapping)
    commitment = Commitments(stored.pop("commitment"), stored.pop("salt"))
    answers = stored.pop("answers")
    stored |= {"state": RequestState(stored["state"]), "is_final": bool(stored["is_final"])}
    return AccessRequest(
        **stored,
        commitment=commitment,
        answers=None if answers is None else _stored.decode(answers),
        approvals=approvals,
    )
