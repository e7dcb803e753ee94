"""`gateway organisation`: create, list, show, disable, and what is asserted of them."""

import re

import click

from gateway.cli.asking import ask, pages
from gateway.cli.failures import printable
from gateway.cli.paths import segment
from gateway.cli.showing import ago, cell, show_facts, show_json, show_table, wants_json, with_json
from gateway.cli.spans import coming

_INTEGER = re.compile(r"-?\d{1,16}")


@click.group(name="organisation")
def command() -> None:
    """Organisations: the provider's customers, which never see each other."""


@command.command()
@click.argument("organisation")
@click.argument("name")
@with_json
def create(organisation: str, name: str) -> None:
    """Create the customer ORGANISATION (an id such as acme), called NAME."""
    created = ask("POST", "/organisations", body={"id": organisation, "name": name})
    if wants_json():
        return show_json(created)
    return click.echo(f"{created['id']} is created. Next: gateway key issue --organisation {created['id']}")


@command.command(name="list")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@with_json
def list_organisations(limit: int) -> None:
    """List organisations."""
    found = list(pages("/organisations", "organisations", query={}, limit=limit))
    if wants_json():
        return show_json(found)
    return show_table(
        ("id", "name", "state", "created"), [(o["id"], o["name"], o["state"], o["created_at"]) for o in found]
    )


@command.command()
@click.argument("organisation")
@with_json
def show(organisation: str) -> None:
    """Show an organisation and what is asserted of it."""
    path = f"/organisations/{segment(organisation)}"
    found, attributes = ask("GET", path), ask("GET", f"{path}/attributes")
    if wants_json():
        return show_json({**found, "attributes": attributes})
    show_facts(found.items())
    click.echo()
    return show_table(
        ("assertion", "attribute", "stands", "assurance", "expires", "issuer", "value"),
        [
            (a["id"], a["name"], a["stands"], a["assurance"], ago(a["expires_at"]), a["issuer"], a["value"])
            for a in attributes
        ],
        empty="Nothing is asserted of it.",
    )


@command.command()
@click.argument("organisation")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def disable(organisation: str, cause: str) -> None:
    """End every key of an organisation at once."""
    disabled = ask("POST", f"/organisations/{segment(organisation)}/disable", body={"cause": cause})
    if wants_json():
        return show_json(disabled)
    return click.echo(f"{disabled['id']} is disabled: all its keys have ended.")


@command.command(name="assert")
@click.argument("organisation")
@click.argument("name")
@click.argument("values", nargs=-1, required=True)
@click.option("--issuer", required=True, help="Who established it.")
@click.option("--assurance", type=click.IntRange(0, 4), default=0, show_default=True, help="How well: 0 to 4.")
@click.option("--expires", type=coming, help="Until when it stands, such as 2027-01-01 or 365d.")
@click.option("--list", "as_list", is_flag=True, help="The value is a list, of however many values.")
@with_json
def assert_attribute(
    *,
    organisation: str,
    name: str,
    values: tuple[str, ...],
    issuer: str,
    assurance: int,
    expires: str | None,
    as_list: bool,
) -> None:
    """Assert NAME of an organisation, such as `kyc K3`, `us_person true`, `--list sector health energy`."""
    if len(values) > 1 and not as_list:
        raise click.UsageError("Several values make a list: say --list.")
    claim = {
        "name": name,
        "value": list(values) if as_list else _value(values[0]),
        "issuer": issuer,
        "assurance": assurance,
        "expires_at": expires,
    }
    asserted = ask("POST", f"/organisations/{segment(organisation)}/attributes", body=claim)
    if wants_json():
        return show_json(asserted)
    click.echo(
        f"{name} is asserted of {organisation} as {asserted['id']}{', and stands' if asserted['stands'] else ''}."
    )
    stronger = asserted["outranked_by"]
    if stronger is not None:
        told = f"{cell(stronger['value'])}, from {stronger['issuer']} with assurance {stronger['assurance']}"
        click.echo(f"It does not stand: {stronger['id']} outranks it ({printable(told)}).", err=True)
        click.echo(f"next: gateway organisation withdraw {organisation} {stronger['id']} --cause …", err=True)
    return None


@command.command()
@click.argument("organisation")
@click.argument("assertion")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def withdraw(organisation: str, assertion: str, cause: str) -> None:
    """Let an assertion stand no more."""
    path = f"/organisations/{segment(organisation)}/attributes/{segment(assertion)}/withdraw"
    withdrawn = ask("POST", path, body={"cause": cause})
    if wants_json():
        return show_json(withdrawn)
    return click.echo(f"{withdrawn['name']} of {organisation} is withdrawn.")


def _value(text: str) -> str | int | bool:
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if _INTEGER.fullmatch(text) else text
