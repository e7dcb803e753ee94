"""`gateway person`: who has signed in or was provisioned, what they hold, and letting them in no more."""

import click

from gateway.cli.asking import ask, pages
from gateway.cli.failures import Failure
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


def _path(person: str) -> str:
    """The path of a person, by their id or by the name that one person alone has."""
    if person.startswith("person_"):
        return f"/people/{segment(person)}"
    named = [each for each in pages("/people", "people", query={}, limit=None) if each["user_name"] == person]
    if len(named) == 1:
        return f"/people/{segment(named[0]['id'])}"
    said = f"{len(named)} people are called `{person}`" if named else f"Nobody you may see is called `{person}`"
    raise Failure(f"{said}.", "Name a person by the id that `gateway person list` shows.")


@command.command()
@click.argument("person")
@with_json
def show(person: str) -> None:
    """Show a person, by id or name, and the sessions that they hold."""
    path = _path(person)
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
    disabled = ask("POST", f"{_path(person)}/disable", body={"cause": cause})
    if wants_json():
        return show_json(disabled)
    return click.echo(f"{disabled['id']} is disabled: their sessions and their own keys have ended.")


@command.command()
@click.argument("person")
@with_json
def enable(person: str) -> None:
    """Let a person sign in again. What has ended stays ended."""
    enabled = ask("POST", f"{_path(person)}/enable")
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
    path = f"{_path(person)}/sessions/{segment(session)}/end"
    ended = ask("POST", path, body={"cause": cause})
    if wants_json():
        return show_json(ended)
    return click.echo(f"{ended['id']} is over.")
