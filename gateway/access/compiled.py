"""How a grant stands, compiled to SQL: what `Grant.state` says, now or by what was recorded until an instant."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, cast, func, literal, not_, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from gateway.access.store import grant_table
from gateway.clock import Instant, Moment, instant_written
from gateway.ledger.acts import Known, not_ended, said_last, subjects_since, undone_since
from gateway.ledger.events import Event


class Former(msgspec.Struct, frozen=True):
    """What is to be known of grants as they were, where their rows do not say it."""

    known: Known
    overdue: Select[Any]
    """Ids of those that had to be looked at again by then, and have been since."""


def former(connection: Connection, release: str, known: Known) -> Former:
    """The grants for a release as they were: by when one had to be looked at, entries say, and its row the new date."""
    said = said_last(
        connection,
        known,
        (Event.GRANT_GIVEN, Event.GRANT_RECERTIFIED),
        since=Event.GRANT_RECERTIFIED,
        release=release,
    )
    overdue = [entry.body["subject"] for entry in said if _was_due(entry.body.get("detail", {}), known.by)]
    return Former(known, _listed(overdue, connection.dialect.name))


def grant_states(moment: Moment, then: Former | None = None) -> dict[str, ColumnElement[bool]]:
    """How one grant stands, as conditions, the telling ones first: what `Holdings.grant_standing` says, in SQL."""
    held, known = grant_table.c, None if then is None else then.known
    lasts = and_(
        not_ended(held.revoked_at, held.id, Event.GRANT_REVOKED, known),
        not_ended(held.superseded_at, held.id, Event.GRANT_SUPERSEDED, known),
        held.ends_at > moment.latest,
    )
    paused, overdue = _paused(known), _overdue(moment, then)
    return {
        "active": and_(lasts, not_(paused), not_(overdue), held.starts_at <= moment.earliest),
        "paused": and_(lasts, paused),
        "recertification_due": and_(lasts, not_(paused), overdue),
        "ended": not_(lasts),
    }


def _paused(known: Known | None) -> ColumnElement[bool]:
    held = grant_table.c
    now = held.paused_at.is_not(None)
    if known is None:
        return now
    turns = Event.GRANT_PAUSED, Event.GRANT_RESUMED
    resumed = held.id.in_(undone_since(Event.GRANT_RESUMED, known, *turns))
    return or_(resumed, and_(now, held.id.not_in(subjects_since(known, *turns))))


def _overdue(moment: Moment, then: Former | None) -> ColumnElement[bool]:
    held = grant_table.c
    now = and_(held.recertify_by.is_not(None), held.recertify_by <= moment.latest)
    if then is None:
        return now
    since = subjects_since(then.known, Event.GRANT_RECERTIFIED)
    return or_(held.id.in_(then.overdue), and_(now, held.id.not_in(since)))


def _was_due(detail: dict[str, Any], by: Instant) -> bool:
    return "recertify_by" in detail and instant_written(detail["recertify_by"]) <= by


def _listed(ids: list[str], dialect: str) -> Select[Any]:
    """Ids as a query, in one parameter however many they are."""
    text = literal(msgspec.json.encode(ids).decode())
    if dialect == "postgresql":
        found = func.jsonb_array_elements_text(cast(text, JSONB)).table_valued("value")
    else:
        found = func.json_each(text).table_valued("value")
    return select(found.c.value)
