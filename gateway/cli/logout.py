"""`gateway logout`: end the sign-in at the gateway, then forget it here."""

import click

from gateway.cli.credential import login_file
from gateway.cli.environment import key_set
from gateway.cli.failures import Failure
from gateway.cli.login import end
from gateway.cli.logins import Login, LoginFile
from gateway.cli.reaching import gateway_url
from gateway.cli.showing import show_json, wants_json, with_json


@click.command(name="logout")
@click.option("--forget", is_flag=True, help="Forget it here even where the gateway cannot be told.")
@with_json
def command(forget: bool) -> None:
    """Sign out: whatever was signed in here opens nothing any more."""
    file = login_file()
    with file.locked():
        was_kept, login, is_ended = file.path.exists(), _kept(file, forget=forget), False
        if login is not None:
            try:
                end(login)
                is_ended = True
            except Failure as failure:
                if not forget:
                    failure.next_step = (
                        "Nothing was forgotten, so that it can be ended later. `gateway logout --forget` deletes it "
                        "here alone; at the gateway it then goes on until its time is up."
                    )
                    raise
        file.delete()
    if wants_json():
        return show_json({"url": gateway_url(), "ended": is_ended, "forgotten": was_kept})
    signed_out = "Signed out." if is_ended else "Forgotten here alone: at the gateway it goes on until its time is up."
    click.echo(signed_out if was_kept else "You were not signed in.")
    if key_set():
        click.echo("GATEWAY_KEY is still set: that key is not ended by this.", err=True)
    return None


def _kept(file: LoginFile, *, forget: bool) -> Login | None:
    """The sign-in to end; none where it cannot be read and is only to be forgotten."""
    try:
        return file.read()
    except Failure:
        if not forget:
            raise
        return None
