"""Keys as one process knows them, with the callers behind them made ready.

A person's own key has, beside what is asserted of their organisation, what their provider vouched for.

Invariant: the same `Caller` object is given until something about it changes, so that whoever keeps
what follows from a caller can tell by identity whether it still does.
"""

from collections.abc import Awaitable, Callable, Collection
from hmac import compare_digest

from gateway.clock import Instant, Moment
from gateway.errors import OutsideNetworks
from gateway.identity.attributes import standing, stands_until
from gateway.identity.callers import Caller
from gateway.identity.keyring import SignedKey, revoked
from gateway.identity.organisations import Profile
from gateway.identity.people.persons import nobody_vouches
from gateway.identity.people.vouchers import Vouchers
from gateway.identity.rights import comes_from, parsed_networks
from gateway.lookups import Lookup


class KnownKey:
    """One key's row, and the caller last made of it."""

    __slots__ = (
        "_caller",
        "_is_vouched_for",
        "_networks",
        "_own_profile",
        "_own_profile_of",
        "_peer",
        "_profile",
        "_proven",
        "_until",
        "digest",
        "key",
        "pepper",
    )

    def __init__(self, signed: SignedKey, providers: Collection[str]) -> None:
        self.key = signed.key
        self._is_vouched_for = signed.key.person is None or signed.vouched_by in providers
        """Whether it is nobody's own, or the provider that knows whose own it is is declared."""
        self.digest = signed.digest
        self.pepper = signed.key.pepper
        self._networks = None if signed.key.networks is None else parsed_networks(signed.key.networks)
        self._proven = ""
        """The token last proven to be this key: kept no longer than what is known of the key."""
        self._peer: str | None = None
        """The address last found in its networks: most come from where the one before did."""
        self._own_profile: Profile | None = None
        self._own_profile_of: tuple[Profile, Vouchers] | None = None
        self._caller: Caller | None = None
        self._profile: Profile | None = None
        """Of what the caller was made."""
        self._until: Instant = 0
        """From when other attributes may stand."""

    def prove(self, token: str) -> None:
        """The token was verified against the key's digest."""
        self._proven = token

    def is_proven(self, token: str) -> bool:
        """Whether this very token was verified before."""
        return bool(self._proven) and token.isascii() and compare_digest(self._proven, token)

    def check_peer(self, peer: str | None) -> None:
        """Raise Unauthenticated where the key may not be used from. Whoever stole a key is told nothing about it."""
        if self._networks is None or (peer is not None and peer == self._peer):
            return
        if not comes_from(peer, self._networks):
            raise OutsideNetworks
        self._peer = peer

    def profile(self, profile: Profile, vouchers: Vouchers) -> Profile:
        """What a person's own key needs to know: of their organisation, and of them. The same while both are."""
        of = self._own_profile_of
        if self._own_profile is None or of is None or of[0] is not profile or of[1] is not vouchers:
            self._own_profile = Profile(profile.disabled, profile.assertions + vouchers.assertions)
            self._own_profile_of = (profile, vouchers)
        return self._own_profile

    def caller(self, profile: Profile, moment: Moment) -> Caller:
        """Who stands behind the key. Raises Unauthenticated when the key has ended, or its organisation has."""
        if profile.disabled:
            raise revoked()
        self.key.check_stands(moment)
        if not self._is_vouched_for:
            raise nobody_vouches()
        if self._caller is not None and self._profile is profile and moment.latest < self._until:
            return self._caller
        caller = Caller(
            key=self.key.id,
            organisation=self.key.organisation,
            roles=self.key.roles,
            scopes=self.key.scopes,
            attributes=tuple(standing(profile.assertions, moment).values()),
            expires_at=self.key.expires_at,
            person=self.key.person or "",
            is_break_glass=self.key.is_break_glass,
        )
        if self._caller is None or caller != self._caller:
            self._caller = caller
        self._profile, self._until = profile, stands_until(profile.assertions, moment)
        return self._caller

    def still_gives(self, caller: Caller, profile: Profile) -> bool:
        """Whether this very caller was made of this key and this profile."""
        return self._caller is caller and self._profile is profile


class KnownKeys:
    """Keys and their organisations, each looked up once, kept, and dropped when it changes."""

    def __init__(
        self,
        load_key: Callable[[str], Awaitable[SignedKey | None]],
        load_profile: Callable[[str], Awaitable[Profile | None]],
        load_vouchers: Callable[[str], Awaitable[Vouchers]],
        keeps: int,
        providers: Collection[str],
    ) -> None:
        """`providers` are the names of the identity providers that are declared."""

        async def known(key_id: str) -> KnownKey | None:
            signed = await load_key(key_id)
            return None if signed is None else KnownKey(signed, providers)

        self._keys: Lookup[str, KnownKey] = Lookup(known, keeps=keeps)
        self._profiles: Lookup[str, Profile] = Lookup(load_profile, keeps=keeps)
        self._vouchers: Lookup[str, Vouchers] = Lookup(load_vouchers, keeps=keeps)

    def kept(self, key_id: str) -> tuple[KnownKey, Profile] | None:
        """A key and its organisation's profile, where both are at hand; with a person's own, what they vouch for it."""
        known = self._keys.get_kept(key_id)
        if known is None:
            return None
        profile = self._profiles.get_kept(known.key.organisation)
        if profile is None or not known.key.person:
            return None if profile is None else (known, profile)
        vouchers = self._vouchers.get_kept(known.key.person)
        return None if vouchers is None else (known, known.profile(profile, vouchers))

    async def find(self, key_id: str) -> tuple[KnownKey, Profile] | None:
        """The same, looked up where need be. None of it was dropped while the rest was looked up."""
        while True:
            known = await self._keys.get(key_id)
            if known is None or await self._profiles.get(known.key.organisation) is None:
                return None
            if known.key.person:
                await self._vouchers.get(known.key.person)
            found = self.kept(key_id)
            if found is not None and found[0] is known:
                return found

    def kept_profile(self, organisation: str) -> Profile | None:
        """What is at hand of an organisation, without waiting."""
        return self._profiles.get_kept(organisation)

    async def profile(self, organisation: str) -> Profile | None:
        """What keys and workloads need to know of an organisation; None where there is none."""
        return await self._profiles.get(organisation)

    @property
    def drops(self) -> int:
        """Grows with whatever is forgotten here."""
        return self._keys.drops + self._profiles.drops + self._vouchers.drops

    def drop(self, kind: str, subject: str) -> None:
        """Forget a `key`, an `organisation` or what is vouched for of a `person`; other kinds are not kept here."""
        if kind == "key":
            self._keys.drop(subject)
        elif kind == "organisation":
            self._profiles.drop(subject)
        elif kind == "person":
            self._vouchers.drop(subject)

    def drop_all(self) -> None:
        """Forget everything."""
        self._keys.drop_all()
        self._profiles.drop_all()
        self._vouchers.drop_all()
