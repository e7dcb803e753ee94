"""`gateway release preset`: releases that happened, and templates to start from. Needs no gateway."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click

from gateway.cli.failures import Failure, told
from gateway.cli.showing import show_facts, show_json, show_table, wants_json, with_json
from gateway.cli.spans import coming

NAME = click.argument("name")


@click.group(name="preset")
def command() -> None:
    """Presets: how known systems were released, dated and sourced, and templates to start from."""


@command.command(name="list")
@click.option("--kind", type=click.Choice(["history", "template"]), help="Only these.")
@with_json
def list_presets(kind: str | None) -> None:
    """List presets with their dates, the levels they go through, and how often their sources disagree."""
    from gateway.clock import text_from
    from gateway.releases.presets import Kind, presets

    with told():
        found = presets(Kind(kind) if kind else None)
        listed = [(each, [text_from(stage.opens) for stage in each.strategy().stages], each.label()) for each in found]
    if wants_json():
        return show_json(
            [
                {
                    "name": each.name,
                    "kind": each.kind,
                    "system": each.system,
                    "developer": each.developer,
                    "opens": opens if each.history else [],
                    "label": label,
                    "summary": each.summary,
                    "disputes": each.disputes(),
                }
                for each, opens, label in listed
            ]
        )
    return show_table(
        ("preset", "kind", "system", "developer", "first opens", "last opens", "label", "disputes"),
        [
            (
                each.name,
                each.kind,
                each.system,
                each.developer,
                opens[0][:10] if each.history else None,
                opens[-1][:10] if each.history else None,
                label,
                len(each.disputes()),
            )
            for each, opens, label in listed
        ],
    )


@command.command()
@NAME
@with_json
def show(name: str) -> None:
    """Show the preset NAME: its release file, and what is known of the history it tells."""
    from gateway.releases.presets import preset

    with told():
        found = preset(name)
        label = found.label()
    if wants_json():
        return show_json(
            {
                "name": found.name,
                "kind": found.kind.value,
                "label": label,
                "file": found.content.decode(),
                "history": found.history,
            }
        )
    click.echo(found.content.decode())
    if found.history is None:
        return None
    history = found.history
    show_facts([("system", history.system), ("developer", history.developer), ("label", label)])
    click.echo()
    show_table(
        ("when", "stage", "what", "grade", "source", "dispute"),
        [(fact.when, fact.edge, fact.told, fact.grade, fact.source, fact.dispute) for fact in history.facts],
    )
    _show_rest(("called elsewhere", "what", "source"), [(e.label, e.says, e.source) for e in history.labels_elsewhere])
    _show_rest(("not expressed", "instead"), [(each.what, each.nearest) for each in history.not_expressed])
    return _show_rest(
        ("source", "title", "publisher", "address"),
        [(name, source.title, source.publisher, source.url) for name, source in history.sources.items()],
    )


@command.command()
@NAME
@click.option("--release", required=True, metavar="NAMESPACE/NAME", help="Your release's name.")
@click.option(
    "--starts", help="When the first stage opens: 2027-03-01, 2027-03-01T12:00:00Z, 30d. The rest moves along."
)
@click.option("--upstream", help="The upstream, as the operator declared it, that serves the model.")
@click.option("--model", help="The model's name there; left out, the preset's.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write here instead of showing it.")
@with_json
def apply(
    name: str, *, release: str, starts: str | None, upstream: str | None, model: str | None, output: Path | None
) -> None:
    """Write the preset NAME as a release file of your own; validate and apply that one as any other.

    It changes nothing at a gateway.
    """
    from gateway.clock import instant_from
    from gateway.releases.files import is_release_name, read_release
    from gateway.releases.fitting import Fitting, fitted
    from gateway.releases.presets import Kind, preset

    if not is_release_name(release):
        raise click.BadParameter(f"{release!r} is no release: write namespace/name.", param_hint="--release")
    opens = instant_from(datetime.fromisoformat(coming(starts))) if starts else None
    with told():
        found = preset(name)
        served = found.strategy().inference is not None
    if opens is None and found.kind is Kind.TEMPLATE:
        raise Failure("A template has no dates of its own.", "Say when its first stage opens, with --starts.")
    if served and upstream is None:
        raise Failure(f"{name} is served by an upstream.", "Name yours with --upstream.")
    if not served and (upstream or model):
        raise Failure(f"{name} gives weights only; no upstream serves it.", "Leave --upstream and --model out.")
    content = fitted(found.content, Fitting(release=release, starts=opens, upstream=upstream, model=model))
    with told(found.file):
        read_release(content, found.documents, name=found.file).strategy_at()
    written = _write(output, content, found.documents) if output else []
    if wants_json():
        return show_json({"release": release, "file": content.decode(), "written": written})
    if output is None:
        click.echo(content.decode(), nl=False)
        return click.echo("next: write it with --output, which puts the texts of its terms beside it.", err=True)
    click.echo("\n".join(written))
    click.echo(f"next: put your own terms and weights in, then: gateway release validate {output}", err=True)
    if opens is None:
        click.echo("      its dates have passed: plan or apply it with --adopt, or move them with --starts.", err=True)
    return None


def _write(output: Path, content: bytes, documents: Mapping[str, bytes]) -> list[str]:
    """The file and the texts beside it, where nothing else is: what is there already is somebody's work."""
    wanted = {output: content} | {output.parent / path: text for path, text in documents.items()}
    for path, text in wanted.items():
        if path.exists() and (path == output or not path.is_file() or path.read_bytes() != text):
            raise Failure(f"{path} is there already; nothing was written.", "Name another place with --output.")
    try:
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}.", "Name another place with --output.") from None
    return [str(path) for path in wanted]


def _show_rest(columns: tuple[str, ...], rows: list[tuple[str | None, ...]]) -> None:
    if rows:
        click.echo()
        show_table(columns, rows)
