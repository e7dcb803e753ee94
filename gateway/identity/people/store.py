"""Rows of people and of their sessions, and the queries over them."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    false,
    func,
    insert,
    select,
    update,
)

from gateway.clock import Instant
from gateway.database.naming import metadata
from gateway.identity.callers import Assertion, Role
from gateway.identity.people.persons import Person
from gateway.identity.people.sessions import Session, SessionKind

person_table = Table(
    "person",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("organisation", String(64), ForeignKey("organisation.id"), nullable=False, index=True),
    Column("issuer", String(64), nullable=False),
    Column("subject", String(255)),
    Column("user_name", String(255), nullable=False),
    Column("user_name_folded", String(255), nullable=False),
    Column("external_id", String(255)),
    Column("display_name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("disabled_cause", Text),
    Column("removed_at", BigInteger),
    Column("is_disabled_by_hand", Boolean, nullable=False, server_default=false()),
    Column("is_deactivated", Boolean, nullable=False, server_default=false()),
    Column("formerly", String(40)),
    UniqueConstraint("issuer", "subject", name="uq_person_subject"),
    UniqueConstraint("issuer", "user_name_folded", name="uq_person_user_name"),
    UniqueConstraint("issuer", "external_id", name="uq_person_external_id"),
)

former_name_table = Table(
    "former_name",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("person", String(40), ForeignKey("person.id"), nullable=False),
)
"""By which names the list had somebody, and has them no more: as digests, since names are erased."""

session_table = Table(
    "session",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("person", String(40), ForeignKey("person.id"), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("roles", LargeBinary, nullable=False),
    Column("assertions", LargeBinary, nullable=False),
    Column("signed_in_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("idle", BigInteger, nullable=False),
    Column("idle_ends_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_cause", Text),
    Index("ix_session_person", "person", "ended_at"),
)

_people = person_table.c
_former = former_name_table.c
_sessions = session_table.c
_PERSON_COLUMNS = [_people[name] for name in Person.__struct_fields__]
_SESSION_COLUMNS = [_sessions[name] for name in Session.__struct_fields__]

_encode = msgspec.json.encode
_decode_roles = msgspec.json.Decoder(tuple[Role, ...]).decode
_decode_assertions = msgspec.json.Decoder(tuple[Assertion, ...]).decode

_used_later = (
    update(session_table)
    .where(_sessions.id == bindparam("of"), _sessions.idle_ends_at < bindparam("used_at") + _sessions.idle)
    .values(idle_ends_at=bindparam("used_at") + _sessions.idle)
)

# People


def add_person(connection: Connection, person: Person) -> None:
    """Write somebody new."""
    connection.execute(insert(person_table).values(**_person_row(person)))


def change_person(connection: Connection, person: Person) -> None:
    """Write somebody as they are now."""
    connection.execute(update(person_table).where(_people.id == person.id).values(**_person_row(person)))


def person_by_id(connection: Connection, person: str) -> Person | None:
    """The person, or None."""
    return _person(connection, _people.id == person)


def person_by_subject(connection: Connection, issuer: str, subject: str) -> Person | None:
    """Whom a provider calls so, or None."""
    return _person(connection, _people.issuer == issuer, _people.subject == subject)


def person_by_user_name(connection: Connection, issuer: str, user_name: str) -> Person | None:
    """Who has this name with a provider, whatever its letters' case; or None."""
    return _person(connection, _people.issuer == issuer, _people.user_name_folded == user_name.casefold())


def person_by_external_id(connection: Connection, issuer: str, external_id: str) -> Person | None:
    """Whom whoever provisioned them calls so, or None."""
    return _person(connection, _people.issuer == issuer, _people.external_id == external_id)


def free_subject(connection: Connection, issuer: str, subject: str) -> None:
    """Let nobody who was taken off the list stand in the way of who is called so now."""
    held = (_people.issuer == issuer, _people.subject == subject, _people.removed_at.is_not(None))
    connection.execute(update(person_table).where(*held).values(subject=None))


def party_of(connection: Connection, person: str) -> str:
    """Id of the human behind a person's, however often a list has entered them; the same where nothing is known."""
    found = connection.execute(select(_people.formerly).where(_people.id == person)).scalar_one_or_none()
    return found or person


def drop_names(connection: Connection, before: Person, after: Person) -> None:
    """Write down by which names the list has somebody no more."""
    for digest in _digests(before.issuer, before.user_name, before.external_id) - _digests(
        after.issuer, after.user_name, after.external_id
    ):
        connection.execute(delete(former_name_table).where(_former.digest == digest))
        connection.execute(insert(former_name_table).values(digest=digest, person=before.id))


