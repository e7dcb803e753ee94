"""`gateway release`: files, plans, versions, labels and reports; presets; stage approvals; narrowing verbs."""

from pathlib import Path
from typing import Any

import click

from gateway.cli import preset
from gateway.cli.asking import SURVEY_S, ask, pages
from gateway.cli.classify import AT, classify, label
from gateway.cli.failures import Failure, printable
from gateway.cli.filling import told_briefly
from gateway.cli.narrowing import VERBS
from gateway.cli.paths import release_path
from gateway.cli.places import free_place, places
from gateway.cli.plans import show_plan
from gateway.cli.release_files import sent, strategy_in
from gateway.cli.report import report
from gateway.cli.showing import ago, cell, show_facts, show_json, show_line, show_table, wants_json, with_json
from gateway.cli.stages import approve, concur, show_narrowings, show_requirements, show_reviews
from gateway.cli.timeline import show_timeline
from gateway.spelling import counted

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
STAGE = (
    *("stage", "state", "access", "opens", "closes", "requests/min", "tokens/day", "output tokens/call"),
    *("log", "kept", "to", "offers", "terms"),
)
UNCHECKED = ["dates", "upstreams"]
"""What only a gateway can tell: its clock and the version in force, and what its operator declared."""
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(name="release")
def command() -> None:
    """Releases: how a model is released, to whom, when and on what conditions, as a file."""


for each in (approve, concur, places, free_place, label, classify, report, preset.command, *VERBS):
    command.add_command(each)


@command.command()
@click.argument("file", type=FILE)
@click.option("--against", is_flag=True, help="Hold it against the version in force, at the gateway.")
@click.option("--adopt", is_flag=True, help="With --against: a first version may say what had opened already.")
@with_json
def validate(file: Path, against: bool, adopt: bool) -> None:
    """Find every mistake in FILE, each with its line. Needs no gateway unless --against."""
    if against:
        validated = ask("POST", "/releases/validate", body=sent(file) | {"adopt": adopt}, file=str(file))
    else:
        strategy = strategy_in(file)
        validated = {"release": strategy.release, "digest": strategy.digest(), "unchecked": UNCHECKED}
    if wants_json():
        return show_json(validated)
    show_line(f"{file} is valid: {validated['release']} as {validated['digest']}.")
    if against:
        click.echo("Applying it would change what is in force." if validated["changes"] else "It is in force already.")
        _note(validated)
    else:
        click.echo("Not checked without --against: whether its dates lie ahead, whether its upstream is declared.")
    return None


@command.command()
@click.argument("file", type=FILE)
@click.option("--adopt", is_flag=True, help="A first version may say which stages had opened already; recorded.")
@with_json
def plan(file: Path, adopt: bool) -> None:
    """Hold FILE against what is in force: what differs, who gains and loses, and who must agree."""
    planned = ask("POST", "/changes", body=sent(file) | {"adopt": adopt}, file=str(file), patience_s=SURVEY_S)
    return show_json(planned) if wants_json() else show_plan(planned)


@command.command()
@click.argument("file", type=FILE)
@click.option("--adopt", is_flag=True, help="A first version may say which stages had opened already; recorded.")
@click.option("--base", help="Digest of the version you saw in force; refused when another is.")
@with_json
def apply(file: Path, adopt: bool, base: str | None) -> None:
    """Put FILE in force as the next version of its release, unreviewed; where that may be."""
    applied = ask("POST", "/releases", body=sent(file) | {"adopt": adopt, "base": base}, file=str(file))
    if wants_json():
        return show_json(applied)
    _note(applied)
    done = "is in force" if applied["changed"] else "was in force already"
    show_line(f"{applied['release']} version {applied['number']} {done}: {applied['digest']}.")
    if applied["changed"]:
        click.echo("Nobody else has agreed to it: it went in force on your word alone.")
        if applied["irreversible"]:
            click.echo("Beware: weights may leave under it, and what has left cannot be called back.")
        show_line(
            "To have the next one agreed to first: gateway release plan FILE. "
            "Under GATEWAY_CHANGES=reviewed no other way is left."
        )
    return None


@command.command(name="list")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@with_json
def list_releases(limit: int) -> None:
    """List releases with the stage open now and the next to open."""
    releases = list(pages("/releases", "releases", query={}, limit=limit))
    if wants_json():
        return show_json(releases)
    return show_table(
        ("release", "version", "open now", "access", "narrowed", "opens next", "at"),
        [
            (
                r["release"],
                r["number"],
                r["stage"] if r["share"] is None else f"{r['stage']} ({r['share']} %)",
                r["access"],
                r["narrowed"],
                r["opens_next"],
                _when(r),
            )
            for r in releases
        ],
        empty="No releases. Next: gateway release apply FILE",
    )


