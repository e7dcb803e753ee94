"""Somebody signed in at the command line of a gateway in another process: written into its database, as it would."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gateway.clock import HOUR, MINUTE, at
from gateway.database.engine import open_database
from gateway.identity.callers import Role
from gateway.identity.directory import Directory
from gateway.identity.logins.challenges import challenge_of, new_verifier
from gateway.identity.logins.codes import Redemption
from gateway.identity.logins.logging_in import LoggingIn
from gateway.identity.logins.redirects import Redirect
from gateway.identity.logins.requests import AuthorizationRequest
from gateway.identity.people.arriving import Arrival, Limits
from gateway.identity.people.recognising import Vouched
from gateway.identity.people.registry import Registry
from gateway.identity.people.sessions import SessionKind, mint_session
from gateway.identity.peppers import open_peppers
from gateway.identity.tokens.believing import Believed
from gateway.identity.tokens.own import OwnIssuer
from gateway.identity.tokens.rates import TokenRates
from gateway.identity.tokens.signing_keys import SigningKeys
from gateway.ledger.store import Ledger

LISTENER = Redirect("http://127.0.0.1:49152/signed-in", "127.0.0.1", 49152)


class LoggedIn(NamedTuple):
    """Who signed in, and by what their command line acts."""

    person: str
    access_token: str
    shown: str
    """What their browser shows of its session."""


def logged_in(settings: Mapping[str, str], name: str) -> LoggedIn:
    """A person of this name, new where there is none, at the gateways that have these settings."""
    return asyncio.run(_logged_in(settings, name))


async def _logged_in(settings: Mapping[str, str], name: str) -> LoggedIn:
    now = at(time.time_ns() // 1000)
    database = open_database(settings["database_url"])
    issuer = OwnIssuer(settings["public_url"], SigningKeys(Path(settings["token_keys_file"])), 10 * MINUTE)
    peppers = open_peppers(Path(settings["key_pepper_file"]))
    directory = Directory(
        database, Ledger(database, lambda: now), peppers, believed=Believed([issuer]), providers=["corporate"]
    )
    session, shown, digest = mint_session()
    arrival = Arrival(
        vouched=Vouched(
            issuer="corporate", subject=name, user_name=name, display_name=name.title(), signed_in_at=now.latest
        ),
        organisation="acme",
        roles=(Role.DEVELOPER,),
        assertions=(),
        session=session,
        kind=SessionKind.BROWSER,
        digest=digest,
        limits=Limits(idle=30 * MINUTE, absolute=12 * HOUR),
        state=session,
        state_expires_at=now.latest + 10 * MINUTE,
    )
    try:
        await Registry(directory, lambda *_: []).arrive(arrival, now)
        person, logging_in = (
            await directory.in_session(shown.reveal(), now),
            LoggingIn(database, directory, issuer, TokenRates(0, 0)),
        )
        verifier = new_verifier()
        request = AuthorizationRequest(LISTENER, challenge_of(verifier), "state", "control")
        code = (await logging_in.allow(person, request, now)).reveal()
        tokens = await logging_in.redeem(Redemption(code, LISTENER.uri, verifier), now)
        return LoggedIn(person.person, tokens.access_token, shown.reveal())
    finally:
        await database.close()