def formerly_named(connection: Connection, issuer: str, user_name: str, external_id: str) -> list[Person]:
    """Whom the list had last under one of these names, and has so no more; an empty one was nobody's."""
    named = select(_former.person).where(_former.digest.in_(_digests(issuer, user_name, external_id)))
    rows = connection.execute(select(*_PERSON_COLUMNS).where(_people.id.in_(named)).order_by(_people.id))
    return [Person(**row._mapping) for row in rows]


def _digests(issuer: str, user_name: str, external_id: str | None) -> set[bytes]:
    named = (("userName", user_name.casefold()), ("externalId", external_id or ""))
    return {sha256(f"{issuer}\0{kind}\0{name}".encode()).digest() for kind, name in named if name}


def people(
    connection: Connection,
    *,
    organisation: str = "",
    issuer: str = "",
    after: str = "",
    limit: int,
    offset: int = 0,
) -> list[Person]:
    """People in order of id, after the given one; an organisation or an issuer that is empty leaves that open."""
    query = select(*_PERSON_COLUMNS).where(_people.id > after, *_within(organisation, issuer))
    rows = connection.execute(query.order_by(_people.id).offset(offset).limit(limit))
    return [Person(**row._mapping) for row in rows]


def count_people(connection: Connection, *, organisation: str = "", issuer: str = "") -> int:
    """How many there are."""
    query = select(func.count()).select_from(person_table).where(*_within(organisation, issuer))
    return int(connection.execute(query).scalar_one())


def _within(organisation: str, issuer: str) -> list[Any]:
    named = ((_people.organisation, organisation), (_people.issuer, issuer))
    return [column == value for column, value in named if value]


def _person(connection: Connection, *where: Any) -> Person | None:
    row = connection.execute(select(*_PERSON_COLUMNS).where(*where)).one_or_none()
    return None if row is None else Person(**row._mapping)


def _person_row(person: Person) -> dict[str, Any]:
    return msgspec.structs.asdict(person) | {"user_name_folded": person.user_name.casefold()}


# Sessions


def add_session(connection: Connection, session: Session) -> None:
    """Write a new session."""
    columns = msgspec.structs.asdict(session) | {
        "kind": session.kind.value,
        "roles": _encode(session.roles),
        "assertions": _encode(session.assertions),
    }
    connection.execute(insert(session_table).values(**columns))


def session_by_id(connection: Connection, session: str) -> Session | None:
    """The session, or None."""
    row = connection.execute(select(*_SESSION_COLUMNS).where(_sessions.id == session)).one_or_none()
    return None if row is None else _session(row)


def standing_sessions(connection: Connection, person: str) -> list[Session]:
    """Sessions of a person that nobody has ended, the oldest first; time may have ended some."""
    query = select(*_SESSION_COLUMNS).where(_sessions.person == person, _sessions.ended_at.is_(None))
    return [_session(row) for row in connection.execute(query.order_by(_sessions.created_at, _sessions.id))]


def signed_in_until(connection: Connection, person: str, by: Instant | None = None) -> Instant | None:
    """When the last of a person's sessions ends that nobody has ended, or had by an instant; None without one."""
    ends = select(func.max(_sessions.ends_at)).where(_sessions.person == person, *_begun(by))
    stands = _sessions.ended_at.is_(None)
    found: Instant | None = connection.execute(
        ends.where(stands if by is None else stands | (_sessions.ended_at > by))
    ).scalar_one()
    return found


def latest_assertions(connection: Connection, person: str, by: Instant | None = None) -> tuple[Assertion, ...]:
    """What was asserted of a person when their latest session began, or the latest that had by an instant."""
    latest = select(_sessions.assertions).where(_sessions.person == person, *_begun(by))
    found = connection.execute(latest.order_by(_sessions.created_at.desc(), _sessions.id).limit(1)).scalar_one_or_none()
    return () if found is None else _decode_assertions(found)


def _begun(by: Instant | None) -> list[Any]:
    return [] if by is None else [_sessions.created_at <= by]


def end_session(connection: Connection, session: str, ended_at: Instant, cause: str) -> None:
    """Mark a session ended."""
    ended = update(session_table).where(_sessions.id == session, _sessions.ended_at.is_(None))
    connection.execute(ended.values(ended_at=ended_at, ended_cause=cause))


def note_session_uses(connection: Connection, uses: Iterable[tuple[str, Instant]]) -> None:
    """Write when sessions were last used, so that they go on; in order of ids, against deadlocks."""
    connection.execute(_used_later, [{"of": session, "used_at": used_at} for session, used_at in uses])


def _session(row: Row[Any]) -> Session:
    read = {
        "kind": SessionKind(row.kind),
        "roles": _decode_roles(row.roles),
        "assertions": _decode_assertions(row.assertions),
    }
    return Session(**{**row._mapping, **read})
