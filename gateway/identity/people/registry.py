"""The register of people: who arrives, who leaves, and which sessions they hold."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.errors import Conflict, Forbidden, NotFound
from gateway.identity import store as identity
from gateway.identity.callers import OVERSIGHT, Caller, Role
from gateway.identity.directory import PAGE_MAX, Directory
from gateway.identity.issuing import Asking, Withdraw
from gateway.identity.organisations import checked_text
from gateway.identity.people import leaving, store
from gateway.identity.people.arriving import Arrival, Arrived, Moved, arrive
from gateway.identity.people.leaving import Source
from gateway.identity.people.persons import Person, is_person_id, new_person_id
from gateway.identity.people.recognising import expected_person
from gateway.identity.people.sessions import Session
from gateway.ledger.store import Act, Actor, Touch

T = TypeVar("T")

TRIES_MAX = 3
"""Of two first sign-ins of one person that come at once, one is tried again."""


class Registry:
    """Everything that is done about people."""

    def __init__(self, directory: Directory, withdraw: Withdraw) -> None:
        """`withdraw` is called inside the transaction in which somebody leaves, or has other roles than before."""
        self._directory = directory
        self._withdraw = withdraw

    async def arrive(self, arrival: Arrival, now: Moment) -> Arrived:
        """Begin somebody's session. Raises Forbidden or Unauthenticated where they may not come in."""
        for _ in range(TRIES_MAX):
            known = await self._directory.look_up(partial(expected_person, vouched=arrival.vouched))
            person = new_person_id() if known is None else known.id
            actor = Actor(person, arrival.organisation, person=person, session=arrival.session)
            work = partial(arrive, arrival=arrival, person_id=person, moment=now, take_back=self._take_back)
            try:
                return await self._directory.administer(actor, work)
            except Moved:
                continue
        raise Conflict("Somebody else signs in as you just now.", next_step="Sign in again.")

    async def end_session(self, actor: Caller, session_id: str, cause: str, now: Moment) -> None:
        """End a session: one's own, or anybody's by a provider."""

        def work(asks: Asking) -> tuple[None, list[Act]]:
            session = store.session_by_id(asks.connection, session_id)
            if session is None or (session.person != asks.person and Role.PROVIDER not in asks.key.roles):
                raise NotFound
            return None, leaving.end_one(asks.connection, session_id, checked_text(cause, "cause"), asks.moment)

        await self._directory.act(actor, now, work, Touch("session", session_id))

    async def disable(self, actor: Caller, person_id: str, cause: str, now: Moment) -> Person:
        """Let a person in no more: everywhere within a second, answers under way included."""

        def work(asks: Asking) -> tuple[Person, list[Act]]:
            person = _of(asks, person_id)
            return self._leave(asks.connection, person, Source.HAND, checked_text(cause, "cause"), asks.moment)

        return await self._directory.act(actor, now, work, Touch("person", person_id))

    async def enable(self, actor: Caller, person_id: str, now: Moment) -> Person:
        """Let a person sign in again."""

        def work(asks: Asking) -> tuple[Person, Sequence[Act]]:
            return leaving.enable(asks.connection, _of(asks, person_id), asks.moment)

        return await self._directory.act(actor, now, work, Touch("person", person_id))

    def leave(self, connection: Connection, person: Person, cause: str, moment: Moment) -> tuple[Person, list[Act]]:
        """Inside a transaction of whoever keeps a list: end the person here, and what is theirs."""
        return self._leave(connection, person, Source.LIST, cause, moment)

    def _leave(
        self, connection: Connection, person: Person, source: Source, cause: str, moment: Moment
    ) -> tuple[Person, list[Act]]:
        """End the person here, what is theirs, and what they agreed to that is not done yet."""
        gone, acts = leaving.disable(connection, person, source, cause, moment)
        return gone, acts + self._take_back(connection, person, (), cause, moment) if acts else acts

    def _take_back(
        self, connection: Connection, person: Person, keeping: Collection[Role], cause: str, moment: Moment
    ) -> list[Act]:
        """Take back what they agreed to and is not done yet, but in the roles that they keep."""
        known_as = [person.id, *identity.keys_ever_of(connection, person.id)]
        return self._withdraw(connection, known_as, cause, moment, keeping)

    async def person(self, actor: Caller, person_id: str) -> Person:
        """One person. Raises NotFound also where the actor may not know of them."""
        found = None
        if is_person_id(person_id):
            found = await self._directory.look_up(partial(store.person_by_id, person=person_id))
        if found is None or (found.id != actor.person and not _may_see(actor, found.organisation)):
            raise NotFound
        return found

    async def people(self, actor: Caller, *, organisation: str = "", after: str = "", limit: int = 100) -> list[Person]:
        """People in order of id, after the given one, as far as the actor may see them."""
        if not actor.has(*OVERSIGHT):
            if organisation not in {"", actor.organisation}:
                raise NotFound
            organisation = actor.organisation
        most = max(1, min(limit, PAGE_MAX))
        return await self._directory.look_up(partial(store.people, organisation=organisation, after=after, limit=most))

    async def sessions(self, actor: Caller, person_id: str) -> list[Session]:
        """Sessions of a person that nobody has ended."""
        await self.person(actor, person_id)
        return await self._directory.look_up(partial(store.standing_sessions, person=person_id))


def _may_see(actor: Caller, organisation: str) -> bool:
    return actor.has(*OVERSIGHT) or actor.organisation == organisation


def _of(asks: Asking, person_id: str) -> Person:
    if Role.PROVIDER not in asks.key.roles:
        raise Forbidden("Only a provider may do this.")
    person = store.person_by_id(asks.connection, person_id)
    if person is None:
        raise NotFound("There is no such person.")
    return person
