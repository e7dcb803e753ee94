"""The directory: who stands behind a key, answered at once for every key that was seen before.

Invariant: garbage and mistyped keys reach no database, and nothing here keeps, logs or tells a key.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.database.engine import Database, Readable, Work
from gateway.errors import Invalid, NotFound, SettingsInvalid, Unauthenticated
from gateway.identity import founding, issuing, registering, store
from gateway.identity.attributes import Claim
from gateway.identity.callers import OVERSIGHT, Assertion, Caller
from gateway.identity.keyring import Issued, Key, KeyOrder, Rotation
from gateway.identity.keys import is_key_id, key_id_at, key_id_of
from gateway.identity.known import KnownKey, KnownKeys
from gateway.identity.looking_up import LookUps
from gateway.identity.organisations import PROVIDER, Organisation, Profile, is_id
from gateway.identity.people import store as people
from gateway.identity.people.known import KnownPeople
from gateway.identity.peppers import Peppers
from gateway.identity.tokens.believing import Believed
from gateway.identity.tokens.known import KnownTokens
from gateway.identity.tokens.reading import is_token
from gateway.identity.uses import LastUses
from gateway.ledger.store import Act, Actor, Ledger, Touch

T = TypeVar("T")

TOKEN = "token"  # noqa: S105 - a kind of touch
"""What the feed calls an access token."""

PAGE_MAX = 200


class Directory:
    """Keys, organisations and attributes: looked up for every call, changed by those who may."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        peppers: Peppers,
        leisure: Readable | None = None,
        *,
        believed: Believed | None = None,
        providers: Collection[str] = (),
        withdraw: issuing.Withdraw = issuing.nothing_agreed,
        keeps: int = 50_000,
    ) -> None:
        """What no call waits for is read at leisure, where that is given; tokens are those of who is believed.

        `providers` are the names of the identity providers declared: people whom no other vouches for are not let in.
        `withdraw` is called inside the transaction in which a key is revoked.
        """
        self._withdraw = withdraw
        self._look_ups = LookUps(database, leisure or database)
        self._ledger = ledger
        self._peppers = peppers
        self._known = KnownKeys(self._look_ups.key, self._look_ups.profile, self._look_ups.vouchers, keeps, providers)
        self.people = KnownPeople(self._known, self._look_ups.session, self._look_ups.person, keeps, providers)
        self.tokens = KnownTokens(self._known, self.people, believed or Believed(), self._look_ups.is_revoked, keeps)
        self._uses = LastUses(database, store.note_uses)
        self._session_uses = LastUses(database, people.note_session_uses)

    # Who is asking

    async def authenticate(self, token: str, peer: str | None, now: Moment) -> Caller:
        """Who presents this key or access token, from this address.

        Raises Unauthenticated, or Unavailable when it cannot be told.
        """
        if is_token(token):
            caller = await self.tokens.caller(token, peer, now)
            if caller.token is not None and caller.token.workload is None and not caller.session:
                self._uses.note(caller.key, now.latest)
            return caller
        known, profile = self._proven(token) or await self._prove(token)
        known.check_peer(peer)
        if known.key.is_client:
            raise Unauthenticated(
                "This is a client's secret, which opens nothing itself.",
                code="client_secret_presented",
                next_step="Exchange it for an access token at `/oauth/token`, and send that.",
            )
        caller = known.caller(profile, now)
        self._uses.note(caller.key, now.latest)
        return caller

    async def in_session(self, shown: str, now: Moment) -> Caller:
        """Who shows this session. Raises as `authenticate` does."""
        caller = await self.people.caller(shown, now)
        self._session_uses.note(caller.session, now.latest)
        return caller

    async def client(self, client_id: str, secret: str | None, peer: str | None, now: Moment) -> Key:
        """The client of this id, which is to stand; by its secret, where it is not proven otherwise.

        Raises Unauthenticated, alike for what nobody knows and what does not fit.
        """
        if secret is None:
            found = self._known.kept(client_id) or (await self._known.find(client_id) if is_key_id(client_id) else None)
        else:
            found = self._proven(secret) or await self._prove(secret)
        if found is None or found[0].key.id != client_id or not found[0].key.is_client:
            raise Unauthenticated
        known, profile = found
        known.check_peer(peer)
        known.caller(profile, now)
        self._uses.note(client_id, now.latest)
        return known.key

    def _proven(self, token: str) -> tuple[KnownKey, Profile] | None:
        """The key, where this very token was verified before and nothing about the key was dropped since."""
        found = self._known.kept(key_id_at(token))
        return found if found is not None and found[0].is_proven(token) else None

    async def _prove(self, token: str) -> tuple[KnownKey, Profile]:
        """The key that this token is, verified. Raises Unauthenticated."""
        key_id = key_id_of(token)
        if key_id is None:
            raise Unauthenticated
        found = self._known.kept(key_id) or await self._known.find(key_id)
        if found is None:
            self._peppers.verifies_nothing(token)
            raise Unauthenticated
        known, _ = found
        if not self._peppers.verifies(token, known.pepper, known.digest):
            raise Unauthenticated
        known.prove(token)
        return found

    async def caller(self, key_id: str, now: Moment) -> Caller:
        """Who stands behind a key that was presented before. Raises as `authenticate` does."""
        found = self._known.kept(key_id) or await self._known.find(key_id)
        if found is None:
            raise Unauthenticated
        known, profile = found
        return known.caller(profile, now)

    async def renewed(self, caller: Caller, now: Moment) -> Caller:
        """Who stands now behind what a caller presented when it was let in. Raises as `authenticate` does."""
        if caller.token is not None:
            return await self.tokens.again(caller.token, now)
        if caller.session:
            return await self.people.again(caller.session, now)
        return await self.caller(caller.key, now)

    def is_current(self, caller: Caller) -> bool:
        """Whether nothing about this caller was dropped since it was given; without waiting."""
        if caller.token is not None:
            return self.tokens.is_current(caller, caller.token)
        if caller.session:
            return self.people.is_current(caller)
        kept = self._known.kept(caller.key)
        return kept is not None and kept[0].still_gives(caller, kept[1])

    @property
    def drops(self) -> int:
        """Grows with whatever is forgotten here: while it stands, everybody is who they were."""
        return self._known.drops + self.tokens.drops + self.people.drops

    def drop(self, kind: str, subject: str) -> None:
        """Forget what the feed names."""
        self._known.drop(kind, subject)
        self.people.drop(kind, subject)
        if kind == TOKEN:
            self.tokens.drop(subject)

    def drop_all(self) -> None:
        """Forget everything, as when the feed may have missed something."""
        self._known.drop_all()
        self.people.drop_all()
        self.tokens.drop_all()

    async def run(self, every_s: float = 60.0) -> None:
        """Write now and then when keys and sessions were last used, until cancelled."""
        await asyncio.gather(self._uses.run(every_s), self._session_uses.run(every_s))

    async def flush_last_used(self) -> None:
        """Write at once when keys and sessions were last used."""
        await self._uses.flush()
        await self._session_uses.flush()

    # Acts

    async def bootstrap(self, now: Moment) -> Issued | None:
        """The provider's first key, to be shown once; None where somebody was entered before. First starts may race.

        Raises SettingsInvalid when the peppers at hand verify none of the keys there are.
        """
        if await self._look_ups.read(store.is_empty):
            begin = partial(founding.begin, peppers=self._peppers, moment=now)
            return await self._ledger.administer(Actor(key="", organisation=PROVIDER), begin)
        await self._check_peppers()
        return None

    async def reissue(self, now: Moment, *, lost_peppers: bool = False) -> Issued:
        """A provider's key for whoever runs the installation and holds no other any more. No door may reach this.

        Where peppers are lost for good, every key that they signed is ended before.
        """
        if lost_peppers:
            end = partial(founding.end_unverified, peppers=self._peppers, moment=now)
            while await self._ledger.administer(Actor(key="", organisation=PROVIDER), end):
                pass
        else:
            await self._check_peppers()
        reissue = partial(founding.reissue, peppers=self._peppers, moment=now)
        return await self._ledger.administer(Actor(key="", organisation=PROVIDER), reissue)

    async def issue_key(self, actor: Caller, order: KeyOrder, now: Moment) -> Issued:
        """A new key, no wider than the actor's. Raises Forbidden naming what would be too wide."""
        if order.organisation:
            _check_organisation_id(order.organisation)
        return await self.act(actor, now, lambda asks: issuing.issue(asks, self._peppers, order))

    async def rotate_key(self, actor: Caller, key_id: str, rotation: Rotation, now: Moment) -> Issued:
        """A successor that is no wider; the old key goes on for the overlap at most."""
        _check_key_id(key_id)
        return await self.act(
            actor, now, lambda asks: issuing.rotate(asks, self._peppers, key_id, rotation), Touch("key", key_id)
        )

    async def revoke_key(self, actor: Caller, key_id: str, cause: str, now: Moment) -> Key:
        """End a key at once, here before this returns. Revoking again changes nothing."""
        _check_key_id(key_id)
        return await self.act(
            actor, now, lambda asks: issuing.revoke(asks, key_id, cause, self._withdraw), Touch("key", key_id)
        )

    async def create_organisation(self, actor: Caller, organisation: str, name: str, now: Moment) -> Organisation:
        """A new customer."""
        touch = Touch("organisation", organisation)
        return await self.act(actor, now, lambda asks: registering.create(asks, organisation, name), touch)

    async def disable_organisation(self, actor: Caller, organisation: str, cause: str, now: Moment) -> Organisation:
        """End every key of an organisation at once. Disabling it again changes nothing."""
        _check_organisation_id(organisation)
        touch = Touch("organisation", organisation)
        return await self.act(actor, now, lambda asks: registering.disable(asks, organisation, cause), touch)

    async def assert_attribute(self, actor: Caller, organisation: str, claim: Claim, now: Moment) -> Assertion:
        """A fact about an organisation, on somebody's word."""
        _check_organisation_id(organisation)
        touch = Touch("organisation", organisation)
        return await self.act(actor, now, lambda asks: registering.assert_attribute(asks, organisation, claim), touch)

    async def withdraw_attribute(
        self, actor: Caller, organisation: str, assertion_id: str, cause: str, now: Moment
    ) -> Assertion:
        """Let an assertion stand no more."""
        _check_organisation_id(organisation)
        return await self.act(
            actor,
            now,
            lambda asks: registering.withdraw_attribute(asks, organisation, assertion_id, cause),
            Touch("organisation", organisation),
        )

    # What an actor may see

    async def key(self, actor: Caller, key_id: str) -> Key:
        """One key. Raises NotFound also where the actor may not know of it."""
        _check_key_id(key_id)
        found = await self._look_ups.at_leisure(partial(store.key_by_id, key_id=key_id))
        return issuing.seen(found, actor.organisation, actor.roles)

    async def keys(
        self,
        actor: Caller,
        *,
        organisation: str = "",
        after: str = "",
        limit: int = 100,
        clients_only: bool = False,
    ) -> list[Key]:
        """Keys in order of id, after the given one. No organisation named: all that the actor may see."""
        organisation = _seen_organisation(actor, organisation)
        if after and not is_key_id(after):
            raise Invalid("This is not where a page ended.", param="after")
        work = partial(
            store.keys, organisation=organisation, after=after, limit=_page(limit), clients_only=clients_only
        )
        return await self._look_ups.at_leisure(work)

    async def disabled_among(self, organisations: frozenset[str]) -> frozenset[str]:
        """Which of these organisations are disabled: none of their keys opens anything."""
        return await self._look_ups.read(partial(store.disabled_among, organisations=organisations))

    async def organisation(self, actor: Caller, organisation: str) -> Organisation:
        """One organisation. Raises NotFound also where the actor may not know of it."""
        _check_organisation_id(organisation)
        _seen_organisation(actor, organisation)
        found = await self._look_ups.at_leisure(partial(store.organisation_by_id, organisation=organisation))
        if found is None:
            raise NotFound
        return found

    async def organisations(self, actor: Caller, *, after: str = "", limit: int = 100) -> list[Organisation]:
        """Organisations in order of id, after the given one, as far as the actor may see them."""
        if after and not is_id(after):
            raise Invalid("This is not where a page ended.", param="after")
        only = _seen_organisation(actor, "")
        work = partial(store.organisations, only=only, after=after, limit=_page(limit))
        return await self._look_ups.at_leisure(work)

    async def attributes(self, actor: Caller, organisation: str) -> tuple[Assertion, ...]:
        """Every assertion about an organisation that was not withdrawn."""
        await self.organisation(actor, organisation)
        return await self._look_ups.at_leisure(partial(store.assertions, organisation=organisation))

    async def _check_peppers(self) -> None:
        if not await self._look_ups.read(partial(store.has_key_under, peppers=self._peppers.names)):
            raise SettingsInvalid(
                "The peppers file does not belong to this database: no key there was signed under any of its peppers.",
                next_step="Put the peppers file back that this database was used with.",
            )

    async def look_up(self, work: Work[T]) -> T:
        """Read at leisure. Raises Unavailable where that takes too long."""
        return await self._look_ups.at_leisure(work)

    async def act(self, actor: Caller, now: Moment, work: issuing.Work[T], *touches: Touch) -> T:
        """Run an act, and forget here what it touched before anybody is told of it; others learn by the feed.

        `touches` are forgotten also where it fails, and may have been done all the same.
        """
        return await self.administer(
            actor.actor, lambda connection: work(issuing.asking(connection, actor, now)), *touches
        )

    async def administer(
        self, actor: Actor, work: Callable[[Connection], tuple[T, Sequence[Act]]], *touches: Touch
    ) -> T:
        """The same for whoever needs no key for it, such as somebody who signs in."""
        touched = list(touches)

        def inside(connection: Connection) -> tuple[T, Sequence[Act]]:
            answer, acts = work(connection)
            touched.extend(touch for act in acts for touch in act.touches)
            return answer, acts

        try:
            return await self._ledger.administer(actor, inside)
        finally:
            for touch in touched:
                self.drop(touch.kind, touch.id)


def _seen_organisation(actor: Caller, organisation: str) -> str:
    """The organisation to look into; empty for all. Raises NotFound for one that the actor may not know of."""
    if actor.has(*OVERSIGHT):
        if organisation:
            _check_organisation_id(organisation)
        return organisation
    if organisation not in {"", actor.organisation}:
        raise NotFound
    return actor.organisation


def _check_key_id(key_id: str) -> None:
    if not is_key_id(key_id):
        raise NotFound


def _check_organisation_id(organisation: str) -> None:
    if not is_id(organisation):
        raise NotFound


def _page(limit: int) -> int:
    if not 1 <= limit <= PAGE_MAX:
        raise Invalid(f"A page has 1 to {PAGE_MAX} lines.", param="limit")
    return limit
