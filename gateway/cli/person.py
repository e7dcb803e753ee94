"""`gateway person`: who has signed in or was provisioned, what they hold, and letting them in no more."""

import click

from gateway.cli.asking import ask, pages
from gateway.cli.paths import segment
from gateway.cli.showing import ago, show_facts, show_json, show_table, wants_json, with_json


@click.group(name="person")
def command() -> None:
    """People who sign in, as the operator's identity providers know them."""


@command.command(name="list")
@click.option("--organisation", help="Of one organisation alone.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@with_json
def list_people(organisation: str | None, limit: int) -> None:
    """List people."""
    query = {"organisation": organisation} if organisation else {}
    found = list(pages("/people", "people", query=query, limit=limit))
    if wants_json():
        return show_json(found)
    return show_table(
        ("id", "organisation", "issuer", "state", "name"),
        [(p["id"], p["organisation"], p["issuer"], p["state"], p["user_name"]) for p in found],
        empty="Nobody has signed in.",
    )


@command.command()
@click.argument("person")
@with_json
def show(person: str) -> None:
    """Show a person and the sessions that they hold."""
    path = f"/people/{segment(person)}"
    found, sessions = ask("GET", path), ask("GET", f"{path}/sessions")["sessions"]
    if wants_json():
        return show_json({**found, "sessions": sessions})
    show_facts(found.items())
    click.echo()
    return show_table(
        ("session", "kind", "since", "ends", "roles"),
        [(s["id"], s["kind"], ago(s["created_at"]), ago(s["ends_at"]), ", ".join(s["roles"])) for s in sessions],
        empty="They hold no session.",
    )


@command.command()
@click.argument("person")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def disable(person: str, cause: str) -> None:
    """Let a person in no more: their sessions, own keys and pending approvals end at once."""
    disabled = ask("POST", f"/people/{segment(person)}/disable", body={"cause": cause})
    if wants_json():
        return show_json(disabled)
    return click.echo(f"{disabled['id']} is disabled: their sessions and their own keys have ended.")


@command.command()
@click.argument("person")
@with_json
def enable(person: str) -> None:
    """Let a person sign in again. What has ended stays ended."""
    enabled = ask("POST", f"/people/{segment(person)}/enable")
    if wants_json():
        return show_json(enabled)
    return click.echo(f"{enabled['id']} may sign in again.")


@command.command(name="end-session")
@click.argument("person")
@click.argument("session")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def end_session(person: str, session: str, cause: str) -> None:
    """End one SESSION of a person, as that of a computer that was stolen."""
    path = f"/people/{segment(person)}/sessions/{segment(session)}/end"
    ended = ask("POST", path, body={"cause": cause})
    if wants_json():
        return show_json(ended)
    return click.echo(f"{ended['id']} is over.")
