"""Tokens as one process knows them: each verified once, then known by the digest of its whole text until it ends.

Invariants: nothing shorter than a whole text is ever looked up, and no text is kept. What a token says never changes;
whether it stands is asked at every use: of its end, its revocation, its issuer's key, its client or organisation.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256

import msgspec

from gateway.clock import Instant, Moment
from gateway.errors import TokenInvalid, Unauthenticated
from gateway.identity.attributes import standing, stands_until
from gateway.identity.callers import AccessToken, Assertion, Caller
from gateway.identity.keyring import revoked
from gateway.identity.known import KnownKey, KnownKeys
from gateway.identity.organisations import Profile
from gateway.identity.people.known import KnownPeople
from gateway.identity.tokens.believing import Believed
from gateway.identity.tokens.checking import expired
from gateway.lookups import Lookup


class Standing(msgspec.Struct, frozen=True):
    """Whether a token was revoked, as last looked up: another object whenever that was looked up again."""

    revoked: bool


class Behind(msgspec.Struct, frozen=True):
    """What a caller was made of beside the token itself."""

    standing: Standing
    client: KnownKey | None
    profile: Profile

    def is_same(self, other: "Behind") -> bool:
        """Whether nothing of it was dropped and looked up again in between."""
        return self.standing is other.standing and self.client is other.client and self.profile is other.profile


class KnownToken:
    """One token, and the caller last made of it."""

    __slots__ = ("_behind", "_caller", "_drops", "_signed_in", "_stands_until", "_until", "digest", "token")

    def __init__(self, token: AccessToken, digest: bytes) -> None:
        self.token = token
        self.digest = digest
        """Of its text; empty where that was not seen here."""
        self._caller: Caller | None = None
        self._behind: Behind | None = None
        self._until: Instant = 0
        """From when other attributes may stand."""
        self._drops = -1
        self._stands_until: Instant = 0
        self._signed_in: Caller | None = None
        """The person in the session that it is of, of whom the caller was made."""

    def kept_caller(self, drops: int, peer: str | None, moment: Moment) -> Caller | None:
        """The caller last made of it, where nothing was forgotten since and no end was reached: most uses are such."""
        if drops != self._drops or moment.latest >= self._stands_until or self._behind is None:
            return None
        if self._behind.client is not None:
            self._behind.client.check_peer(peer)
        return self._caller

    def keep(self, drops: int) -> None:
        """The caller was made while so much had been forgotten."""
        ends = self.token.expires_at if self._caller is None else self._caller.expires_at
        self._drops, self._stands_until = drops, min(ends, self._until)

    def caller(self, behind: Behind, moment: Moment) -> Caller:
        """Who stands behind the token. Raises Unauthenticated where somebody no longer does."""
        token = self.token
        self.check_stands(behind.standing, moment)
        if behind.profile.disabled:
            raise revoked()
        if behind.client is not None:
            behind.client.key.check_stands(moment)
        if self._caller is not None and self.was_made_of(behind) and moment.latest < self._until:
            return self._caller
        asserted = behind.profile.assertions + _of(token)
        caller = _caller(token, behind, tuple(standing(asserted, moment).values()))
        if caller != self._caller:
            self._caller = caller
        self._behind, self._until = behind, stands_until(asserted, moment)
        return self._caller or caller

    def caller_in(self, signed_in: Caller) -> Caller:
        """Who holds it, of whoever stands in its session: with all of that, and no further than the token reaches."""
        if self._caller is None or self._signed_in is not signed_in:
            ends = min(signed_in.expires_at, self.token.expires_at)
            self._caller = msgspec.structs.replace(
                signed_in, scopes=self.token.scopes, expires_at=ends, token=self.token
            )
            self._signed_in = signed_in
        return self._caller

    @property
    def signed_in(self) -> Caller | None:
        """Of whom the caller was made, where it is a person's token."""
        return self._signed_in

    def check_stands(self, stands: Standing, moment: Moment) -> None:
        """Raise Unauthenticated where the token is over or was revoked, whoever holds it."""
        if moment.maybe_reached(self.token.expires_at):
            raise expired()
        if stands.revoked:
            raise TokenInvalid("The token has been revoked.", code="token_revoked", next_step="Get a new one.")

    def was_made_of(self, behind: Behind) -> bool:
        """Whether the caller was last made of these very values."""
        return self._behind is not None and self._behind.is_same(behind)

    def gave(self, caller: Caller) -> bool:
        """Whether it was this very caller."""
        return self._caller is caller


