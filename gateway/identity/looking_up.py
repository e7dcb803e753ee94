"""Reading what must be known of whoever asks: in bounded time, whatever fails. Nobody is let in on a guess."""

import asyncio
from functools import partial
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from gateway.database.engine import Readable, Work
from gateway.errors import Unavailable
from gateway.identity import store
from gateway.identity.keyring import SignedKey
from gateway.identity.organisations import Profile
from gateway.identity.people import store as people
from gateway.identity.people.persons import Person
from gateway.identity.people.sessions import Session
from gateway.identity.people.vouchers import Vouchers, vouchers_of
from gateway.identity.tokens.store import is_revoked

T = TypeVar("T")

LOOK_UP_MAX_S = 1.5
"""Who cannot be looked up in this time is refused: callers are answered within two seconds, whatever fails."""


class LookUps:
    """Of keys, organisations, tokens, sessions and people."""

    def __init__(self, database: Readable, leisure: Readable) -> None:
        """What no call waits for is read at leisure."""
        self._database = database
        self._leisure = leisure

    async def key(self, key_id: str) -> SignedKey | None:
        """A key with what verifies it, and who vouches for whose own it is."""
        return await self.read(partial(_signed_key, key_id=key_id))

    async def profile(self, organisation: str) -> Profile | None:
        """What keys, workloads and sessions need to know of an organisation."""
        return await self.read(partial(store.profile, organisation=organisation))

    async def is_revoked(self, token_id: str) -> bool:
        """Whether a token was ended before its time."""
        return await self.read(partial(is_revoked, token_id=token_id))

    async def session(self, session_id: str) -> Session | None:
        """A session."""
        return await self.read(partial(people.session_by_id, session=session_id))

    async def person(self, person: str) -> Person | None:
        """A person."""
        return await self.read(partial(people.person_by_id, person=person))

    async def vouchers(self, person: str) -> Vouchers:
        """What a person's own keys have of their sign-in."""
        return await self.read(partial(vouchers_of, person=person))

    async def at_leisure(self, work: Work[T]) -> T:
        """Read what no call waits for. Raises Unavailable."""
        return await self._from(self._leisure, work)

    async def read(self, work: Work[T]) -> T:
        """Read what a call waits for. Raises Unavailable."""
        return await self._from(self._database, work)

    async def _from(self, source: Readable, work: Work[T]) -> T:
        try:
            async with asyncio.timeout(LOOK_UP_MAX_S):
                return await source.read(work)
        except Exception as error:  # whatever a driver raises: nobody is let in on a guess
            raise Unavailable("The gateway cannot look up who is asking now.", code="identity_unavailable") from error


def _signed_key(connection: Connection, key_id: str) -> SignedKey | None:
    signed = store.signed_key(connection, key_id)
    if signed is None or signed.key.person is None:
        return signed
    person = people.person_by_id(connection, signed.key.person)
    return signed if person is None else msgspec.structs.replace(signed, vouched_by=person.issuer)
