"""One verified token as a process knows it, and the caller last made of it.

What a token says never changes; whether it stands is asked at every use: of its end, its revocation, and its client,
its organisation, or the session that it is of.
"""

import msgspec

from gateway.clock import Instant, Moment
from gateway.errors import TokenInvalid, Unauthenticated
from gateway.identity.attributes import standing, stands_until
from gateway.identity.callers import AccessToken, Assertion, Caller
from gateway.identity.keyring import revoked
from gateway.identity.known import KnownKey
from gateway.identity.organisations import Profile
from gateway.identity.tokens.checking import expired


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

    __slots__ = (
        "_behind",
        "_caller",
        "_drops",
        "_signed_in",
        "_standing",
        "_stands_until",
        "_until",
        "digest",
        "token",
    )

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
        self._standing: Standing | None = None
        """Of what the caller was made, where it is a person's: of who stands in the session that it is of, and this."""

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

    def caller_in(self, signed_in: Caller, stands: Standing, moment: Moment) -> Caller:
        """Who holds it, of whoever stands in its session: with all of that, and no further than the token reaches."""
        self.check_stands(stands, moment)
        if signed_in.person != self.token.holder:
            raise TokenInvalid
        if self._caller is None or self._signed_in is not signed_in:
            ends = min(signed_in.expires_at, self.token.expires_at)
            self._caller = msgspec.structs.replace(
                signed_in, scopes=self.token.scopes, expires_at=ends, token=self.token
            )
        self._signed_in, self._standing = signed_in, stands
        return self._caller

    def signed_in(self, stands: Standing | None) -> Caller | None:
        """Of whom the caller was made, where it is a person's, and this is what was known then of the token."""
        return self._signed_in if stands is not None and stands is self._standing else None

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
