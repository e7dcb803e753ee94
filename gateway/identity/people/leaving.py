"""Sessions and people that end, with all that is theirs alone: each the inside of one transaction, with its acts."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.errors import Conflict
from gateway.identity import store as identity
from gateway.identity.keyring import Key
from gateway.identity.minting import act
from gateway.identity.people import store
from gateway.identity.people.persons import Person
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Touch


class Source(StrEnum):
    """Who lets somebody in no more: what one of them did, the other does not undo."""

    HAND = "hand"
    LIST = "list"


def disable(
    connection: Connection, person: Person, source: Source, cause: str, moment: Moment
) -> tuple[Person, list[Act]]:
    """Let a person in no more, and end their sessions and their own keys. Again by the same source it changes nothing.

    The provider's last key may be among them: whoever leaves leaves, and those who run the gateway have a way in.
    """
    barred, deactivated = person.is_barred, not person.is_listed_active
    if barred if source is Source.HAND else deactivated:
        return person, []
    gone = msgspec.structs.replace(
        person,
        disabled_at=moment.latest if person.disabled_at is None else person.disabled_at,
        disabled_cause=person.disabled_cause if barred else cause,
        is_disabled_by_hand=barred or source is Source.HAND,
        is_deactivated=deactivated or source is Source.LIST,
        changed_at=moment.latest,
    )
    store.change_person(connection, gone)
    disabled = _act(Event.PERSON_DISABLED, person, {"cause": cause, "by": source.value})
    return gone, [disabled, *end_all(connection, person, cause, moment)]


def enable(connection: Connection, person: Person, moment: Moment) -> tuple[Person, Sequence[Act]]:
    """Let a person sign in again, whoever disabled them. What has ended stays ended.

    Of somebody who was taken off the list it ends what was done by hand, so that they can be entered there anew.
    """
    if person.active:
        return person, []
    if person.removed_at is not None and not person.is_barred:
        raise Conflict(
            "They were taken off the list that their provider keeps.",
            code="person_removed",
            next_step="Have them entered there again: they come back as somebody new.",
        )
    if person.removed_at is None:
        return _let_in(connection, person, moment)
    lifted = msgspec.structs.replace(person, is_disabled_by_hand=False, is_deactivated=True, changed_at=moment.latest)
    store.change_person(connection, lifted)
    return lifted, [_act(Event.PERSON_ENABLED, person, {"removed": True})]


def reactivate(connection: Connection, person: Person, moment: Moment) -> tuple[Person, Sequence[Act]]:
    """Undo what whoever keeps the list did. Who was disabled by hand stays so."""
    if not person.is_barred:
        return _let_in(connection, person, moment)
    barred = msgspec.structs.replace(person, is_deactivated=False, changed_at=moment.latest)
    store.change_person(connection, barred)
    return barred, [_act(Event.PERSON_CHANGED, person, {"changed": ["is_deactivated"]})]


def _let_in(connection: Connection, person: Person, moment: Moment) -> tuple[Person, Sequence[Act]]:
    back = msgspec.structs.replace(
        person,
        disabled_at=None,
        disabled_cause=None,
        is_disabled_by_hand=False,
        is_deactivated=False,
        changed_at=moment.latest,
    )
    store.change_person(connection, back)
    return back, [_act(Event.PERSON_ENABLED, person, {})]


def end_all(connection: Connection, person: Person, cause: str, moment: Moment) -> list[Act]:
    """End every session and every key of a person's own. Clients that they made go on."""
    acts = []
    for session in store.standing_sessions(connection, person.id):
        acts += end_one(connection, session.id, cause, moment)
    return acts + [end_key(connection, key, cause, moment) for key in identity.standing_keys_of(connection, person.id)]


def end_one(connection: Connection, session_id: str, cause: str, moment: Moment) -> list[Act]:
    """End a session. One that is over already, or never was, needs no ending."""
    session = store.session_by_id(connection, session_id)
    person = None if session is None else store.person_by_id(connection, session.person)
    if session is None or person is None or session.ended_at is not None:
        return []
    store.end_session(connection, session_id, moment.latest, cause)
    return [
        Act(
            event=Event.SESSION_ENDED,
            subject=session_id,
            organisation=person.organisation,
            detail={"person": person.id, "cause": cause},
            touches=(Touch("session", session_id), Touch("person", person.id)),
        )
    ]


def end_key(connection: Connection, key: Key, cause: str, moment: Moment) -> Act:
    """End a key of a person's own."""
    identity.end_key(connection, key.id, moment.latest, cause)
    return act(Event.KEY_REVOKED, key, {"cause": cause})


def _act(event: Event, person: Person, detail: dict[str, str | int | bool | list[str]]) -> Act:
    touch = Touch("person", person.id)
    return Act(event=event, subject=person.id, organisation=person.organisation, detail=detail, touches=(touch,))
