"""Sessions as one process knows them, with the callers behind them made ready.

A session, its person and their organisation are each looked up once, kept, and dropped when the feed names them.
Whether a session was used lately is known here before it is written down.
"""

from collections.abc import Awaitable, Callable, Collection

import msgspec

from gateway.clock import Instant, Moment
from gateway.errors import Unauthenticated
from gateway.identity.attributes import standing, stands_until
from gateway.identity.callers import Caller
from gateway.identity.keyring import revoked
from gateway.identity.known import KnownKeys
from gateway.identity.organisations import Profile
from gateway.identity.people.persons import Person, nobody_vouches
from gateway.identity.people.sessions import Session, parts_of
from gateway.lookups import Lookup

SCOPES = ("control",)
"""What a session reaches by itself: models and weights take a key or a token, never a cookie."""


class Behind(msgspec.Struct, frozen=True):
    """Who stands behind a session."""

    person: Person
    profile: Profile

    def is_same(self, other: "Behind | None") -> bool:
        """Whether nothing of it was dropped and looked up again in between."""
        return other is not None and self.person is other.person and self.profile is other.profile


class KnownSession:
    """One session's row, and the caller last made of it."""

    __slots__ = ("_behind", "_caller", "_until", "idle_ends_at", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.idle_ends_at = session.idle_ends_at
        """As far as this process knows: others may have seen it used later."""
        self._caller: Caller | None = None
        self._behind: Behind | None = None
        self._until: Instant = 0
        """From when other attributes may stand."""

    def caller(self, behind: Behind, moment: Moment) -> Caller:
        """Who stands behind the session. Raises Unauthenticated where somebody no longer does."""
        self.session.check_stands(moment, self.idle_ends_at)
        behind.person.check_stands()
        if behind.profile.disabled:
            raise revoked()
        if self._caller is not None and behind.is_same(self._behind) and moment.latest < self._until:
            return self._caller
        asserted = behind.profile.assertions + self.session.assertions
        caller = Caller(
            key=behind.person.id,
            organisation=behind.person.organisation,
            roles=self.session.roles,
            scopes=SCOPES,
            attributes=tuple(standing(asserted, moment).values()),
            expires_at=self.session.ends_at,
            person=behind.person.id,
            session=self.session.id,
            signed_in_at=self.session.signed_in_at,
        )
        if self._caller is None or caller != self._caller:
            self._caller = caller
        self._behind, self._until = behind, stands_until(asserted, moment)
        return self._caller

    def still_gives(self, caller: Caller, behind: Behind) -> bool:
        """Whether this very caller was made of this session and of who is behind it."""
        return self._caller is caller and behind.is_same(self._behind)


class KnownPeople:
    """Sessions and the people behind them."""

    def __init__(
        self,
        keys: KnownKeys,
        load_session: Callable[[str], Awaitable[Session | None]],
        load_person: Callable[[str], Awaitable[Person | None]],
        keeps: int,
        providers: Collection[str],
    ) -> None:
        """`providers` are the names of those declared: nobody is let in whom another once vouched for."""

        async def known(session_id: str) -> KnownSession | None:
            session = await load_session(session_id)
            return None if session is None else KnownSession(session)

        self._keys = keys
        self._providers = frozenset(providers)
        self._load_session = load_session
        self._sessions: Lookup[str, KnownSession] = Lookup(known, keeps=keeps)
        self._people: Lookup[str, Person] = Lookup(load_person, keeps=keeps)

    async def caller(self, shown: str, moment: Moment) -> Caller:
        """Who shows this session. Raises Unauthenticated, alike for an unknown one and a secret that does not fit."""
        parts = parts_of(shown)
        if parts is None:
            raise Unauthenticated
        known, behind = await self._find(parts[0])
        if not known.session.is_proven_by(parts[1]):
            raise Unauthenticated
        if moment.maybe_reached(known.idle_ends_at):
            await self._look_whether_used_elsewhere(known)
        caller = known.caller(behind, moment)
        known.idle_ends_at = max(known.idle_ends_at, moment.latest + known.session.idle)
        return caller

    async def again(self, session_id: str, moment: Moment) -> Caller:
        """Who stands behind a session that was shown before. Raises as `caller` does; it is not used by this."""
        known, behind = await self._find(session_id)
        if moment.maybe_reached(known.idle_ends_at):
            await self._look_whether_used_elsewhere(known)
        return known.caller(behind, moment)

    def is_current(self, caller: Caller) -> bool:
        """Whether nothing about this caller was dropped since it was given; without waiting."""
        known = self._sessions.get_kept(caller.session)
        behind = None if known is None else self._kept_behind(known.session)
        return known is not None and behind is not None and known.still_gives(caller, behind)

    @property
    def drops(self) -> int:
        """Grows with whatever is forgotten here."""
        return self._sessions.drops + self._people.drops

    def drop(self, kind: str, subject: str) -> None:
        """Forget a `session` or a `person`; other kinds are not kept here."""
        if kind == "session":
            self._sessions.drop(subject)
        elif kind == "person":
            self._people.drop(subject)

    def drop_all(self) -> None:
        """Forget everything."""
        self._sessions.drop_all()
        self._people.drop_all()

    async def _find(self, session_id: str) -> tuple[KnownSession, Behind]:
        """A session and who is behind it, where their provider is declared.

        They are looked up where need be; nothing of it was dropped while the rest was looked up.
        """
        known, behind = await self._look_up(session_id)
        if behind.person.issuer not in self._providers:
            raise nobody_vouches()
        return known, behind

    async def _look_up(self, session_id: str) -> tuple[KnownSession, Behind]:
        while True:
            known = await self._sessions.get(session_id)
            if known is None:
                raise Unauthenticated
            behind = self._kept_behind(known.session)
            if behind is not None:
                return known, behind
            person = await self._people.get(known.session.person)
            if person is None or await self._keys.profile(person.organisation) is None:
                raise Unauthenticated
            behind = self._kept_behind(known.session)
            if behind is not None and self._sessions.get_kept(session_id) is known:
                return known, behind

    def _kept_behind(self, session: Session) -> Behind | None:
        person = self._people.get_kept(session.person)
        profile = None if person is None else self._keys.kept_profile(person.organisation)
        return None if person is None or profile is None else Behind(person, profile)

    async def _look_whether_used_elsewhere(self, known: KnownSession) -> None:
        """Another process may have seen it used, and written so."""
        fresh = await self._load_session(known.session.id)
        if fresh is not None:
            known.idle_ends_at = max(known.idle_ends_at, fresh.idle_ends_at)
