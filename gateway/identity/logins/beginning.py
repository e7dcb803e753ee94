"""Sessions of the command line begun and renewed: each the inside of one transaction, with its acts.

A session begins with what the browser's has in which a person allowed it: roles, assertions, when the person last
proved themself, and when at the latest the provider is to be asked again. What may fail after something was written
is answered, not raised: a raise would undo the writing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from gateway.clock import HOUR, Moment, text_from
from gateway.errors import Invalid, Unauthenticated
from gateway.identity import store as identity
from gateway.identity.keys import Secret
from gateway.identity.logins import store
from gateway.identity.logins.refusals import invalid_grant
from gateway.identity.logins.requests import COMMAND_LINE
from gateway.identity.organisations import PROVIDER
from gateway.identity.people import store as people
from gateway.identity.people.leaving import end_one
from gateway.identity.people.persons import Person
from gateway.identity.people.sessions import Session, SessionKind, mint_session
from gateway.identity.tokens.own import PREFIX, SignedIn
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Touch

IDLE = 12 * HOUR
"""How long a session lasts without being renewed: longer than a browser's, since a terminal is not walked away from."""

REFRESH = "rsgr_"


class Given(NamedTuple):
    """What a command line gets: an access token is written of it once the transaction has lasted."""

    session: SignedIn
    scope: str
    number: str
    """Of the access token."""
    refresh_token: Secret


Answered = tuple[Given | Invalid, Sequence[Act]]
"""What a transaction answers: what is given, or why nothing is, with the acts that last either way."""


def begin(connection: Connection, allowed_in: str, scope: str, number: str, moment: Moment) -> Answered:
    """A session for whoever allowed it in this session of a browser, while both stand."""
    browser = people.session_by_id(connection, allowed_in)
    person = None if browser is None else _standing(connection, browser, moment)
    if browser is None or person is None or browser.kind is not SessionKind.BROWSER:
        return invalid_grant("Whoever allowed this is signed out since."), []
    session_id, _, digest = mint_session()  # its secret is told to nobody: it is reached by tokens alone
    session = msgspec.structs.replace(
        browser,
        id=session_id,
        kind=SessionKind.CLI,
        digest=digest,
        created_at=moment.latest,
        idle=IDLE,
        idle_ends_at=min(browser.ends_at, moment.latest + IDLE),
    )
    people.add_session(connection, session)
    given = _given(connection, session, scope, number, moment)
    began = Act(
        event=Event.SESSION_STARTED,
        subject=session.id,
        organisation=person.organisation,
        detail={
            "person": person.id,
            "issuer": person.issuer,
            "kind": session.kind.value,
            "client": COMMAND_LINE,
            "allowed_in": browser.id,
            "roles": [role.value for role in session.roles],
            "signed_in_at": text_from(session.signed_in_at),
            "ends_at": text_from(session.ends_at),
        },
        touches=(Touch("person", person.id),),  # their own keys count on their being signed in
    )
    return given, [began, _issued(given, person)]


def renew(connection: Connection, presented: str, number: str, moment: Moment) -> Answered:
    """Another access token, and another of what was presented, which ends here. Presented twice, it ends the session.

    Whoever holds a copy is told apart from its owner by nothing else (RFC 9700, 4.14.2).
    """
    token = store.refresh_token(connection, store.digest_of(presented))
    if token is None:
        return invalid_grant(), []
    if token.used_at is not None:
        return invalid_grant(), end_one(connection, token.session, "what renews it was presented twice", moment)
    session = people.session_by_id(connection, token.session)
    person = None if session is None else _standing(connection, session, moment)
    if session is None or person is None:
        return invalid_grant("This sign-in is over."), []
    store.use_refresh_token(connection, token.digest, moment.latest)
    people.note_session_uses(connection, [(session.id, moment.latest)])
    given = _given(connection, session, token.scope, number, moment)
    return given, [_issued(given, person)]


def actor_in(connection: Connection, session_id: str | None) -> Actor:
    """Whose session this is, as the ledger names who acts; nobody where it is none."""
    session = None if session_id is None else people.session_by_id(connection, session_id)
    person = None if session is None else people.person_by_id(connection, session.person)
    if session is None or person is None:
        return Actor("", PROVIDER)
    return Actor(person.id, person.organisation, person=person.id, session=session.id)


def session_renewed_by(connection: Connection, refresh_token: str) -> str | None:
    """Id of the session that a token renews, or ever has; None for what is none."""
    token = store.refresh_token(connection, store.digest_of(refresh_token))
    return None if token is None else token.session


def _standing(connection: Connection, session: Session, moment: Moment) -> Person | None:
    """Whose session this is, where it stands with them and their organisation; None where anything does not."""
    person = people.person_by_id(connection, session.person)
    organisation = None if person is None else identity.organisation_by_id(connection, person.organisation)
    if person is None or organisation is None or organisation.disabled_at is not None:
        return None
    try:
        # A browser's was used when this was allowed; that it was is not written at once.
        session.check_stands(moment, session.ends_at if session.kind is SessionKind.BROWSER else 0)
        person.check_stands()
    except Unauthenticated:
        return None
    return person


def _given(connection: Connection, session: Session, scope: str, number: str, moment: Moment) -> Given:
    refresh, digest = store.mint(REFRESH)
    token = store.RefreshToken(digest=digest, session=session.id, scope=scope, expires_at=session.ends_at)
    store.add_refresh_token(connection, token, moment.latest)
    return Given(SignedIn(session.id, session.person, COMMAND_LINE, session.ends_at), scope, number, refresh)


def _issued(given: Given, person: Person) -> Act:
    return Act(
        event=Event.TOKEN_ISSUED,
        subject=PREFIX + given.number,
        organisation=person.organisation,
        key=person.id,
        detail={"scopes": given.scope.split(" "), "person": person.id, "session": given.session.id},
    )
