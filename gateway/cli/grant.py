"""`gateway grant`: give, list, pause, resume, recertify, revoke."""

from typing import Any

import click

from gateway.cli.asking import ask, pages
from gateway.cli.failures import printable
from gateway.cli.paths import segment
from gateway.cli.showing import ago, show_json, show_table, to_the_second, wants_json, with_json
from gateway.cli.spans import coming


@click.group(name="grant")
def command() -> None:
    """Grants: an organisation's admission to a limited release."""


@command.command()
@click.argument("organisation")
@click.argument("release")
@click.option("--authority", required=True, help="On whose word: a contract, a ticket, a concurrence.")
@click.option("--starts", type=coming, help="From when; now where left out.")
@click.option(
    "--ends", type=coming, help="Until when, such as 2027-01-01 or 30d; left out: as the form says, or 90 days."
)
@with_json
def give(organisation: str, release: str, authority: str, starts: str | None, ends: str | None) -> None:
    """Admit ORGANISATION to RELEASE."""
    grant = ask(
        "POST",
        "/grants",
        body={
            "organisation": organisation,
            "release": release,
            "authority": authority,
            "starts_at": starts,
            "ends_at": ends,
        },
    )
    if wants_json():
        return show_json(grant)
    begins, ends = ("now" if grant["active"] else to_the_second(grant["starts_at"])), to_the_second(grant["ends_at"])
    click.echo(f"{grant['id']}: {organisation} is admitted to {release} from {begins} until {ends}.")
    for warning in grant["warnings"]:
        click.echo(f"warning: {printable(warning)}", err=True)
    return None


@command.command(name="list")
@click.option("--organisation", help="Only of this organisation.")
@click.option("--release", help="Only for this release.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@with_json
def list_grants(organisation: str | None, release: str | None, limit: int) -> None:
    """List grants, those that have ended too."""
    query = {"organisation": organisation, "release": release}
    grants = list(pages("/grants", "grants", query=query, limit=limit))
    if wants_json():
        return show_json(grants)
    return show_table(
        ("id", "organisation", "release", "state", "starts", "ends", "look again by", "authority", "because"),
        [
            (
                g["id"],
                g["organisation"],
                g["release"],
                g["state"],
                to_the_second(g["starts_at"]),
                ago(g["ends_at"]),
                ago(g["recertify_by"]),
                g["authority"],
                g["revoked_cause"] or g["paused_cause"],
            )
            for g in grants
        ],
        empty="No grants.",
    )


@command.command()
@click.argument("grant")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def pause(grant: str, cause: str) -> None:
    """Let GRANT admit nobody until it is resumed; calls that no other grant admits are cut."""
    return _changed(ask("POST", f"/grants/{segment(grant)}/pause", body={"cause": cause}))


@command.command()
@click.argument("grant")
@with_json
def resume(grant: str) -> None:
    """Let GRANT, which was paused, admit again."""
    return _changed(ask("POST", f"/grants/{segment(grant)}/resume"))


@command.command()
@click.argument("grant")
@click.option("--authority", required=True, help="On whose word it goes on; kept in the ledger.")
@with_json
def recertify(grant: str, authority: str) -> None:
    """Say that GRANT was looked at again and goes on."""
    return _changed(ask("POST", f"/grants/{segment(grant)}/recertify", body={"authority": authority}))


def _changed(grant: Any) -> None:
    if wants_json():
        return show_json(grant)
    again = f"; it must be looked at again by {ago(grant['recertify_by'])}" if grant["recertify_by"] else ""
    return click.echo(f"{grant['id']} of {grant['organisation']} for {grant['release']} is {grant['state']}{again}.")


@command.command()
@click.argument("grant")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def revoke(grant: str, cause: str) -> None:
    """End a grant at once; calls that no other grant admits are cut."""
    revoked = ask("POST", f"/grants/{segment(grant)}/revoke", body={"cause": cause})
    if wants_json():
        return show_json(revoked)
    others = ", ".join(revoked["still_admitted_by"])
    ends = f"is still admitted to {revoked['release']} by {others}" if others else f"has lost {revoked['release']}"
    return click.echo(f"{revoked['id']} is revoked: {revoked['organisation']} {ends}.")
