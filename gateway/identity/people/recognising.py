"""Whom somebody is here that a provider has vouched for: by subject, and by what a list of its people calls them.

A subject stays one human's for ever. Where a list of people is kept, nobody comes in whom it does not reach: not under
a name that it has for somebody else, nor under one that it has dropped. Read inside the transaction that lets them in.
"""

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant
from gateway.errors import Forbidden, Unauthenticated
from gateway.identity.people import store
from gateway.identity.people.persons import Person, off_the_list


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom a declared provider has vouched for."""

    issuer: str
    subject: str
    user_name: str
    """What to call them, where no list has a name for them; it proves nothing."""
    display_name: str
    signed_in_at: Instant
    """`auth_time`; where the provider says none, when it issued the ID token."""
    user_names: str = ""
    """The claim that equals the `userName` of somebody provisioned; empty where none does."""
    external_id: str = ""
    """The claim that equals the `externalId` of somebody provisioned; empty where none does."""
    takes_a_list: bool = False
    """Whether a list of this provider's people is kept here."""
    provisioned_only: bool = False
    """Whether nobody comes in who was not provisioned before."""


class Recognised(msgspec.Struct, frozen=True):
    """Whom this gateway knows as the one vouched for."""

    person: Person | None
    """None for somebody new."""
    formerly: Person | None = None
    """As whom they were known until now, where the list has entered them anew."""


def recognised(connection: Connection, vouched: Vouched) -> Recognised:
    """Whom this gateway knows as the one vouched for. Raises Forbidden or Unauthenticated where they may not come in.

    Whether who is found may come in is for whoever asks to check.
    """
    known = store.person_by_subject(connection, vouched.issuer, vouched.subject)
    if vouched.takes_a_list and not (vouched.user_names or vouched.external_id):
        raise _not_linked()
    listed = _listed(connection, vouched)
    if listed is not None and listed.subject is None:
        _check_not_disabled_before(connection, vouched, known)
        return Recognised(listed, known)
    if listed is not None and listed.subject != vouched.subject:
        raise _listed_as_another()
    if known is None:
        if vouched.provisioned_only:
            raise _not_provisioned()
        if _dropped(connection, vouched):
            raise off_the_list()
        return Recognised(None)
    if vouched.external_id and known.external_id not in {None, vouched.external_id}:
        raise _listed_as_another()
    return Recognised(known)


def expected_person(connection: Connection, vouched: Vouched) -> Person | None:
    """Whom that is expected to be, before the transaction that lets them in or refuses them; None for anybody else."""
    try:
        return recognised(connection, vouched).person
    except (Forbidden, Unauthenticated):
        return None


def _listed(connection: Connection, vouched: Vouched) -> Person | None:
    found = None
    if vouched.external_id:
        found = store.person_by_external_id(connection, vouched.issuer, vouched.external_id)
    if found is None and vouched.user_names:
        found = store.person_by_user_name(connection, vouched.issuer, vouched.user_names)
    return found


def _dropped(connection: Connection, vouched: Vouched) -> list[Person]:
    """Who was on the list under what this one is called, and is there so no more."""
    return store.formerly_named(connection, vouched.issuer, vouched.user_names, vouched.external_id)


def _check_not_disabled_before(connection: Connection, vouched: Vouched, known: Person | None) -> None:
    """Raise Unauthenticated where somebody disabled them by hand as whom they were before: a list cannot undo that."""
    before = [*_dropped(connection, vouched), *([known] if known is not None else [])]
    if any(each.is_barred for each in before):
        raise off_the_list()


def _not_provisioned() -> Forbidden:
    return Forbidden(
        "You have signed in, and nobody has entered you here.",
        code="not_provisioned",
        next_step="Ask whoever keeps your organisation's accounts to assign this gateway to you.",
    )


def _listed_as_another() -> Forbidden:
    return Forbidden(
        "What your provider says of you, and what the list of its people says, are of two different people.",
        code="listed_as_another",
        next_step="Ask whoever keeps your organisation's accounts: somebody else is entered here as you.",
    )


def _not_linked() -> Forbidden:
    return Forbidden(
        "Your provider does not say by which name you are on the list of its people.",
        code="not_linked",
        next_step="Ask whoever runs the gateway: the claim that `link` names is not there, or not verified.",
    )