@command.command()
@click.argument("release")
@click.option("--versions", is_flag=True, help="All versions, from the newest backwards.")
@click.option("--digest", help="The version with this digest.")
@click.option("--timeline", is_flag=True, help="Draw the stages on one axis of time.")
@AT
@click.option("--ascii-safe", is_flag=True, help="Draw in ASCII only, as where the terminal shows nothing else.")
@with_json
def show(*, release: str, versions: bool, digest: str | None, timeline: bool, at: str | None, ascii_safe: bool) -> None:
    """Show RELEASE: the version in force, its stages, and exactly what each still lacks to open."""
    path = release_path(release)
    if timeline:
        return show_timeline(path, at, ascii_safe=ascii_safe)
    if at is not None or ascii_safe:
        raise click.UsageError("--at and --ascii-safe are for --timeline.")
    if versions:
        return _show_versions(list(pages(f"{path}/versions", "versions", query={}, limit=None, cursor="before")))
    version = ask("GET", path, query={"digest": digest})
    if wants_json():
        return show_json(version)
    apart = {"stages", "audiences", "requests", "narrowings"}
    show_facts((name, value) for name, value in version.items() if name not in apart)
    click.echo()
    show_facts((f"audience {name}", _asked(audience)) for name, audience in version["audiences"].items())
    if version["requests"] is not None:
        show_facts([("requests", told_briefly(version["requests"]))])
    if version["audiences"]:
        click.echo()
    show_table(STAGE, [_stage(stage) for stage in version["stages"]])
    show_narrowings(version["narrowings"])
    show_reviews(version["stages"])
    return show_requirements(version["stages"])


@command.command()
@click.argument("folder", type=FOLDER)
@with_json
def digest(folder: Path) -> None:
    """Print the `files` map of the weights in FOLDER, for a release file."""
    from gateway.cli.hashing import digests

    files = digests(folder)
    if not files:
        raise Failure(f"There are no files in {folder}.", "Name the folder that holds the weights.")
    if wants_json():
        return show_json(files)
    import yaml

    return click.echo(yaml.safe_dump({"files": files}, sort_keys=True, width=1000), nl=False)


def _when(release: Any) -> str:
    """When the next stage opens."""
    if release["missed"]:
        return "missed its end; takes another version"
    return "waits for its requirements" if release["waiting"] else ago(release["opens_at"])


def _note(answer: Any) -> None:
    for note in answer["notes"]:
        click.echo(f"note: {printable(note)}", err=True)


def _show_versions(versions: list[Any]) -> None:
    if wants_json():
        return show_json(versions)
    return show_table(
        ("version", "digest", "applied", "by", "stages"),
        [
            (v["number"], v["digest"], v["applied_at"], v["applied_by"], [stage["name"] for stage in v["stages"]])
            for v in versions
        ],
    )


def _stage(stage: Any) -> tuple[Any, ...]:
    limits = ("requests_per_minute", "tokens_per_day", "max_output_tokens")
    return (
        stage["name"],
        stage["state"],
        stage["access"],
        ago(stage["opens"]),
        _closes(stage),
        *("not limited" if stage[limit] is None else stage[limit] for limit in limits),
        stage["log"],
        "-" if stage["retain_days"] is None else counted(stage["retain_days"], "day"),
        stage["to"] + _counted(stage),
        stage["offers"],
        stage["terms"],
    )


def _closes(stage: Any) -> str:
    """When it ends: by itself, or as the stage that takes over from it opens."""
    if stage["gives_way_to"] is None:
        return ago(stage["closes"])
    return ago(stage["gives_way_at"]) if stage["gives_way_at"] else f"as {stage['gives_way_to']} opens"


def _counted(stage: Any) -> list[str]:
    """How many of them."""
    canary, cap = stage["canary"], stage["cap"]
    share = [f"{canary['percent']} % of organisations"] if canary else []
    return share + ([f"at most {counted(cap['organisations'], 'organisation')}"] if cap else [])


def _asked(audience: Any) -> str:
    """What an audience asks for, as its file would say it, and what an unknown answer amounts to."""
    asks = [f"{_sought(each)} {each['op'].replace('_', ' ')} {_wanted(each['value'])}" for each in audience["asks"]]
    return f"{'; '.join(asks)}; unknown: {audience['on_unknown']}"


def _sought(test: Any) -> str:
    return f"{test['attribute']}@{test['assurance']}" if test["assurance"] else str(test["attribute"])


def _wanted(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{cell(value)}]" if isinstance(value, list) else cell(value)
