"""Places in line for stages that admit only so many: who holds one, who waits, and freeing one."""

from typing import Any

import click

from gateway.cli.asking import ask, pages
from gateway.cli.failures import Failure, printable
from gateway.cli.paths import release_path, segment
from gateway.cli.showing import show_json, show_table, to_the_second, wants_json, with_json


@click.command()
@click.argument("release")
@click.option("--line", help="Only this line, by the stage that began it.")
@click.option("--freed", is_flag=True, help="Those that were freed too.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many of each line at most.")
@with_json
def places(release: str, line: str | None, freed: bool, limit: int) -> None:
    """Show who holds a place in a capped stage of RELEASE, and who waits, in order."""
    lines = [each for each in ask("GET", f"{release_path(release)}/lines")["lines"] if line in (None, each["line"])]
    if not lines and line is not None:
        raise Failure(f"{release} has no line {line}.", "Leave --line out to see every one.")
    found = [each | {"places": _places(release, each["line"], limit, freed=freed)} for each in lines]
    if wants_json():
        return show_json(found)
    for each in found:
        caps = ", ".join(f"{stage} admits {cap}" for stage, cap in each["caps"].items())
        click.echo(printable(f"{each['line']}: {each['standing']} in line; {caps}"))
        show_table(
            ("at", "organisation", "state", "asked", "place"),
            [
                (
                    place["stands_at"],
                    place["organisation"],
                    _state(place),
                    to_the_second(place["asked_at"]),
                    place["id"],
                )
                for place in each["places"]
            ],
            empty="Nobody is in line.",
        )
    if not found:
        click.echo("No stage has a cap.", err=True)
    return None


@click.command(name="free-place")
@click.argument("place")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def free_place(place: str, cause: str) -> None:
    """Take an organisation out of its line by PLACE, so that the next is let in."""
    freed = ask("POST", f"/places/{segment(place)}/free", body={"cause": cause})
    if wants_json():
        return show_json(freed)
    let_in = f"{', '.join(freed['lets_in'])} is let in" if freed["lets_in"] else "nobody was waiting"
    return click.echo(f"{freed['organisation']} has left the line of {freed['line']} of {freed['release']}: {let_in}.")


def _places(release: str, line: str, limit: int, *, freed: bool) -> list[Any]:
    path = f"{release_path(release)}/lines/{segment(line)}/places"
    return [each for each in pages(path, "places", query={}, limit=limit) if freed or each["freed_at"] is None]


def _state(place: Any) -> str:
    if place["stands_at"] is None:
        return "freed"
    return f"admitted to {', '.join(place['admitted_to'])}" if place["admitted_to"] else "waiting"
