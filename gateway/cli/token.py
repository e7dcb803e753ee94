"""`gateway token`: get one and end one, as a client does; and the keys that sign them, here and without a gateway."""

import time
from pathlib import Path

import click

from gateway.cli.asking import ask
from gateway.cli.authority import ask_authority, ask_authority_signed, metadata
from gateway.cli.credential import EARLY_S, signed_in
from gateway.cli.failures import told
from gateway.cli.key import key_id as client_id
from gateway.cli.showing import ago, show_json, show_table, wants_json, with_json
from gateway.cli.spans import span

SECOND = 1_000_000


_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(name="token")
def command() -> None:
    """Access tokens. A client's secret is taken from GATEWAY_CLIENT_SECRET, never from the command line."""


@command.command()
@click.option("--client", default="", help="Its id; left out, the token is that of your own sign-in.")
@click.option("--scope", "scopes", multiple=True, help="Less than the client holds, such as inference:RELEASE.")
@click.option("--key-file", type=_file, help="The private key of a client that signs, in place of a secret.")
@click.option("--key-id", default="", help="What the client's key set calls that key, where it has several.")
@with_json
def get(client: str, scopes: tuple[str, ...], key_file: Path | None, key_id: str) -> None:
    """Get a token, alone on standard output: `export GATEWAY_KEY=$(gateway token get --client ID)`.

    Without --client it is that of whoever signed in here, renewed where it must be: `gateway login --scope inference`,
    then `export OPENAI_API_KEY=$(gateway token get)`.
    """
    if not client:
        if key_file is not None:
            raise click.UsageError("--key-file goes with --client: it is a client's.")
        return _own(scopes)
    form = {"grant_type": "client_credentials"}
    if scopes:
        form["scope"] = " ".join(scopes)
    named = client_id(client)
    if key_file is None:
        granted = ask_authority("/oauth/token", named, form)
    else:
        granted = ask_authority_signed("/oauth/token", _assertion(named, key_file, key_id), form)
    if wants_json():
        return show_json(granted)
    click.echo(f"For {granted['expires_in']} seconds: {granted['scope']}", err=True)
    return click.echo(granted["access_token"])


def _assertion(client: str, key_file: Path, key_id: str) -> str:
    """What proves the client, signed here by its key for this gateway."""
    about = metadata()
    with told():
        from gateway.identity.tokens.asserting import assertion
        from gateway.secret_files import read_secret_file

        key = read_secret_file(key_file, "client's key")
        return assertion(key, key_id, client, str(about["issuer"]), int(time.time()))


def _own(scopes: tuple[str, ...]) -> None:
    """The token of the sign-in kept here, whatever key is set."""
    if scopes:
        raise click.UsageError("--scope goes with --client: your own reach was chosen with `gateway login --scope`.")
    login = signed_in()
    lasts_s = max(0, int(login.renew_at + EARLY_S - time.time()))
    if wants_json():
        return show_json({"access_token": login.access_token, "token_type": "Bearer", "expires_in": lasts_s})
    click.echo(f"Yours, for {lasts_s} seconds.", err=True)
    return click.echo(login.access_token)


@command.command()
@click.argument("token")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def revoke(token: str, cause: str) -> None:
    """End a token at once, everywhere, by its id as the ledger names it (`token_…`), whoever issued it."""
    if not (token.startswith("token_") and token.isascii() and len(token) == 38):
        raise click.UsageError(
            "Name a token by its id, `token_…`, as `gateway audit search` shows it; never the token."
        )
    ended = ask("POST", f"/tokens/{token}/revoke", body={"cause": cause})
    if wants_json():
        return show_json(ended)
    return click.echo(f"{ended['id']} is revoked.")


_data = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="The data directory; GATEWAY_DATA."
)


@command.command(name="rotate-key")
@click.option(
    "--announce", type=span, default="10m", show_default=True, help="How long it is published before it signs."
)
@click.option("--overlap", type=span, default="2h", show_default=True, help="How long the others verify after that.")
@_data
@with_json
def rotate_key(announce: int, overlap: int, data: Path | None) -> None:
    """Sign tokens with a new key, on the gateway's own machine; a gateway under way takes it up within a second.

    After a theft: `--announce 0 --overlap 0`. Every token that the old keys signed opens nothing any more.
    """
    with told():
        from gateway.cli.here import settings_here
        from gateway.identity.tokens.signing_keys import rotate

        path = settings_here(data).token_keys_path
        now = time.time_ns() // 1000
        made = rotate(path, now, announce=announce * SECOND, overlap=overlap * SECOND)
    if wants_json():
        return show_json({"id": made, "file": str(path)})
    return click.echo(f"{made} signs from {announce} seconds on; those before it verify {overlap} seconds longer.")


@command.command(name="keys")
@_data
@with_json
def list_keys(data: Path | None) -> None:
    """List the keys that sign tokens; never the keys themselves."""
    with told():
        from gateway.cli.here import settings_here
        from gateway.clock import NEVER, text_from
        from gateway.identity.tokens.signing_keys import listed

        keys = listed(settings_here(data).token_keys_path)
    shown = [
        {"id": each, "signs_from": text_from(begins), "verifies_until": None if ends >= NEVER else text_from(ends)}
        for each, begins, ends in keys
    ]
    if wants_json():
        return show_json(shown)
    return show_table(
        ("id", "signs from", "verifies until"),
        [(each["id"], _since(each["signs_from"]), ago(each["verifies_until"])) for each in shown],
        empty="No keys.",
    )


def _since(instant: str | None) -> str:
    """From when on a key signs; the first one of an installation was never announced."""
    return "the start" if instant is not None and instant.startswith("1970-") else ago(instant)
