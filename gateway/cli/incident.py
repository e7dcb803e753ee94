"""`gateway incident`: open, list, close."""

import click

from gateway.cli.asking import ask, pages
from gateway.cli.paths import segment
from gateway.cli.showing import ago, show_json, show_table, wants_json, with_json


@click.group(name="incident")
def command() -> None:
    """Incidents: an open one keeps every stage shut that requires to be free of them."""


@command.command(name="open")
@click.argument("release")
@click.option("--summary", required=True, help="What went wrong; kept in the ledger.")
@with_json
def open_incident(release: str, summary: str) -> None:
    """Record that something went wrong with RELEASE."""
    incident = ask("POST", "/incidents", body={"release": release, "summary": summary})
    if wants_json():
        return show_json(incident)
    return click.echo(f"{incident['id']} is open against {release}.")


@command.command(name="list")
@click.option("--release", help="Only of this release.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@with_json
def list_incidents(release: str | None, limit: int) -> None:
    """List incidents, those that are closed too."""
    found = list(pages("/incidents", "incidents", query={"release": release}, limit=limit))
    if wants_json():
        return show_json(found)
    return show_table(
        ("id", "release", "summary", "opened", "closed", "because"),
        [(i["id"], i["release"], i["summary"], ago(i["opened_at"]), i["closed_at"], i["closed_cause"]) for i in found],
        empty="No incidents.",
    )


@command.command()
@click.argument("incident")
@click.option("--cause", required=True, help="Why it is over; kept in the ledger.")
@with_json
def close(incident: str, cause: str) -> None:
    """Record that INCIDENT is over."""
    closed = ask("POST", f"/incidents/{segment(incident)}/close", body={"cause": cause})
    if wants_json():
        return show_json(closed)
    return click.echo(f"{closed['id']} is closed.")
