"""`gateway concurrence`: authorities that agree to one organisation's use of a release."""

import click

from gateway.cli.asking import ask, pages
from gateway.cli.failures import printable
from gateway.cli.paths import segment
from gateway.cli.showing import ago, show_json, show_table, wants_json, with_json
from gateway.cli.spans import coming


@click.group(name="concurrence")
def command() -> None:
    """Concurrences with organisations, one by one, where a stage asks an authority about each."""


@command.command()
@click.argument("organisation")
@click.argument("release")
@click.option("--authority", required=True, help="Who agrees, as the stage's `concurrence` names it.")
@click.option("--reference", required=True, help="Where that can be looked up: a letter, a ticket.")
@click.option("--expires", required=True, type=coming, help="Until when, such as 2027-01-01 or 30d.")
@with_json
def give(organisation: str, release: str, authority: str, reference: str, expires: str) -> None:
    """Record that an authority agrees to ORGANISATION's use of RELEASE."""
    given = ask(
        "POST",
        "/concurrences",
        body={
            "organisation": organisation,
            "release": release,
            "authority": authority,
            "reference": reference,
            "expires_at": expires,
        },
    )
    if wants_json():
        return show_json(given)
    click.echo(f"{given['id']}: {authority} agrees to {organisation} using {release} until {given['expires_at']}.")
    for warning in given["warnings"]:
        click.echo(f"warning: {printable(warning)}", err=True)
    return None


@command.command(name="list")
@click.option("--organisation", help="Only with this organisation.")
@click.option("--release", help="Only for this release.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@with_json
def list_concurrences(organisation: str | None, release: str | None, limit: int) -> None:
    """List concurrences, those that have ended too."""
    query = {"organisation": organisation, "release": release}
    found = list(pages("/concurrences", "concurrences", query=query, limit=limit))
    if wants_json():
        return show_json(found)
    return show_table(
        ("id", "organisation", "release", "state", "authority", "reference", "expires", "withdrawn because"),
        [
            (
                each["id"],
                each["organisation"],
                each["release"],
                each["state"],
                each["authority"],
                each["reference"],
                ago(each["expires_at"]),
                each["withdrawn_cause"],
            )
            for each in found
        ],
        empty="No concurrences.",
    )


@command.command()
@click.argument("concurrence")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def withdraw(concurrence: str, cause: str) -> None:
    """End a concurrence at once; calls that it admitted are cut."""
    ended = ask("POST", f"/concurrences/{segment(concurrence)}/withdraw", body={"cause": cause})
    if wants_json():
        return show_json(ended)
    return click.echo(
        f"{ended['id']} is withdrawn: {ended['organisation']} may use {ended['release']} no longer by it."
    )
