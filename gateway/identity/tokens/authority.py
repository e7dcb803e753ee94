"""The authority that grants access tokens to this installation's clients, and takes them back."""

from functools import partial

import msgspec

from gateway.clock import SECOND, Moment
from gateway.errors import Conflict, TokenInvalid, Unauthenticated
from gateway.identity.callers import Caller
from gateway.identity.directory import TOKEN, Directory
from gateway.identity.keyring import Key
from gateway.identity.tokens import granting
from gateway.identity.tokens.checking import LIFETIME_LIMIT
from gateway.identity.tokens.granting import Proof, Wanted
from gateway.identity.tokens.own import PREFIX, OwnIssuer, new_number
from gateway.identity.tokens.proving import Credentials, check_assertion
from gateway.identity.tokens.rates import TokenRates
from gateway.identity.tokens.reading import is_token, read
from gateway.identity.tokens.store import Revocation
from gateway.identity.tokens.verifying import verify
from gateway.ledger.store import Actor, Ledger, Touch


class Granted(msgspec.Struct, frozen=True):
    """A new token, to be told once."""

    text: str
    lifetime_s: int
    scopes: tuple[str, ...]

    def __repr__(self) -> str:
        return "Granted(…)"


class Authority:
    """Knows clients by the directory, writes by the ledger, and signs as the issuer that this gateway is."""

    def __init__(self, directory: Directory, ledger: Ledger, issuer: OwnIssuer, rates: TokenRates) -> None:
        self.rates = rates
        self._directory = directory
        self._ledger = ledger
        self.issuer = issuer

    async def grant(
        self, credentials: Credentials, scopes: tuple[str, ...] | None, peer: str | None, now: Moment
    ) -> Granted:
        """A token for a client that proves itself.

        Raises TooManyTokenRequests before the proof is looked at, Unauthenticated, Invalid for scopes it cannot have.
        """
        key, proof = await self._proven(credentials, peer, now)
        number = new_number()
        wanted = Wanted(key.id, scopes, number, self.issuer.lifetime, proof)
        granted = await self._ledger.administer(_actor(key), lambda connection: granting.grant(connection, wanted, now))
        text = self.issuer.written(key.id, granted, number, now)
        return Granted(text, self.issuer.lifetime // SECOND, granted)

    async def revoke(self, credentials: Credentials, text: str, peer: str | None, now: Moment) -> None:
        """End a token of this client's own, here before this returns. What is no token needs no ending (RFC 7009, 2.2).

        Raises Unauthenticated for a client that does not prove itself, Conflict for another client's token.
        """
        key, proof = await self._proven(credentials, peer, now)
        try:
            token = read(text) if is_token(text) else None
            public = None if token is None else self.issuer.key(token.key_id, now)
            if token is None or public is None:
                return
            verify(text, token.algorithm, public)
        except TokenInvalid:
            return
        number, ends = token.claim("jti"), token.claims.get("exp")
        if token.claim("client_id") != key.id:
            raise Conflict("This token was issued to another client.")
        assert isinstance(ends, int), "this gateway signed it"
        revocation = Revocation(PREFIX + number, now.latest, key.id, ends * SECOND)
        work = partial(granting.revoke_own, client=key.id, revocation=revocation, proof=proof, moment=now)
        try:
            await self._ledger.administer(_actor(key), work)
        finally:
            self._directory.drop(TOKEN, revocation.id)

    async def revoke_by_id(self, actor: Caller, token_id: str, cause: str, now: Moment) -> None:
        """End a token, whoever issued it, by the id that the ledger names it by."""
        revocation = Revocation(token_id, now.latest, actor.key, now.latest + LIFETIME_LIMIT)
        await self._directory.act(
            actor, now, lambda asks: granting.revoke(asks, revocation, cause), Touch(TOKEN, token_id)
        )

    async def exchange_keys(self, actor: Caller, client: str, public_keys: bytes, now: Moment) -> Key:
        """Let a client prove itself by other keys, here before this returns."""
        return await self._directory.act(
            actor, now, lambda asks: granting.exchange_keys(asks, client, public_keys), Touch("key", client)
        )

    async def _proven(self, credentials: Credentials, peer: str | None, now: Moment) -> tuple[Key, Proof | None]:
        assertion = credentials.assertion
        with self.rates.proving(credentials.client, peer):
            if assertion is None:
                if credentials.secret is None:
                    raise Unauthenticated
                return await self._directory.client(credentials.client, credentials.secret, peer, now), None
            key = await self._directory.client(credentials.client, None, peer, now)
            return key, check_assertion(assertion, key, self.issuer.url, now)


def _actor(key: Key) -> Actor:
    return Actor(key=key.id, organisation=key.organisation)
