"""`gateway release label` and `gateway release classify`: what a release is called, at any instant."""

import shutil
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import ask
from gateway.cli.failures import printable
from gateway.cli.paths import release_path
from gateway.cli.release_files import strategy_in
from gateway.cli.showing import show_json, wants_json, with_json
from gateway.cli.spans import INSTANT, named
from gateway.spelling import counted

AT = click.option("--at", type=named, help=f"As of when: {INSTANT}; now if left out.")
WIDTH = 100
MARGIN = 11
_COLOURS = {"yes": "yellow", "possible": "magenta", "unknown": "cyan"}


@click.command()
@click.argument("release")
@AT
@with_json
def label(release: str, at: str | None) -> None:
    """Show the label of RELEASE: access level, Solaiman level and openness class, each with its reason."""
    labelled = ask("GET", f"{release_path(release)}/label", query={"at": at})
    if wants_json():
        return show_json(labelled)
    derived = labelled["label"]
    click.echo(f"{labelled['release']} version {labelled['number']}, as of {derived['as_of']}")
    click.echo()
    for name, key in (("access", "access"), ("Solaiman", "solaiman"), ("MOF class", "mof")):
        _explain(name, derived[key]["label"], [derived[key]["because"]])
    if derived["narrowings"]:
        _explain("narrowed", counted(len(derived["narrowings"]), "narrowing"), derived["narrowings"])
    return None


@click.command()
@click.argument("release")
@AT
@click.option("--all", "everything", is_flag=True, help="Also definitions that do not stand at that time.")
@with_json
def classify(release: str, at: str | None, everything: bool) -> None:
    """Read the definitions of law on RELEASE, a name at the gateway or a FILE here.

    A definition is met (yes), not met (no), possible where a threshold lies inside an estimate, or unknown
    where nobody has attested what it asks. This says what a text's words come to, not what anybody must do.
    """
    if Path(release).is_file():
        classified = _of_file(Path(release), at)
    elif Path(release).suffix in {".yaml", ".yml"}:
        raise click.BadParameter(f"There is no file {release!r} here.", param_hint="RELEASE")
    else:
        classified = ask("GET", f"{release_path(release)}/classification", query={"at": at})
    if wants_json():
        return show_json(classified)
    labels = [each for each in classified["labels"] if everything or each["standing"] == "stands"]
    if not labels:
        click.echo("No definition stands at that time. Next: --all", err=True)
    for each in labels:
        _explain(
            each["finding"],
            f"{each['regime']} {each['label']}",
            [each["basis"], *each["branches"]],
            colour=_COLOURS.get(each["finding"]),
        )
    return None


def _explain(word: str, heading: str, paragraphs: Iterable[str], *, colour: str | None = None) -> None:
    """A word in the margin, and beside it what it is about and why: reasons are too long for the cells of a table."""
    width = min(shutil.get_terminal_size((WIDTH, 0)).columns, WIDTH)
    click.echo(f"{click.style(f'{printable(word):<{MARGIN}}', fg=colour)}{click.style(printable(heading), bold=True)}")
    for paragraph in paragraphs:
        indent = " " * MARGIN
        click.echo(textwrap.fill(printable(paragraph), width, initial_indent=indent, subsequent_indent=indent))


def _of_file(file: Path, at: str | None) -> dict[str, Any]:
    from datetime import UTC, datetime

    import msgspec

    from gateway.clock import at as moment_at
    from gateway.clock import instant_from
    from gateway.releases.regimes.classification import classify as read
    from gateway.releases.regimes.subjects import subject_of

    strategy = strategy_in(file)
    moment = moment_at(instant_from(datetime.now(UTC) if at is None else datetime.fromisoformat(at)))
    labels: list[Any] = msgspec.to_builtins(read(subject_of(strategy, moment)))
    return {"release": strategy.release, "digest": strategy.digest(), "labels": labels}
