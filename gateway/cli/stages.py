"""Stages that have requirements: what each still lacks, its approval, and the concurrence of others."""

from typing import Any

import click

from gateway.cli.asking import ask
from gateway.cli.failures import printable
from gateway.cli.paths import release_path, segment
from gateway.cli.showing import show_json, to_the_second, wants_json, with_json
from gateway.cli.spans import coming


@click.command()
@click.argument("release")
@click.argument("stage")
@click.option("--basis", help="As `show` told it; refused when the stage or its evidence has changed since.")
@with_json
def approve(release: str, stage: str, basis: str | None) -> None:
    """Approve that STAGE of RELEASE opens, on what is known now. Whoever wrote it cannot."""
    given = ask("POST", f"{release_path(release)}/stages/{segment(stage)}/approve", body={"basis": basis})
    if wants_json():
        return show_json(given)
    return click.echo(f"{given['id']}: {stage} of {release} is approved as {given['digest']}, on {given['basis']}.")


@click.command()
@click.argument("release")
@click.argument("stage")
@click.option("--authority", required=True, help="Who concurs, as the requirement names it.")
@click.option("--reference", required=True, help="Where that can be looked up: a letter, a ticket.")
@click.option("--expires", required=True, type=coming, help="Until when, such as 2027-01-01 or 30d.")
@with_json
def concur(release: str, stage: str, authority: str, reference: str, expires: str) -> None:
    """Record that an authority outside concurs with opening STAGE of RELEASE."""
    given = ask(
        "POST",
        f"{release_path(release)}/stages/{segment(stage)}/concur",
        body={"authority": authority, "reference": reference, "expires_at": expires},
    )
    if wants_json():
        return show_json(given)
    return click.echo(f"{given['id']}: {authority} concurs with {stage} of {release} until {given['expires_at']}.")


def show_requirements(stages: list[Any]) -> None:
    """A line for each requirement of each stage, and what it was found to be."""
    for stage in (stage for stage in stages if stage["requirements"]):
        click.echo()
        opened = f"opened {stage['opened_at']}" if stage["opened_at"] else "not open: waits for what is not met"
        after = f", and for stage {stage['waits_for']} to open before it" if stage["waits_for"] else ""
        click.echo(f"{stage['name']}: {opened}{after}")
        for each in stage["requirements"]:
            click.echo(printable(f"  {_MARKS[each['met']]:<7}  {each['requires']}: {each['said'] or 'not looked at'}"))
        if stage["basis"] and not stage["opened_at"]:
            click.echo(f"  basis    {stage['basis']}")


def show_narrowings(narrowings: list[str]) -> None:
    """A line for each narrowing in force: what was done since when, for whom, by whom and why."""
    if narrowings:
        click.echo()
    for told in narrowings:
        click.echo(f"narrowed: {printable(told)}")


def show_reviews(stages: list[Any]) -> None:
    """A line for each stage that is to be looked at again, or whose organisations an authority must agree to."""
    for stage in stages:
        if stage["concurrence"]:
            click.echo(printable(f"{stage['name']}: {stage['concurrence']} must agree to each organisation"))
        review = stage["review"]
        if review is not None:
            frozen = ", and nobody new is admitted" if review["if_overdue"] == "freeze" else ""
            state = f"overdue{frozen}" if review["overdue"] else "due"
            click.echo(f"{stage['name']}: review {state}, by {to_the_second(review['by'])}")


_MARKS = {True: "met", False: "not met", None: "unknown"}
