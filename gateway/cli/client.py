"""`gateway client`: machines that sign in. A client is a key that opens nothing itself; `gateway key` ends it."""

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import ask, pages
from gateway.cli.failures import Failure
from gateway.cli.key import ROLES, key_id
from gateway.cli.showing import ago, cell, show_json, show_table, wants_json, with_json


@click.group(name="client")
def command() -> None:
    """Machines that sign in: each exchanges what it proves itself by for short-lived tokens (`gateway token get`)."""


@command.command()
@click.option("--organisation", help="Whose client; your own organisation's where left out.")
@click.option("--label", default="", help="What it is for.")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="May be given several times.")
@click.option(
    "--scope", "scopes", multiple=True, help="The widest that its tokens can have, such as inference:RELEASE."
)
@click.option("--network", "networks", multiple=True, help="Where it may come from, such as 192.0.2.0/24.")
@click.option("--days", type=click.IntRange(1, 365), help="How long it lives; 90 where left out.")
@click.option(
    "--public-keys",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON Web Key Set by which it proves itself, in place of a secret.",
)
@with_json
def create(
    *,
    organisation: str | None,
    label: str,
    roles: tuple[str, ...],
    scopes: tuple[str, ...],
    networks: tuple[str, ...],
    days: int | None,
    public_keys: Path | None,
) -> None:
    """Make a client, no wider than your own key. Its secret is shown once, alone on standard output."""
    order: dict[str, Any] = {"organisation": organisation, "label": label, "days": days}
    for name, given in (("roles", roles), ("scopes", scopes), ("networks", networks)):
        if given:
            order[name] = list(given)
    if public_keys is not None:
        order["public_keys"] = _key_set(public_keys)
    made = ask("POST", "/clients", body=order)
    if wants_json():
        return show_json(made)
    key = made["client"]["client"]
    said = f"Client {key['id']} of {key['organisation']} ({', '.join(key['roles'])}), until {key['expires_at']}."
    if made["client_secret"] is None:
        return click.echo(said)
    click.echo(f"{said} Its secret is shown once:", err=True)
    return click.echo(made["client_secret"])


@command.command(name="list")
@click.option("--organisation", help="Only of this organisation.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@with_json
def list_clients(organisation: str | None, limit: int) -> None:
    """List clients; never their secrets."""
    clients = list(pages("/clients", "clients", query={"organisation": organisation}, limit=limit))
    if wants_json():
        return show_json(clients)
    return show_table(
        ("id", "organisation", "state", "expires", "proves itself by", "roles: label"),
        [
            (
                each["client"]["id"],
                each["client"]["organisation"],
                each["client"]["state"],
                ago(each["client"]["expires_at"]),
                ", ".join(["secret"] if not each["key_ids"] else each["key_ids"]),
                cell(each["client"]["roles"])
                + (f": {cell(each['client']['label'])}" if each["client"]["label"] else ""),
            )
            for each in clients
        ],
        empty="No clients.",
    )


@command.command()
@click.argument("client")
@click.argument("public_keys", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_json
def keys(client: str, public_keys: Path) -> None:
    """Let a client prove itself by these keys from now on: name the new beside the old, and later the new alone."""
    shown = ask("PUT", f"/clients/{key_id(client)}/keys", body={"public_keys": _key_set(public_keys)})
    if wants_json():
        return show_json(shown)
    return click.echo(f"{shown['client']['id']} proves itself by {', '.join(shown['key_ids'])}.")


def _key_set(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except ValueError:
        raise Failure(f"{file} is no JSON.", "Write a JSON Web Key Set: an object with a list of `keys`.") from None