class KnownTokens:
    """Tokens verified, kept in bounded memory, the least recently used forgotten first."""

    def __init__(
        self,
        keys: KnownKeys,
        people: KnownPeople,
        believed: Believed,
        is_revoked: Callable[[str], Awaitable[bool]],
        keeps: int,
    ) -> None:
        async def looked_up(token_id: str) -> Standing:
            return Standing(await is_revoked(token_id))

        self._keys = keys
        self._people = people
        self._believed = believed
        self._standings: Lookup[str, Standing] = Lookup(looked_up, keeps=keeps)
        self._keeps = keeps
        self._tokens: OrderedDict[str, KnownToken] = OrderedDict()
        self._ids: dict[bytes, str] = {}
        self._drops = 0

    async def caller(self, text: str, peer: str | None, moment: Moment) -> Caller:
        """Who presents this token, from this address. Raises Unauthenticated."""
        digest = sha256(text.encode("ascii", "strict")).digest()
        known = self._tokens.get(self._ids.get(digest, ""))
        if known is None:
            known = self._keep(KnownToken(self._believed.verified(text, moment), digest))
        else:
            self._tokens.move_to_end(known.token.id)
        return await self._stands(known, peer, moment)

    async def again(self, token: AccessToken, moment: Moment) -> Caller:
        """Who stands behind a token that was presented before. Raises as `caller` does."""
        known = self._tokens.get(token.id) or self._keep(KnownToken(token, b""))
        return await self._stands(known, None, moment, comes_in=False)

    def is_current(self, caller: Caller, token: AccessToken) -> bool:
        """Whether nothing about this caller was dropped since it was given; without waiting."""
        known = self._tokens.get(token.id)
        if known is None or not known.gave(caller):
            return False
        if token.session:
            is_known = self._standings.get_kept(token.id) is not None
            return is_known and known.signed_in is not None and self._people.is_current(known.signed_in)
        behind = self._kept(token)
        return behind is not None and known.was_made_of(behind)

    @property
    def drops(self) -> int:
        """Grows with whatever is forgotten here."""
        return self._standings.drops + self._drops

    def drop(self, token_id: str) -> None:
        """Forget whether a token was revoked."""
        self._standings.drop(token_id)

    def drop_all(self) -> None:
        """Forget everything: what is presented is verified anew."""
        self._drops += 1
        self._standings.drop_all()
        self._tokens.clear()
        self._ids.clear()

    async def _stands(self, known: KnownToken, peer: str | None, moment: Moment, *, comes_in: bool = True) -> Caller:
        token = known.token
        if not self._believed.still_believes(token, moment):
            raise TokenInvalid("The key that signed the token is not believed any more.")
        if token.session:
            return await self._in_session(known, moment)
        drops = self._keys.drops + self.drops
        caller = known.kept_caller(drops, peer, moment) if comes_in else None
        if caller is not None:
            return caller
        behind = self._kept(token) or await self._find(token)
        if comes_in and behind.client is not None:
            behind.client.check_peer(peer)
        caller = known.caller(behind, moment)
        known.keep(drops)  # of before the waiting: what was forgotten meanwhile is looked at again
        return caller

    async def _in_session(self, known: KnownToken, moment: Moment) -> Caller:
        """Who holds a person's token; whether it was revoked was not dropped while the session was looked up."""
        while True:
            stands = await self._standings.get(known.token.id)
            signed_in = await self._people.again(known.token.session, moment)
            if stands is not None and self._standings.get_kept(known.token.id) is stands:
                known.check_stands(stands, moment)
                return known.caller_in(signed_in)

    def _kept(self, token: AccessToken) -> Behind | None:
        """What is behind a token, where all of it is at hand."""
        stands = self._standings.get_kept(token.id)
        if stands is None:
            return None
        if token.workload is None:
            found = self._keys.kept(token.holder)
            return None if found is None else Behind(stands, *found)
        profile = self._keys.kept_profile(token.workload.organisation)
        return None if profile is None else Behind(stands, None, profile)

    async def _find(self, token: AccessToken) -> Behind:
        """The same, looked up where need be. None of it was dropped while the rest was looked up."""
        while True:
            await self._standings.get(token.id)
            if token.workload is None:
                found: object = await self._keys.find(token.holder)
            else:
                found = await self._keys.profile(token.workload.organisation)
            if found is None:
                raise Unauthenticated
            behind = self._kept(token)
            if behind is not None:
                return behind

    def _keep(self, known: KnownToken) -> KnownToken:
        self._tokens[known.token.id] = known
        if known.digest:
            self._ids[known.digest] = known.token.id
        if len(self._tokens) > self._keeps:
            _, oldest = self._tokens.popitem(last=False)
            self._ids.pop(oldest.digest, None)
        return known


def _caller(token: AccessToken, behind: Behind, attributes: tuple[Assertion, ...]) -> Caller:
    if token.workload is not None:
        organisation, roles, ends = token.workload.organisation, token.workload.roles, token.expires_at
    else:
        assert behind.client is not None, "a token of this gateway's own is a client's"
        key = behind.client.key
        organisation, roles, ends = key.organisation, key.roles, min(key.expires_at, token.expires_at)
        if not key.is_client:
            raise Unauthenticated
    return Caller(
        key=token.holder,
        organisation=organisation,
        roles=roles,
        scopes=token.scopes,
        attributes=attributes,
        expires_at=ends,
        token=token,
    )


def _of(token: AccessToken) -> tuple[Assertion, ...]:
    return () if token.workload is None else token.workload.assertions
