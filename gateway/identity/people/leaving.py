"""Sessions and people that end, with all that is theirs alone: each the inside of one transaction, with its acts."""

from collections.abc import Sequence

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


def disable(connection: Connection, person: Person, cause: str, moment: Moment) -> tuple[Person, list[Act]]:
    """Let a person in no more, and end their sessions and their own keys. Again it changes nothing.

    The provider's last key may be among them: whoever leaves leaves, and those who run the gateway have a way in.
    """
    if not person.active:
        return person, []
    gone = msgspec.structs.replace(person, disabled_at=moment.latest, disabled_cause=cause, changed_at=moment.latest)
    store.change_person(connection, gone)
    disabled = Act(
        event=Event.PERSON_DISABLED,
        subject=person.id,
        organisation=person.organisation,
        detail={"cause": cause},
        touches=(Touch("person", person.id),),
    )
    return gone, [disabled, *end_all(connection, person, cause, moment)]


def enable(connection: Connection, person: Person, moment: Moment) -> tuple[Person, Sequence[Act]]:
    """Let a person sign in again. What has ended stays ended."""
    if person.active:
        return person, []
    if person.removed_at is not None:
        raise Conflict(
            "They were taken off the list that their provider keeps.",
            code="person_removed",
            next_step="Have them entered there again: they come back as somebody new.",
        )
    back = msgspec.structs.replace(person, disabled_at=None, disabled_cause=None, changed_at=moment.latest)
    store.change_person(connection, back)
    enabled = Act(
        event=Event.PERSON_ENABLED,
        subject=person.id,
        organisation=person.organisation,
        touches=(Touch("person", person.id),),
    )
    return back, [enabled]


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
