"""`gateway terms`: read the texts that bind a release, and accept them."""

from typing import Any

import click

from gateway.cli.asking import ask
from gateway.cli.failures import Failure, printable
from gateway.cli.paths import release_path, segment
from gateway.cli.showing import show_json, show_table, wants_json, with_json


@click.group(name="terms")
def command() -> None:
    """Terms of a release. They are accepted for your whole organisation."""


@command.command()
@click.argument("release")
@click.argument("name", required=False)
@with_json
def show(release: str, name: str | None) -> None:
    """Read a text of RELEASE; without NAME the only one there is, or the list."""
    path = f"{release_path(release)}/terms"
    texts = [name] if name else [text["name"] for text in ask("GET", path)]
    if len(texts) != 1:
        return _list(ask("GET", path))
    text = ask("GET", f"{path}/{segment(texts[0])}")
    if wants_json():
        return show_json(text)
    click.echo(f"{text['name']} of {release}, {text['digest']}{', accepted' if text['accepted'] else ''}\n", err=True)
    return click.echo(printable(text["text"]))


@command.command()
@click.argument("release")
@click.argument("name", required=False)
@click.option("--digest", help="Of the text that was read; refused when another is in force.")
@click.option("--yes", is_flag=True, help="Accept what is in force without being asked.")
@with_json
def accept(release: str, name: str | None, digest: str | None, yes: bool) -> None:
    """Accept a text of RELEASE for your organisation; without NAME, every one not accepted yet."""
    path = f"{release_path(release)}/terms"
    texts = [text for text in ask("GET", path) if name in {None, text["name"]}]
    if name and not texts:
        raise Failure(f"{release} has no text {name!r}.", f"See `gateway terms show {release}`.")
    waiting = [text for text in texts if name or not text["accepted"]]
    if digest and len(waiting) != 1:
        raise click.UsageError("With --digest, name the text.")
    accepted = [_accept(path, text, digest, yes) for text in waiting]
    if wants_json():
        return show_json(accepted)
    for each in accepted:
        click.echo(f"{each['name']} of {release} is accepted as {each['digest']}.")
    if not accepted:
        click.echo("Nothing is left to accept.", err=True)
    return None


def _accept(path: str, text: Any, digest: str | None, yes: bool) -> Any:
    digest = digest or str(text["digest"])
    if not yes:
        click.confirm(f"Accept {text['name']} ({digest}) for your organisation?", abort=True, err=True)
    return ask("POST", f"{path}/{segment(text['name'])}/accept", body={"digest": digest})


def _list(texts: Any) -> None:
    if wants_json():
        return show_json(texts)
    return show_table(
        ("text", "digest", "accepted"),
        [(text["name"], text["digest"], text["accepted"]) for text in texts],
        empty="This release has no terms.",
    )
