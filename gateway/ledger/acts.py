"""What was recorded by an instant: acts of administration in the ledger's own order, which no later act changes.

Rows elsewhere say what is so. What was known at an instant is what they say without everything that
was recorded since: the instant of recording is the ledger's, not one that somebody named.
"""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, exists, func, not_, or_, select, true

from gateway.clock import Instant
from gateway.ledger.entries import Entry, entry_from
from gateway.ledger.events import Event
from gateway.ledger.tables import act_table, entry_table

_acts = act_table.c

ENTRIES = 1_000
"""Entries read in one statement."""


class Recorded(msgspec.Struct, frozen=True):
    """One act, where and when it was recorded."""

    index: int
    at: Instant
    event: str
    subject: str


def recorded_after(
    connection: Connection,
    instant: Instant,
    events: Collection[Event],
    *,
    release: str = "",
    organisation: str = "",
    subject: str = "",
) -> list[Recorded]:
    """Acts of these kinds that were recorded after an instant, in order; what is left empty is left open."""
    query = select(_acts.index, _acts.at, _acts.event, _acts.subject).where(
        _acts.at > instant, _acts.event.in_([event.value for event in events])
    )
    for column, wanted in ((_acts.release, release), (_acts.organisation, organisation), (_acts.subject, subject)):
        if wanted:
            query = query.where(column == wanted)
    return [Recorded(*row) for row in connection.execute(query.order_by(_acts.index))]


def subjects_after(connection: Connection, instant: Instant | None, event: Event, **about: str) -> frozenset[str]:
    """Subjects of these acts; none where everything counts that was ever recorded."""
    if instant is None:
        return frozenset()
    return frozenset(act.subject for act in recorded_after(connection, instant, (event,), **about))


def latest_by(connection: Connection, instant: Instant, event: Event) -> str | None:
    """Subject of the last act of this kind that was recorded by an instant."""
    query = select(_acts.subject).where(_acts.event == event.value, _acts.at <= instant)
    return connection.execute(query.order_by(_acts.index.desc()).limit(1)).scalar_one_or_none()


def count_by(connection: Connection, instant: Instant, event: Event, release: str) -> int:
    """How many acts of this kind were recorded of a release by an instant."""
    query = select(func.count()).where(_acts.release == release, _acts.at <= instant, _acts.event == event.value)
    return int(connection.execute(query).scalar_one())


def acts_on(connection: Connection, subject: str, events: Collection[Event]) -> list[Recorded]:
    """Every act of these kinds on one subject, in order."""
    query = select(_acts.index, _acts.at, _acts.event, _acts.subject).where(
        _acts.subject == subject, _acts.event.in_([event.value for event in events])
    )
    return [Recorded(*row) for row in connection.execute(query.order_by(_acts.index))]


def entry_of(connection: Connection, act: Recorded) -> Entry:
    """The whole entry of an act."""
    query = select(entry_table.c.line, entry_table.c.leaf_hash).where(entry_table.c.index == act.index)
    return entry_from(*connection.execute(query).one())


class Known(msgspec.Struct, frozen=True):
    """By when acts must have been recorded to count, and of which organisations they are: from one id up to another."""

    by: Instant
    first: str
    end: str | None
    """Not included; None for all that follow."""


def had_begun(subject: ColumnElement[Any], event: Event, known: Known | None) -> ColumnElement[bool]:
    """In SQL: whether what began a row by such an act had been recorded by an instant, or ever."""
    return true() if known is None else not_(_since(subject, event, known))


def not_ended(
    ended: ColumnElement[Any], subject: ColumnElement[Any], event: Event, known: Known | None
) -> ColumnElement[bool]:
    """In SQL: whether nothing that ended a row by such an act had been recorded by an instant, or ever."""
    return ended.is_(None) if known is None else or_(ended.is_(None), _since(subject, event, known))


def subjects_since(known: Known, *events: Event) -> Select[tuple[str]]:
    """In SQL: subjects of which such an act was recorded since."""
    return select(_acts.subject).where(*_later(known, *events))


def undone_since(event: Event, known: Known, *undoing: Event) -> Select[tuple[str]]:
    """In SQL: subjects of which the first of the acts that undo each other is this one: by then it was not undone."""
    firsts = select(func.min(_acts.index)).where(*_later(known, *undoing)).group_by(_acts.subject)
    return select(_acts.subject).where(_acts.event == event.value, _acts.index.in_(firsts))


def said_last(
    connection: Connection, known: Known, events: Collection[Event], *, since: Event, release: str
) -> Iterator[Entry]:
    """Of each subject on which there was an act of one kind since: the last entry of these kinds by then."""
    touched = subjects_since(known, since).where(_acts.release == release)
    last = select(func.max(_acts.index)).where(
        _acts.event.in_([event.value for event in events]), _acts.at <= known.by, _acts.subject.in_(touched)
    )
    indices = list(connection.execute(last.group_by(_acts.subject)).scalars())
    # Never in one statement with the above: joining by hashing would read the whole ledger.
    for first in range(0, len(indices), ENTRIES):
        query = select(entry_table.c.line, entry_table.c.leaf_hash)
        for row in connection.execute(query.where(entry_table.c.index.in_(indices[first : first + ENTRIES]))):
            yield entry_from(*row)


def _since(subject: ColumnElement[Any], event: Event, known: Known) -> ColumnElement[bool]:
    return exists(select(_acts.index).where(_acts.subject == subject, *_later(known, event)))


def _later(known: Known, *events: Event) -> list[ColumnElement[bool]]:
    later = [_acts.event.in_([event.value for event in events]), _acts.at > known.by, _acts.organisation >= known.first]
    return later if known.end is None else [*later, _acts.organisation < known.end]


def is_any_after(connection: Connection, instant: Instant, events: Collection[Event]) -> bool:
    """Whether any act of these kinds was recorded after an instant."""
    query = select(_acts.index).where(_acts.event.in_([event.value for event in events]), _acts.at > instant)
    return connection.execute(query.limit(1)).first() is not None
