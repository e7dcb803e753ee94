"""Logging in: what people allow in a browser becomes tokens of a session of the command line, which ends with them."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from gateway.clock import SECOND, Moment, elapsed_us
from gateway.database.engine import Database, Work
from gateway.errors import DatabaseUnavailable, Invalid, TokenInvalid
from gateway.identity.callers import Caller
from gateway.identity.directory import Directory
from gateway.identity.keys import Secret
from gateway.identity.logins import beginning, codes, devices, store
from gateway.identity.logins.beginning import Answered
from gateway.identity.logins.codes import Redemption
from gateway.identity.logins.devices import Started
from gateway.identity.logins.pacing import Guesses, Pace
from gateway.identity.logins.refusals import TooManyWrongCodes, invalid_grant, slow_down
from gateway.identity.logins.requests import AuthorizationRequest
from gateway.identity.people.leaving import end_one
from gateway.identity.tokens.own import OwnIssuer, new_number
from gateway.identity.tokens.rates import TokenRates
from gateway.identity.tokens.reading import is_token, read
from gateway.identity.tokens.verifying import verify
from gateway.ledger.store import Touch, is_outage

T = TypeVar("T")


class Tokens(msgspec.Struct, frozen=True):
    """What a command line is told once."""

    access_token: str
    lifetime_s: int
    scope: str
    refresh_token: Secret

    def __repr__(self) -> str:
        return "Tokens(…)"


class LoggingIn:
    """Knows what was allowed by the database, writes by the ledger, and signs as the issuer that this gateway is."""

    def __init__(self, database: Database, directory: Directory, issuer: OwnIssuer, rates: TokenRates) -> None:
        """`rates` bound what one session is given; what comes from one address is bounded at the door."""
        self._rates = rates
        self._database = database
        self._directory = directory
        self._issuer = issuer
        self._pace = Pace(devices.INTERVAL_S * SECOND)
        self._guesses = Guesses()

    # In a browser on the same computer

    async def allow(self, person: Caller, request: AuthorizationRequest, now: Moment) -> Secret:
        """A code for the command line on this computer, by a person in a session of their browser."""
        self._rates.give(person.session)
        return await self._write(lambda connection: codes.give(connection, request, person.session, now))

    async def redeem(self, redemption: Redemption, now: Moment) -> Tokens:
        """Tokens for a code. Raises Invalid with OAuth's code."""
        behind = partial(codes.session_behind, code=redemption.code)
        return await self._tokens(behind, partial(codes.redeem, redemption=redemption, moment=now), now)

    # On another device

    async def start(self, scope: str, peer: str, now: Moment) -> Started:
        """Let a command line wait until a code is entered elsewhere."""
        return await self._write(lambda connection: devices.start(connection, scope, peer, now))

    async def waiting(self, person: Caller, user_code: str | None, now: Moment) -> store.Device:
        """Which command line waits for this code. Raises Invalid, and TooManyWrongCodes where too many were wrong."""
        return await self._waiting(person.person, user_code, now)

    async def turn_away(self, sign_in: str, user_code: str | None, now: Moment) -> None:
        """Tell the command line that waits for this code that nobody signs in, by a sign-in that came to nothing.

        Raises Invalid, TooManyWrongCodes or Conflict.
        """
        device = await self._waiting(sign_in, user_code, now)
        code = device.user_code or ""
        await self._write(lambda connection: devices.decide(connection, code, "", now, allows=False))

    async def _waiting(self, who: str, user_code: str | None, now: Moment) -> store.Device:
        elapsed = elapsed_us()
        wait_us = self._guesses.wait_us(who, elapsed)
        if wait_us:
            raise TooManyWrongCodes(wait_us)
        found = None
        if user_code is not None:
            found = await self._directory.look_up(lambda connection: devices.waiting(connection, user_code, now))
        if found is None:
            self._guesses.note(who, elapsed)
            raise Invalid(
                "Nothing waits for this code.", next_step="Look whether it is typed as it is shown, and still shown."
            )
        return found

    async def decide(self, person: Caller, user_code: str, now: Moment, *, allows: bool) -> None:
        """Let the command line that waits for this code sign in, or not. Raises Conflict where none waits any more."""
        await self._write(lambda connection: devices.decide(connection, user_code, person.session, now, allows=allows))

    async def poll(self, device_code: str, now: Moment) -> Tokens:
        """Tokens for a code that was allowed. Raises Invalid with OAuth's code, as long as it was not."""
        if self._pace.is_too_early(store.digest_of(device_code), elapsed_us()):
            raise slow_down()
        hindered = await self._directory.look_up(partial(devices.hindrance, device_code=device_code, moment=now))
        if hindered is not None:
            raise hindered
        behind = partial(devices.session_behind, device_code=device_code)
        return await self._tokens(behind, partial(devices.redeem, device_code=device_code, moment=now), now)

    # Once signed in

    async def renew(self, refresh_token: str, now: Moment) -> Tokens:
        """Other tokens of the same session. Raises Invalid with OAuth's code."""
        behind = partial(beginning.session_renewed_by, refresh_token=refresh_token)
        return await self._tokens(behind, partial(beginning.renew, presented=refresh_token, moment=now), now)

    async def end(self, token: str, now: Moment) -> None:
        """End the session that a token is of, whichever of its two: here before this returns.

        What is no token of a session needs no ending (RFC 7009, 2.2).
        """
        session = await self._session_of(token, now)
        if session is None:
            return
        actor = await self._directory.look_up(partial(beginning.actor_in, session_id=session))
        work = partial(end_one, session_id=session, cause="signed out", moment=now)
        await self._directory.administer(actor, lambda connection: (None, work(connection)), Touch("session", session))

    async def _write(self, work: Work[T]) -> T:
        """Write what nobody can use yet, and no entry tells of. Raises DatabaseUnavailable."""
        try:
            return await self._database.write(work)
        except Exception as error:
            if is_outage(error):
                raise DatabaseUnavailable from error
            raise

    async def _session_of(self, token: str, now: Moment) -> str | None:
        if not is_token(token):
            return await self._directory.look_up(partial(beginning.session_renewed_by, refresh_token=token))
        try:
            unverified = read(token)
            public = self._issuer.key(unverified.key_id, now)
            if public is None:
                return None
            verify(token, unverified.algorithm, public)
        except TokenInvalid:
            return None
        return unverified.claim("sid") or None

    async def _tokens(
        self, behind: Callable[[Connection], str | None], work: Callable[..., Answered], now: Moment
    ) -> Tokens:
        session = await self._directory.look_up(behind)
        if session is None:
            raise invalid_grant()  # nothing waits behind the ledger for what was never given
        self._rates.give(session)
        number = new_number()
        actor = await self._directory.look_up(partial(beginning.actor_in, session_id=session))
        given = await self._directory.administer(actor, partial(work, number=number))
        if isinstance(given, Invalid):
            raise given
        text, lifetime_s = self._issuer.written_in(given.session, given.scope, given.number, now)
        return Tokens(text, lifetime_s, given.scope, given.refresh_token)
