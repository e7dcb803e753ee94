"""Tokens as one process knows them: each verified once, then known by the digest of its whole text until it ends.

Invariants: nothing shorter than a whole text is ever looked up, and no text is kept. What a token says never changes;
whether it stands is asked at every use: of its end, its revocation, its issuer's key, and who stands behind it.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256

from gateway.clock import Moment
from gateway.errors import TokenInvalid, Unauthenticated
from gateway.identity.callers import AccessToken, Caller
from gateway.identity.known import KnownKeys
from gateway.identity.people.known import KnownPeople
from gateway.identity.tokens.believing import Believed
from gateway.identity.tokens.known_token import Behind, KnownToken, Standing
from gateway.lookups import Lookup


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
            signed_in = known.signed_in(self._standings.get_kept(token.id))
            return signed_in is not None and self._people.is_current(signed_in)
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
                return known.caller_in(signed_in, stands, moment)

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
        spelt_before = self._tokens.pop(known.token.id, None)
        if spelt_before is not None:
            self._ids.pop(spelt_before.digest, None)
        self._tokens[known.token.id] = known
        if known.digest:
            self._ids[known.digest] = known.token.id
        if len(self._tokens) > self._keeps:
            _, oldest = self._tokens.popitem(last=False)
            self._ids.pop(oldest.digest, None)
        return known
