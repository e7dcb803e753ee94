"""`gateway change`: list, show, approve, reject, apply."""

from typing import Any

import click

from gateway.cli.asking import SURVEY_S, ask, pages
from gateway.cli.failures import printable
from gateway.cli.paths import segment
from gateway.cli.plans import show_plan
from gateway.cli.showing import ago, show_json, show_table, wants_json, with_json

_UNDER_WAY = ("planned", "approved")

ROLE = click.option(
    "--as", "role", type=click.Choice(["provider", "approver", "analyst"]), help="The role to do it in; your only one."
)


@click.group(name="change")
def command() -> None:
    """Changes: proposed versions of a release, agreed to before they come into force."""


@command.command(name="list")
@click.option("--release", help="Only of this release.")
@click.option(
    "--state", type=click.Choice(["planned", "approved", "applied", "rejected", "stale"]), help="Only in this state."
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")
@with_json
def list_changes(release: str | None, state: str | None, limit: int) -> None:
    """List changes, from the newest backwards."""
    changes = _listed(release, state, limit)
    if wants_json():
        return show_json(changes)
    return show_table(
        ("id", "release", "state", "effect", "planned", "by", "approved by", "review"),
        [
            (
                c["id"],
                c["release"],
                c["state"],
                c["effect"],
                ago(c["planned_at"]),
                c["author"],
                [f"{approval['key']} ({approval['role']})" for approval in c["approvals"]],
                c["review"],
            )
            for c in changes
        ],
        empty="No changes. Next: gateway release plan FILE",
    )


def _listed(release: str | None, state: str | None, limit: int) -> list[Any]:
    """Those in a state as it is shown: one that is stale was planned or approved, and is neither any more."""
    if state not in {*_UNDER_WAY, "stale"}:
        return list(pages("/changes", "changes", query={"release": release, "only": state}, limit=limit))
    read = _UNDER_WAY if state == "stale" else (state,)
    found = [
        change
        for only in read
        for change in pages("/changes", "changes", query={"release": release, "only": only}, limit=None)
        if change["state"] == state
    ]
    return sorted(found, key=lambda change: change["id"], reverse=True)[:limit]


@command.command()
@click.argument("change")
@click.option("--terms", help="Read this text of terms, as the change would bring it.")
@with_json
def show(change: str, terms: str | None) -> None:
    """Show what CHANGE does, who gains and loses by it, and what it still needs."""
    if terms is not None:
        return _read(ask("GET", f"/changes/{segment(change)}/terms/{segment(terms)}"))
    plan = ask("GET", f"/changes/{segment(change)}", patience_s=SURVEY_S)
    return show_json(plan) if wants_json() else show_plan(plan)


@command.command()
@click.argument("change")
@click.option("--digest", help="The digest of the change as you saw it; that of now where left out.")
@click.option("--grounds", help="Digest of the evidence as you saw it; that of now where left out.")
@click.option("--cannot-be-undone", is_flag=True, help="Say that you know; needed where that is so.")
@ROLE
@with_json
def approve(*, change: str, digest: str | None, grounds: str | None, cannot_be_undone: bool, role: str | None) -> None:
    """Agree to CHANGE; or, where it was applied on one person's word, review it."""
    path = f"/changes/{segment(change)}"
    shown = ask("GET", path, patience_s=SURVEY_S)["change"]
    body = {
        "digest": digest or shown["digest"],
        "grounds": grounds or shown["grounds"],
        "role": role,
        "cannot_be_undone": cannot_be_undone,
    }
    return _show(ask("POST", f"{path}/approve", body=body))


@command.command()
@click.argument("change")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@ROLE
@with_json
def reject(change: str, cause: str, role: str | None) -> None:
    """Say that CHANGE will not be; its author may take it back so."""
    return _show(ask("POST", f"/changes/{segment(change)}/reject", body={"cause": cause, "role": role}))


@command.command()
@click.argument("change")
@with_json
def apply(change: str) -> None:
    """Bring CHANGE into force, everywhere within a second."""
    applied = ask("POST", f"/changes/{segment(change)}/apply")
    if wants_json():
        return show_json(applied)
    click.echo(f"{applied['change']['release']} version {applied['number']} is in force: {applied['digest']}.")
    if applied["change"]["review"] == "due":
        click.echo(f"A second person must look at it until {ago(applied['change']['review_by'])}.")
        click.echo(f"Next, by somebody else: gateway change approve {change}")
    return None


def _read(text: dict[str, Any]) -> None:
    if wants_json():
        return show_json(text)
    was = f"; in its place stood {text['before']}" if text["before"] not in {"", text["digest"]} else ""
    click.echo(f"{text['name']}, {text['digest']}{was}\n", err=True)
    return click.echo(printable(text["text"]))


def _show(change: dict[str, Any]) -> None:
    if wants_json():
        return show_json(change)
    by = ", ".join(f"{approval['key']} as {approval['role']}" for approval in change["approvals"]) or "nobody"
    return click.echo(f"{change['id']} of {change['release']} is {change['state']}; approved by {by}.")
