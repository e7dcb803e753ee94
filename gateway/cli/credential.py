"""What a command presents: the key in GATEWAY_KEY, or else the token of whoever signed in with `gateway login`."""

import time
from typing import Any

from gateway.cli.authority import Declined, ask_as_command_line
from gateway.cli.environment import configuration, key_set
from gateway.cli.failures import NotPermitted
from gateway.cli.logins import Login, LoginFile
from gateway.cli.reaching import gateway_url

EARLY_S = 30.0
"""How long before its end a token is renewed, so that none ends on its way."""


def credential() -> str:
    """What proves the caller. Raises NotPermitted where there is nothing."""
    key = key_set()
    return key if key else signed_in().access_token


def login_file() -> LoginFile:
    """Where the sign-in at the gateway in question is kept."""
    return LoginFile(gateway_url(), configuration())


def signed_in(stale: str = "") -> Login:
    """The sign-in at this gateway, with a token that is not over yet and is not the stale one. Raises NotPermitted."""
    file = login_file()
    login = file.read()
    if login is None:
        raise NotPermitted(
            "You are not signed in here, and no key is set.",
            "Sign in with `gateway login`, or put your key into GATEWAY_KEY: `export GATEWAY_KEY=rsg_…`.",
        )
    if _is_good(login, stale):
        return login
    with file.locked():
        login = file.read()  # another command may have renewed it, or signed out, while this one waited
        if login is None:
            raise _over()
        if _is_good(login, stale):
            return login
        try:
            answer = ask_as_command_line(
                "/oauth/token", {"grant_type": "refresh_token", "refresh_token": login.refresh_token}
            )
        except Declined as declined:
            if declined.error != "invalid_grant":
                raise
            file.delete()
            raise _over() from None
        login = login_of(answer)
        file.write(login)
        return login


def login_of(answer: dict[str, Any]) -> Login:
    """What the gateway gave, as it is kept."""
    return Login(
        url=gateway_url(),
        access_token=str(answer["access_token"]),
        renew_at=time.time() + float(answer["expires_in"]) - EARLY_S,
        refresh_token=str(answer["refresh_token"]),
    )


def _is_good(login: Login, stale: str) -> bool:
    return login.access_token != stale and time.time() < login.renew_at


def _over() -> NotPermitted:
    return NotPermitted("Your sign-in here has ended.", "Sign in again: `gateway login`.")
