"""Codes that a browser brings to a listener on its computer: given and redeemed, each inside one transaction.

A code is good for a minute and for once. Presented again it ends what came of it the first time (RFC 6749, 4.1.2).
"""

import msgspec
from sqlalchemy import Connection

from gateway.clock import MINUTE, Moment
from gateway.identity.keys import Secret
from gateway.identity.logins import store
from gateway.identity.logins.beginning import Answered, Given, begin
from gateway.identity.logins.challenges import fits
from gateway.identity.logins.refusals import invalid_grant
from gateway.identity.logins.requests import AuthorizationRequest
from gateway.identity.people.leaving import end_one

LASTS = 1 * MINUTE
PREFIX = "rsgc_"


class Redemption(msgspec.Struct, frozen=True):
    """What a command line presents for a session."""

    code: str
    redirect_uri: str
    verifier: str

    def __repr__(self) -> str:
        return "Redemption(…)"


def give(connection: Connection, request: AuthorizationRequest, allowed_in: str, moment: Moment) -> Secret:
    """A code for what a person allowed in this session of their browser."""
    secret, digest = store.mint(PREFIX)
    code = store.Code(
        digest=digest,
        allowed_in=allowed_in,
        redirect_uri=request.redirect.uri,
        challenge=request.challenge,
        scope=request.scope,
        expires_at=moment.earliest + LASTS,
    )
    store.add_code(connection, code, moment.latest)
    return secret


def redeem(connection: Connection, redemption: Redemption, number: str, moment: Moment) -> Answered:
    """A session for whoever shows that it asked for the code. Shown wrongly, the code is over: nobody tries again."""
    code = store.code_by_digest(connection, store.digest_of(redemption.code))
    if code is None:
        return invalid_grant(), []
    if code.used_at is not None:
        return invalid_grant(), end_one(connection, code.session or "", "its code was presented twice", moment)
    store.use_code(connection, code.digest, moment.latest)
    if moment.maybe_reached(code.expires_at):
        return invalid_grant("The code is over: it is good for a minute."), []
    if redemption.redirect_uri != code.redirect_uri or not fits(redemption.verifier, code.challenge):
        return invalid_grant(), []
    given, acts = begin(connection, code.allowed_in, code.scope, number, moment)
    if isinstance(given, Given):
        store.use_code(connection, code.digest, moment.latest, given.session.id)
    return given, acts


def session_behind(connection: Connection, code: str) -> str | None:
    """Id of the browser's session in which a code was allowed; None for what is none."""
    found = store.code_by_digest(connection, store.digest_of(code))
    return None if found is None else found.allowed_in
