"""`gateway key`: issue, list, show, rotate, revoke; and recover, which works here and without a gateway."""

from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import ask, pages
from gateway.cli.failures import printable, told
from gateway.cli.showing import ago, cell, show_facts, show_json, show_table, wants_json, with_json
from gateway.cli.spans import span

ROLES = ("developer", "staff", "provider", "approver", "analyst", "auditor")


@click.group(name="key")
def command() -> None:
    """API keys. A developer's key sees and changes those of its own organisation."""


@command.command()
@click.option("--organisation", help="Whose key; your own organisation's where left out.")
@click.option("--label", default="", help="What it is for.")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="May be given several times.")
@click.option(
    "--scope", "scopes", multiple=True, help="inference, weights, control, control:read, scim or inference:RELEASE."
)
@click.option("--network", "networks", multiple=True, help="Where it may be used from, such as 192.0.2.0/24.")
@click.option("--days", type=click.IntRange(1, 365), help="How long it lives; 90 where left out.")
@with_json
def issue(
    *,
    organisation: str | None,
    label: str,
    roles: tuple[str, ...],
    scopes: tuple[str, ...],
    networks: tuple[str, ...],
    days: int | None,
) -> None:
    """Issue a key, no wider than your own. It is shown once, alone on standard output."""
    order: dict[str, Any] = {"organisation": organisation, "label": label, "days": days}
    if roles:
        order["roles"] = list(roles)
    if scopes:
        order["scopes"] = list(scopes)
    if networks:
        order["networks"] = list(networks)
    _show_once(ask("POST", "/keys", body=order))


@command.command(name="list")
@click.option("--organisation", help="Only of this organisation.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@with_json
def list_keys(organisation: str | None, limit: int) -> None:
    """List keys; never the keys themselves."""
    keys = list(pages("/keys", "keys", query={"organisation": organisation}, limit=limit))
    if wants_json():
        return show_json(keys)
    return show_table(
        ("id", "organisation", "state", "expires", "last used", "roles: label"),
        [
            (
                k["id"],
                k["organisation"],
                k["state"],
                ago(k["expires_at"]),
                ago(k["last_used_at"]),
                _roles_and_label(k),
            )
            for k in keys
        ],
        empty="No keys.",
    )


def _roles_and_label(key: Any) -> str:
    said = [cell(key["label"])] if key["label"] else []
    if key.get("is_break_glass"):
        said.append("break-glass")
    return ": ".join([cell(key["roles"]), *filter(None, [", ".join(said)])])


@command.command()
@click.argument("key")
@with_json
def show(key: str) -> None:
    """Show one key by its public id."""
    found = ask("GET", f"/keys/{key_id(key)}")
    if wants_json():
        return show_json(found)
    return show_facts(found.items())


@command.command()
@click.argument("key")
@click.option("--overlap", type=span, default="24h", show_default=True, help="How long the old key goes on; 0: none.")
@with_json
def rotate(key: str, overlap: int) -> None:
    """Issue a successor to a key. It is shown once, alone on standard output.

    KEY is its public id. A key that others may have seen is to end at once: --overlap 0.
    """
    _show_once(ask("POST", f"/keys/{key_id(key)}/rotate", body={"overlap_s": overlap}))


@command.command()
@click.argument("key")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def revoke(key: str, cause: str) -> None:
    """End a key at once, everywhere, answers under way included."""
    revoked = ask("POST", f"/keys/{key_id(key)}/revoke", body={"cause": cause})
    if wants_json():
        return show_json(revoked)
    return click.echo(f"{revoked['id']} of {revoked['organisation']} is revoked.")


@command.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="The data directory; GATEWAY_DATA.")
@click.option("--lost-peppers", is_flag=True, help="End every key signed by a pepper that is not here any more.")
@with_json
def recover(data: Path | None, *, lost_peppers: bool) -> None:
    """Make a provider's key where every one is lost: on the gateway's own machine, recorded in the ledger.

    Settings are those of `gateway serve`. A gateway that keeps its data in SQLite must be stopped first.
    """
    with told():
        from gateway.cli.here import settings_here
        from gateway.clock import text_from
        from gateway.regaining import recover as make

        issued = make(settings_here(data), lost_peppers=lost_peppers)
    key = issued.key
    shown = {
        "id": key.id,
        "organisation": key.organisation,
        "roles": [role.value for role in key.roles],
        "expires_at": text_from(key.expires_at),
    }
    _show_once({"key": shown, "token": issued.token.reveal()})


def key_id(key: str) -> str:
    """The public id. A whole key must not end in a path, where others log it."""
    if not (len(key) == 12 and key.isascii() and key.isalnum()):
        raise click.UsageError("Name a key by its public id: the twelve letters and digits after `rsg_…_`.")
    return key


def _show_once(issued: Any) -> None:
    if wants_json():
        return show_json(issued)
    key = issued["key"]
    click.echo(
        f"Key {key['id']} of {key['organisation']} ({', '.join(key['roles'])}), until {key['expires_at']}. "
        "It is shown once:",
        err=True,
    )
    for warning in issued.get("warnings", ()):  # of a key recovered here, none are told
        click.echo(f"warning: {printable(warning)}", err=True)
    return click.echo(issued["token"])
