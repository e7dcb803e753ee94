"""People entered, changed and taken off a provider's list: each the inside of one transaction, with its acts.

What the ledger says of a change is which attributes changed, never what they are: what is written there cannot be
erased. Who was taken off a list leaves their id behind, what their provider calls them, and digests of their names, so
that nobody comes in under any of it until they are entered anew; the names themselves are erased.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.errors import Conflict, Forbidden, NotFound
from gateway.identity.callers import Role
from gateway.identity.issuing import Asking
from gateway.identity.organisations import PROVIDER
from gateway.identity.people import leaving
from gateway.identity.people import store as people
from gateway.identity.people.persons import Person, new_person_id
from gateway.identity.provisioning import store
from gateway.identity.provisioning.groups import Group, Membership
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Touch

Detail = Mapping[str, str | int | bool | list[str]]
Leave = Callable[[Connection, Person, str, Moment], tuple[Person, list[Act]]]
"""Ends a person here, with all that is theirs, for a cause."""

DEACTIVATED = "deactivated by whoever keeps the list of people"
REMOVED = "taken off the list of people"


class WantedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is to be."""

    user_name: str
    external_id: str | None
    display_name: str
    active: bool


Found = tuple[Person, Sequence[Membership]]
EditPerson = Callable[[Person, Sequence[Membership]], WantedPerson]
"""What is to become of it, given what it is; may refuse by raising."""


def enter(asks: Asking, issuer: str, wanted: WantedPerson, leave: Leave) -> tuple[Found, Sequence[Act]]:
    """Somebody new on the list. Raises Conflict (`uniqueness`) where a name is taken.

    Who has signed in before the list named them is named by it now, and nobody new.
    """
    check_provider(asks)
    unnamed = _unnamed(asks.connection, issuer, wanted)
    if unnamed is not None:
        return edit(asks, issuer, unnamed.id, lambda *_: wanted, leave)
    _check_names_free(asks.connection, issuer, wanted)
    person = Person(
        id=new_person_id(),
        organisation=PROVIDER,
        issuer=issuer,
        subject=None,
        user_name=wanted.user_name,
        external_id=wanted.external_id,
        display_name=wanted.display_name,
        created_at=asks.moment.latest,
        created_by=asks.key.id,
        changed_at=asks.moment.latest,
    )
    people.add_person(asks.connection, person)
    acts = [_about(Event.PERSON_CREATED, person, {"issuer": issuer, "provisioned": True})]
    if not wanted.active:
        person, more = leave(asks.connection, person, DEACTIVATED, asks.moment)
        acts += more
    return (person, ()), acts


def _unnamed(connection: Connection, issuer: str, wanted: WantedPerson) -> Person | None:
    """Who has signed in by this `externalId`, and goes by what their provider calls them until the list names them."""
    if wanted.external_id is None:
        return None
    same = people.person_by_external_id(connection, issuer, wanted.external_id)
    return same if same is not None and same.subject == same.user_name and not same.created_by else None


def edit(asks: Asking, issuer: str, person_id: str, editing: EditPerson, leave: Leave) -> tuple[Found, Sequence[Act]]:
    """Somebody changed, as they stand now. What changes nothing is no act."""
    check_provider(asks)
    person, memberships = _existing(asks.connection, issuer, person_id)
    wanted = editing(person, memberships)
    _check_names_free(asks.connection, issuer, wanted, person.id)
    named = msgspec.structs.replace(
        person, user_name=wanted.user_name, external_id=wanted.external_id, display_name=wanted.display_name
    )
    acts: list[Act] = []
    if named != person:
        before, names = person, changed(person, named)
        person = msgspec.structs.replace(named, changed_at=asks.moment.latest)
        people.change_person(asks.connection, person)
        people.drop_names(asks.connection, before, person)
        acts.append(_about(Event.PERSON_CHANGED, person, {"changed": names}))
    if person.is_listed_active and not wanted.active:
        person, more = leave(asks.connection, person, DEACTIVATED, asks.moment)
        acts += more
    elif wanted.active and not person.is_listed_active:
        person, back = leaving.reactivate(asks.connection, person, asks.moment)
        acts += back
    return (person, memberships), acts


def remove(
    asks: Asking, issuer: str, person_id: str, check: Callable[[Person, Sequence[Membership]], None], leave: Leave
) -> tuple[None, Sequence[Act]]:
    """Somebody taken off the list, with all that is theirs."""
    check_provider(asks)
    person, memberships = _existing(asks.connection, issuer, person_id)
    check(person, memberships)
    before = person
    person, acts = leave(asks.connection, person, REMOVED, asks.moment)
    left = store.leave_groups(asks.connection, person.id)
    person = msgspec.structs.replace(
        person,
        user_name=person.id,
        external_id=None,
        display_name="",
        changed_at=asks.moment.latest,
        disabled_cause=person.disabled_cause if person.is_barred else REMOVED,
        removed_at=asks.moment.latest,
    )
    people.change_person(asks.connection, person)
    people.drop_names(asks.connection, before, person)
    return None, [*acts, _about(Event.PERSON_REMOVED, person, {"groups": left} if left else {})]


def found(connection: Connection, issuer: str, person_id: str) -> Found | None:
    """Somebody on the list; None for who was taken off it, too."""
    person = people.person_by_id(connection, person_id)
    if person is None or person.issuer != issuer or person.removed_at is not None:
        return None
    return person, store.memberships(connection, [person.id]).get(person.id, [])


def not_listed() -> NotFound:
    """What is said of what is on no list that the caller keeps."""
    return NotFound("There is nothing of this id on the list.")


def _existing(connection: Connection, issuer: str, person_id: str) -> Found:
    existing = found(connection, issuer, person_id)
    if existing is None:
        raise not_listed()
    return existing


def check_provider(asks: Asking) -> None:
    """Raise Forbidden for whoever is no provider."""
    if Role.PROVIDER not in asks.key.roles:
        raise Forbidden("Only a provider's key may do this.")


def _check_names_free(connection: Connection, issuer: str, wanted: WantedPerson, person: str = "") -> None:
    same = people.person_by_user_name(connection, issuer, wanted.user_name)
    if same is not None and same.id != person:
        raise taken("somebody with this `userName`")
    if wanted.external_id is not None:
        same = people.person_by_external_id(connection, issuer, wanted.external_id)
        if same is not None and same.id != person:
            raise taken("somebody with this `externalId`")


def taken(what: str) -> Conflict:
    """What is said where a name is somebody else's."""
    return Conflict(f"There is {what} on the list already.", code="uniqueness")


def changed(before: Person | Group, after: Person | Group) -> list[str]:
    """Which attributes are others now, as the ledger names them."""
    return [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)]


def _about(event: Event, person: Person, detail: Detail) -> Act:
    touch = Touch("person", person.id)
    return Act(event=event, subject=person.id, organisation=person.organisation, detail={**detail}, touches=(touch,))
