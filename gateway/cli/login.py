"""`gateway login`: sign in as the person one is, in a browser here or on any other device."""

import secrets
import time
import webbrowser
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

import click

from gateway.cli.asking import ask
from gateway.cli.authority import COMMAND_LINE, Declined, Unwell, ask_as_command_line, metadata
from gateway.cli.credential import login_file, login_of
from gateway.cli.environment import comes_from_afar, key_set
from gateway.cli.failures import Failure, NotPermitted, Unreachable, printable
from gateway.cli.logins import Login
from gateway.cli.reaching import gateway_url
from gateway.cli.showing import ago, cell, show_json, wants_json, with_json

BROWSER_S = 300.0
DEVICE_WAIT_MAX_S = 30.0
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@click.command(name="login")
@click.option("--device", is_flag=True, help="Sign in on another device: nothing is opened and nothing listens here.")
@click.option("--fresh", is_flag=True, help="Prove yourself anew, as irreversible steps ask for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["inference", "weights"]),
    help="What to reach as yourself beside /control; `gateway token get` then gives the token.",
)
@click.option("--no-browser", is_flag=True, help="Open no browser: print the address to open on this computer.")
@with_json
def command(device: bool, fresh: bool, no_browser: bool, scopes: tuple[str, ...]) -> None:
    """Sign in. What is kept of it lies in ~/.config/release-gateway, and ends with `gateway logout`."""
    if device and fresh:
        raise click.UsageError("--fresh goes without --device: sign in anew where you enter the code.")
    check_private(gateway_url())
    about = metadata()
    grants = about.get("grant_types_supported", ())
    if "authorization_code" not in grants:
        raise Failure(
            "Nobody signs in at this gateway: its operator declared no identity provider.",
            "Use a key: `export GATEWAY_KEY=rsg_…`. For operators: docs/people.md.",
        )
    scope = " ".join(["control", *scopes])
    login = _on_another_device(scope) if device else _in_a_browser(about, scope, opens=not no_browser, fresh=fresh)
    file = login_file()
    with file.locked():
        before = file.read()
        file.write(login)
    if before is not None:
        with suppress(Failure):  # it ends by itself, and this one stands whatever becomes of it
            end(before)
    _show(login)


def check_private(url: str) -> None:
    """Raise Failure where what is sent there could be read on its way (RFC 6749, 1.6)."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname in {"127.0.0.1", "::1", "localhost"}:
        return
    raise Failure(
        f"{printable(url)} is not reached by https: whoever listens on the way could sign in as you.",
        "Set GATEWAY_URL to its https address.",
    )


def end(login: Login) -> None:
    """End a sign-in at the gateway; that it had ended already is no fault."""
    ask_as_command_line("/oauth/revoke", {"token": login.refresh_token, "token_type_hint": "refresh_token"})


def _in_a_browser(about: Mapping[str, Any], scope: str, *, opens: bool, fresh: bool) -> Login:
    from gateway.cli.loopback import listening
    from gateway.identity.logins.challenges import METHOD, challenge_of, new_verifier

    state, verifier = secrets.token_urlsafe(24), new_verifier()
    with listening(state) as listener:
        asked = {
            "response_type": "code",
            "client_id": COMMAND_LINE,
            "redirect_uri": listener.redirect_uri,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": METHOD,
            "state": state,
            "scope": scope,
            **({"prompt": "login"} if fresh else {}),
        }
        address = f"{_address(about, 'authorization_endpoint')}?{urlencode(asked)}"
        is_open = opens and webbrowser.open(address)
        click.echo("Sign in in the browser that opened, or at:" if is_open else "Open in a browser here:", err=True)
        click.echo(f"\n  {address}\n", err=True)
        if not is_open and comes_from_afar():
            click.echo("No browser on this computer? `gateway login --device` needs none.", err=True)
        answer = listener.wait(BROWSER_S)
    if answer is None:
        raise Failure("Nobody signed in within five minutes.", "Start again: `gateway login`.")
    if answer.get("iss") != about["issuer"]:
        raise NotPermitted("The answer came from another server than was asked.", "Start again: `gateway login`.")
    if "error" in answer:
        raise _declined(answer["error"], answer.get("error_description", ""))
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": listener.redirect_uri,
        "code_verifier": verifier,
    }
    return login_of(ask_as_command_line("/oauth/token", form))


def _declined(error: str, said: str) -> Failure:
    """What the browser brought instead of a code; the gateway says what to do about it, where anything is."""
    again = "" if said else "Start again: `gateway login`."
    if error in {"temporarily_unavailable", "server_error"}:
        return Failure(said or error, again)
    return Declined(error, said or error, again)


def _on_another_device(scope: str) -> Login:
    started = ask_as_command_line("/oauth/device_authorization", {"scope": scope})
    code, ends_at = str(started["device_code"]), time.monotonic() + float(started["expires_in"])
    click.echo("On any device, open:", err=True)
    click.echo(f"\n  {printable(str(started['verification_uri']))}\n", err=True)
    click.echo(f"and enter this code: {printable(str(started['user_code']))}", err=True)
    every_s = float(started.get("interval", 5))
    wait_s = every_s
    while time.monotonic() < ends_at:
        time.sleep(wait_s)
        try:
            return login_of(ask_as_command_line("/oauth/token", {"grant_type": DEVICE_GRANT, "device_code": code}))
        except (Unreachable, Unwell):  # it may be back before the code is over (RFC 8628, 3.5)
            wait_s = min(wait_s * 2, DEVICE_WAIT_MAX_S)
        except Declined as declined:
            if declined.error in {"slow_down", "temporarily_unavailable"}:
                every_s += 5
            elif declined.error != "authorization_pending":
                raise
            wait_s = every_s
    raise Declined("expired_token", "The code was not entered in time.", "Start again: `gateway login --device`.")


def _address(about: Mapping[str, Any], name: str) -> str:
    address = about.get(name)
    if not isinstance(address, str) or not address.isascii() or not address.isprintable():
        raise Failure("The gateway does not say where people sign in.", "Ask its operator to look at it.")
    check_private(address)
    return address


def _show(login: Login) -> None:
    me = ask("GET", "/me", presented=login.access_token)
    if wants_json():
        return show_json({"url": login.url, "organisation": me["organisation"], "roles": me["roles"], **me["person"]})
    person = me["person"]
    click.echo(
        f"Signed in as {cell(person['name'])}, {me['organisation']} ({cell(me['roles'])}), "
        f"until {ago(person['ends_at'])} at the latest."
    )
    if key_set():
        click.echo("GATEWAY_KEY is set and goes before this: `unset GATEWAY_KEY` to act as yourself.", err=True)
    return None
