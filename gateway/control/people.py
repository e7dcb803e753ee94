"""`/control/people`: who has signed in or was provisioned, their sessions, and letting them in no more."""

from datetime import datetime

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody

from gateway.control.areas import Asking, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.wire import (
    After,
    Cause,
    Limit,
    OrganisationFilter,
    PersonInPath,
    SessionInPath,
    shown,
    when,
)
from gateway.identity.callers import OVERSIGHT, Role
from gateway.identity.people.leaving import disabled_by
from gateway.identity.people.persons import Person
from gateway.identity.people.sessions import Session


class ShownPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A person as they stand."""

    id: str
    organisation: str
    issuer: str
    """The identity provider that knows them, as it is declared here."""
    user_name: str
    display_name: str
    external_id: str | None
    state: str
    """active or disabled."""
    has_signed_in: bool
    created_at: datetime
    disabled_at: datetime | None
    disabled_cause: str | None
    disabled_by: list[str]
    """hand, which only `enable` undoes, or list: whoever keeps the list of their provider's people; or both."""
    formerly: str | None
    """Under which id they were first known here, where that list has entered them anew: they are one party."""


class PersonPage(msgspec.Struct, frozen=True):
    """Some people, in order of id."""

    people: list[ShownPerson]
    next: str | None
    """Where the next page begins; null on the last."""


class HeldSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that nobody has ended."""

    id: str
    kind: str
    """browser or cli."""
    roles: list[str]
    created_at: datetime
    signed_in_at: datetime | None
    """When the person last proved themself to the provider; null where it does not say."""
    idle_ends_at: datetime
    """When it ends unless it is used again; true to about a minute."""
    ends_at: datetime


class HeldSessions(msgspec.Struct, frozen=True):
    """Sessions of one person, the oldest first."""

    sessions: list[HeldSession]


class EndedSession(msgspec.Struct, frozen=True):
    """A session that is over."""

    id: str


class People(Controller):
    """People who sign in."""

    path = "/people"
    tags = ("people",)

    @get("/", **open_to(*OVERSIGHT))
    async def index(
        self,
        *,
        areas: InAreas,
        caller: Asking,
        organisation: OrganisationFilter = None,
        after: After = None,
        limit: Limit = 100,
    ) -> PersonPage:
        """People of one organisation, or of all."""
        found = await areas.people.people(caller, organisation=organisation or "", after=after or "", limit=limit)
        return PersonPage([_shown(each) for each in found], found[-1].id if len(found) == limit else None)

    @get("/{person:str}", **open_to(*OVERSIGHT))
    async def show(self, person: PersonInPath, areas: InAreas, caller: Asking) -> ShownPerson:
        """One person."""
        return _shown(await areas.people.person(caller, person))

    @get("/{person:str}/sessions", **open_to(*OVERSIGHT))
    async def sessions(self, person: PersonInPath, areas: InAreas, caller: Asking) -> HeldSessions:
        """Sessions of a person that nobody has ended."""
        return HeldSessions([_held(each) for each in await areas.people.sessions(caller, person)])

    @post("/{person:str}/disable", status_code=200, **open_to(Role.PROVIDER))
    async def disable(
        self, person: PersonInPath, data: JSONBody[Cause], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownPerson:
        """Let a person in no more: their sessions, tokens and own keys end everywhere within a second."""
        return _shown(await areas.people.disable(caller, person, data.cause, moment))

    @post("/{person:str}/enable", status_code=200, **open_to(Role.PROVIDER))
    async def enable(self, person: PersonInPath, areas: InAreas, caller: Asking, moment: Now) -> ShownPerson:
        """Let a person sign in again. What has ended stays ended."""
        return _shown(await areas.people.enable(caller, person, moment))

    @post("/{person:str}/sessions/{session:str}/end", status_code=200, **open_to(Role.PROVIDER))
    async def end_session(
        self,
        *,
        person: PersonInPath,
        session: SessionInPath,
        data: JSONBody[Cause],
        areas: InAreas,
        caller: Asking,
        moment: Now,
    ) -> EndedSession:
        """End one session of a person, as that of a computer that was stolen. Again it changes nothing."""
        await areas.people.person(caller, person)
        await areas.people.end_session(caller, session, data.cause, moment)
        return EndedSession(session)


def _shown(person: Person) -> ShownPerson:
    return ShownPerson(
        id=person.id,
        organisation=person.organisation,
        issuer=person.issuer,
        user_name=person.user_name,
        display_name=person.display_name,
        external_id=person.external_id,
        state="active" if person.active else "disabled",
        has_signed_in=person.subject is not None,
        created_at=shown(person.created_at),
        disabled_at=when(person.disabled_at),
        disabled_cause=person.disabled_cause,
        disabled_by=[source.value for source in disabled_by(person)],
        formerly=person.formerly,
    )


def _held(session: Session) -> HeldSession:
    return HeldSession(
        id=session.id,
        kind=session.kind.value,
        roles=[role.value for role in session.roles],
        created_at=shown(session.created_at),
        signed_in_at=when(session.signed_in_at or None),
        idle_ends_at=shown(session.idle_ends_at),
        ends_at=shown(session.ends_at),
    )
