"""Somebody arrives: their provider has vouched for them, and a session begins. The inside of one transaction.

A sign-in is taken once. What they hold already is never wider than what they are now: sessions and keys of theirs that
have a role which they have no more, or belong to another organisation, end here.
"""

from collections.abc import Callable, Collection, Sequence
from hashlib import sha256

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant, Moment, text_from
from gateway.errors import Forbidden, Unauthenticated
from gateway.identity import store as identity
from gateway.identity.callers import Assertion, Role
from gateway.identity.people import leaving, store
from gateway.identity.people.persons import NAME_MAX, Person
from gateway.identity.people.recognising import Vouched, recognised
from gateway.identity.people.sessions import Session, SessionKind, parts_of
from gateway.identity.tokens.store import use_assertion
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Touch

TakeBack = Callable[[Connection, Person, Collection[Role], str, Moment], list[Act]]
"""Takes back what somebody agreed to and is not done yet, but in these roles, for a cause."""


class Limits(msgspec.Struct, frozen=True):
    """How long sessions last, in microseconds."""

    idle: int
    absolute: int


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that succeeded at the provider, and the session that is to come of it."""

    vouched: Vouched
    organisation: str
    roles: tuple[Role, ...]
    assertions: tuple[Assertion, ...]
    session: str
    """Its id."""
    kind: SessionKind
    digest: bytes
    limits: Limits
    state: str
    """By which the sign-in was known, to be taken once."""
    state_expires_at: Instant
    replaces: str = ""
    """The session that the same browser showed until now, whole: it ends, where it is one."""


class Arrived(msgspec.Struct, frozen=True):
    """Who came, and their new session."""

    person: Person
    session: Session


class Moved(Exception):
    """Who it is has changed since it was looked up."""


def arrive(
    connection: Connection, arrival: Arrival, person_id: str, moment: Moment, take_back: TakeBack
) -> tuple[Arrived, Sequence[Act]]:
    """Begin the session of the person with this id, who is written down where they are new.

    Raises Moved where another id is theirs, Forbidden or Unauthenticated where they may not come in.
    """
    taken = sha256(f"sign-in\0{arrival.state}".encode()).hexdigest()
    if not use_assertion(connection, taken, arrival.state_expires_at, moment.latest):
        raise Unauthenticated("This sign-in was used before.", code="sign_in_used", next_step="Sign in again.")
    organisation = identity.organisation_by_id(connection, arrival.organisation)
    if organisation is None or organisation.disabled_at is not None:
        raise Forbidden(
            "The organisation that you would belong to is not there, or is disabled.",
            code="no_organisation",
            next_step="Ask whoever runs the gateway.",
        )
    person, acts = _as_they_are_now(connection, arrival, person_id, moment, take_back)
    acts += _narrowed(connection, person, arrival.roles, moment, take_back)
    acts += _replaced(connection, arrival.replaces, moment)
    session = Session(
        id=arrival.session,
        person=person.id,
        kind=arrival.kind,
        digest=arrival.digest,
        roles=arrival.roles,
        assertions=arrival.assertions,
        signed_in_at=arrival.vouched.signed_in_at,
        created_at=moment.latest,
        idle=arrival.limits.idle,
        idle_ends_at=moment.earliest + min(arrival.limits.idle, arrival.limits.absolute),
        ends_at=moment.earliest + arrival.limits.absolute,
    )
    store.add_session(connection, session)
    return Arrived(person, session), [*acts, _started(person, session)]


def _as_they_are_now(
    connection: Connection, arrival: Arrival, person_id: str, moment: Moment, take_back: TakeBack
) -> tuple[Person, list[Act]]:
    found = recognised(connection, arrival.vouched)
    before, formerly = found.person, found.formerly
    if before is None:
        if store.person_by_id(connection, person_id) is not None:
            raise Moved
        return _entered(connection, arrival, person_id, moment)
    if before.id != person_id:
        raise Moved
    before.check_stands()
    acts, detail = [], {"organisation": arrival.organisation}
    if formerly is not None:
        acts, detail["formerly"] = _succeeded(connection, formerly, moment, take_back), formerly.party
    elif before.organisation != arrival.organisation:
        cause = "moved to another organisation"
        acts = leaving.end_all(connection, before, cause, moment)
        acts += take_back(connection, before, (), cause, moment)
    person = msgspec.structs.replace(
        before,
        organisation=arrival.organisation,
        subject=arrival.vouched.subject,
        external_id=before.external_id or _free_external_id(connection, arrival.vouched),
        formerly=before.formerly if formerly is None else formerly.party,
    )
    if person == before:
        return person, acts
    person = msgspec.structs.replace(person, changed_at=moment.latest)
    store.change_person(connection, person)
    return person, [*acts, _act(Event.PERSON_CHANGED, person, {**detail})]


def _entered(connection: Connection, arrival: Arrival, person_id: str, moment: Moment) -> tuple[Person, list[Act]]:
    """Somebody new."""
    vouched = arrival.vouched
    name = _free_name(connection, vouched, person_id)
    person = Person(
        id=person_id,
        organisation=arrival.organisation,
        issuer=vouched.issuer,
        subject=vouched.subject,
        user_name=name,
        external_id=_free_external_id(connection, vouched),
        display_name=vouched.display_name or ("" if name == vouched.user_name else vouched.user_name),
        created_at=moment.latest,
        created_by="",
        changed_at=moment.latest,
    )
    store.add_person(connection, person)
    return person, [_act(Event.PERSON_CREATED, person, {"issuer": vouched.issuer})]


def _succeeded(connection: Connection, formerly: Person, moment: Moment, take_back: TakeBack) -> list[Act]:
    """End somebody as whom they were before, and leave their subject to whom the list has entered in their place."""
    cause = "entered anew on the list of people"
    formerly, acts = leaving.disable(connection, formerly, leaving.Source.LIST, cause, moment)
    if acts:
        acts += take_back(connection, formerly, (), cause, moment)
    store.change_person(connection, msgspec.structs.replace(formerly, subject=None))
    return acts


def _replaced(connection: Connection, shown: str, moment: Moment) -> list[Act]:
    """End the session that was shown; whoever knows its id alone ends nothing."""
    parts = parts_of(shown)
    session = None if parts is None else store.session_by_id(connection, parts[0])
    if parts is None or session is None or not session.is_proven_by(parts[1]):
        return []
    return leaving.end_one(connection, session.id, "signed in again", moment)


def _narrowed(
    connection: Connection, person: Person, roles: tuple[Role, ...], moment: Moment, take_back: TakeBack
) -> list[Act]:
    """End sessions that have a role which the person has no more, and keys that they could not issue any more.

    What they agreed to in a role that they could not act in any more is taken back.
    """
    acts, cause = [], "a role was taken away"
    for session in store.standing_sessions(connection, person.id):
        if not set(session.roles) <= set(roles):
            acts += leaving.end_one(connection, session.id, cause, moment)
    givable = set(Role) if Role.PROVIDER in roles else set(roles)
    for key in identity.standing_keys_of(connection, person.id):
        if not set(key.roles) <= givable:
            acts.append(leaving.end_key(connection, key, cause, moment))
    return acts + take_back(connection, person, givable, cause, moment)


def _free_name(connection: Connection, vouched: Vouched, person_id: str) -> str:
    """A name that nobody else has with this provider: it is for people to read, and proves nothing.

    Where people are linked by it, it is the one by which whoever keeps the list finds them. Where they are linked by
    something else it is none that they could choose: the list would take them for whom it knows under it.
    """
    chosen = "" if vouched.takes_a_list else vouched.user_name
    for name in (vouched.user_names, chosen, vouched.subject):
        if 0 < len(name.casefold()) <= NAME_MAX and not store.person_by_user_name(connection, vouched.issuer, name):
            return name
    return person_id


def _free_external_id(connection: Connection, vouched: Vouched) -> str | None:
    """What whoever keeps the list calls them, so that it finds them there and enters nobody twice."""
    named = vouched.external_id
    if not 0 < len(named) <= NAME_MAX or store.person_by_external_id(connection, vouched.issuer, named):
        return None
    return named


def _started(person: Person, session: Session) -> Act:
    return Act(
        event=Event.SESSION_STARTED,
        subject=session.id,
        organisation=person.organisation,
        detail={
            "person": person.id,
            "issuer": person.issuer,
            "kind": session.kind.value,
            "roles": [role.value for role in session.roles],
            "signed_in_at": text_from(session.signed_in_at),
            "ends_at": text_from(session.ends_at),
        },
        touches=(Touch("person", person.id),),  # their own keys have what was vouched for now
    )


def _act(event: Event, person: Person, detail: dict[str, str | int | bool | list[str]]) -> Act:
    touch = Touch("person", person.id)
    return Act(event=event, subject=person.id, organisation=person.organisation, detail=detail, touches=(touch,))
