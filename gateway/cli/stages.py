"""Stages that have requirements: what each still lacks, its approval, and the concurrence of others."""

from typing import Any

import click

from gateway.cli.asking import ask
from gateway.cli.failures import printable
from gateway.cli.paths import release_path, segment
from gateway.cli.showing import ago, show_json, show_line, to_the_second, wants_json, with_json
from gateway.cli.spans import coming


@click.command()
@click.argument("release")
@click.argument("stage")
@click.option("--basis", help="As `show` told it; refused when the stage or its evidence has changed since.")
@click.option("--cannot-be-undone", is_flag=True, help="Say that you know what opens so cannot be shut again.")
@with_json
def approve(release: str, stage: str, basis: str | None, cannot_be_undone: bool) -> None:
    """Approve that STAGE of RELEASE opens, on what is known now. Whoever wrote it cannot."""
    given = ask(
        "POST",
        f"{release_path(release)}/stages/{segment(stage)}/approve",
        body={"basis": basis, "cannot_be_undone": cannot_be_undone},
    )
    if wants_json():
        return show_json(given)
    return click.echo(f"{given['id']}: {stage} of {release} is approved as {given['digest']}, on {given['basis']}.")


@click.command()
@click.argument("release")
@click.argument("stage")
@click.option("--authority", required=True, help="Who concurs, as the requirement names it.")
@click.option("--reference", required=True, help="Where that can be looked up: a letter, a ticket.")
@click.option("--expires", required=True, type=coming, help="Until when, such as 2027-01-01 or 30d.")
@click.option("--cannot-be-undone", is_flag=True, help="Say that you know what opens so cannot be shut again.")
@with_json
def concur(release: str, stage: str, *, authority: str, reference: str, expires: str, cannot_be_undone: bool) -> None:
    """Record that an authority outside concurs with opening STAGE of RELEASE."""
    given = ask(
        "POST",
        f"{release_path(release)}/stages/{segment(stage)}/concur",
        body={
            "authority": authority,
            "reference": reference,
            "expires_at": expires,
            "cannot_be_undone": cannot_be_undone,
        },
    )
    if wants_json():
        return show_json(given)
    return click.echo(f"{given['id']}: {authority} concurs with {stage} of {release} until {given['expires_at']}.")


def show_requirements(stages: list[Any]) -> None:
    """A line for each requirement of each stage, and what it was found to be."""
    for stage in (stage for stage in stages if stage["requirements"]):
        click.echo()
        show_line(f"{stage['name']}: {_opening(stage)}")
        for each in stage["requirements"]:
            told = f"{_MARKS[each['met']]:<7}  {each['requires']}: {each['said'] or 'not looked at'}"
            show_line(printable(told), indent=2)
        if stage["basis"] and not stage["opened_at"]:
            show_line(f"basis {stage['basis']}", indent=2)


def _opening(stage: Any) -> str:
    """When it opened, or everything that it still waits for."""
    if stage["opened_at"]:
        return f"opened {to_the_second(stage['opened_at'])}"
    if stage["state"] == "missed":
        return "missed: its end has come before it opened"
    waits = [
        *(["for what is not met"] if any(each["met"] is False for each in stage["requirements"]) else []),
        *(["for what was not looked at"] if any(each["met"] is None for each in stage["requirements"]) else []),
        *([f"for stage {stage['waits_for']} to open before it"] if stage["waits_for"] else []),
        *([f"for its date, {ago(stage['opens'])}"] if stage["state"] == "to come" else []),
    ]
    return f"not open: waits {' and '.join(waits)}" if waits else "not open: everything is met, and it opens at once"


def show_narrowings(narrowings: list[str]) -> None:
    """A line for each narrowing in force: what was done since when, for whom, by whom and why."""
    if narrowings:
        click.echo()
    for told in narrowings:
        show_line(f"narrowed: {printable(told)}")


def show_reviews(stages: list[Any]) -> None:
    """A line for each stage that is to be looked at again, or whose organisations an authority must agree to."""
    for stage in stages:
        if stage["concurrence"]:
            show_line(printable(f"{stage['name']}: {stage['concurrence']} must agree to each organisation"))
        review = stage["review"]
        if review is not None:
            frozen = ", and nobody new is admitted" if review["if_overdue"] == "freeze" else ""
            state = f"overdue{frozen}" if review["overdue"] else "due"
            show_line(f"{stage['name']}: review {state}, by {to_the_second(review['by'])}")


_MARKS = {True: "met", False: "not met", None: "unknown"}
