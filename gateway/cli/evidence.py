"""`gateway evidence`: add, show, list, withdraw."""

import base64
from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import ask, pages
from gateway.cli.failures import Failure, printable
from gateway.cli.paths import segment
from gateway.cli.showing import ago, show_facts, show_json, show_line, show_table, wants_json, with_json

FILES = click.Path(exists=True, path_type=Path)
OF_HELM = ("stats.json", "run_spec.json")
TOLD = 3
"""Results of one addition in the list."""
BYTES_MAX = 8 << 20


@click.group(name="evidence")
def command() -> None:
    """Evidence: what evaluations came to, read from what the tools wrote, before a stage opens."""


@command.command()
@click.argument("files", type=FILES, nargs=-1, required=True, metavar="FILE...")
@click.option("--release", required=True, help="The release that it is about.")
@click.option("--snapshot", help="Digest of the model that was evaluated; may be left out where the file says it.")
@click.option("--document", help="Publish FILE as the document of this name, instead of reading results from it.")
@with_json
def add(files: tuple[Path, ...], release: str, snapshot: str | None, document: str | None) -> None:
    """Vouch for FILE: results of lm-eval or Inspect, the folder of a HELM run, or JSON of our own form."""
    body = {"release": release, "snapshot": snapshot, "document": document, "files": _contents(files)}
    evidence = ask("POST", "/evidence", body=body)
    if wants_json():
        return show_json(evidence)
    about = f"{evidence['release']} at {evidence['snapshot']}"
    click.echo(f"{evidence['id']}: {evidence['document'] or evidence['suite']} about {about}.")
    for warning in evidence["warnings"]:
        show_line(f"warning: {printable(warning)}", err=True)
    return show_table(("task", "metric", "value", "stderr"), _rows(evidence), empty="")


@command.command()
@click.argument("evidence")
@with_json
def show(evidence: str) -> None:
    """Show all that was read from EVIDENCE."""
    found = ask("GET", f"/evidence/{segment(evidence)}")
    if wants_json():
        return show_json(found)
    told = ("measurements", "determinations", "capacities", "misuse")
    show_facts((name, value) for name, value in found.items() if name not in told)
    click.echo()
    return show_table(("task", "metric", "value", "stderr"), _rows(found), empty="It states no results.")


@command.command(name="list")
@click.option("--release", help="Only of this release.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How much at most.")
@with_json
def list_evidence(release: str | None, limit: int) -> None:
    """List evidence from the newest backwards, that which was withdrawn too."""
    found = list(pages("/evidence", "evidence", query={"release": release}, limit=limit))
    if wants_json():
        return show_json(found)
    return show_table(
        ("id", "release", "what", "snapshot", "results", "run", "vouched for by", "withdrawn because"),
        [
            (
                each["id"],
                each["release"],
                each["document"] or f"{each['suite']} {each['version']}".strip(),
                each["snapshot"],
                _results(each),
                ago(each["run_at"]),
                each["vouched_by"],
                each["withdrawn_cause"],
            )
            for each in found
        ],
        empty="No evidence. Next: gateway evidence add FILE --release RELEASE --snapshot DIGEST",
    )


@command.command()
@click.argument("evidence")
@click.option("--cause", required=True, help="Why; kept in the ledger.")
@with_json
def withdraw(evidence: str, cause: str) -> None:
    """Let EVIDENCE count no longer. A stage that it opened stays open."""
    withdrawn = ask("POST", f"/evidence/{segment(evidence)}/withdraw", body={"cause": cause})
    if wants_json():
        return show_json(withdrawn)
    return click.echo(f"{withdrawn['id']} counts no longer for {withdrawn['release']}.")


def _contents(named: tuple[Path, ...]) -> dict[str, str]:
    files = [inside for path in named for inside in ([path / name for name in OF_HELM] if path.is_dir() else [path])]
    contents = {}
    for file in files:
        if not file.is_file():
            raise Failure(f"{file} is not there.", "Name a results file, or the folder of a HELM run.")
        if file.stat().st_size > BYTES_MAX:
            raise Failure(
                f"{file} is larger than {BYTES_MAX} bytes.",
                "Add results without their samples: of Inspect what `inspect log dump --header-only FILE` prints.",
            )
        contents[_safe(file.name)] = base64.b64encode(file.read_bytes()).decode()
    return contents


def _safe(name: str) -> str:
    """The name as a record may hold it."""
    return "".join(each if each.isascii() and (each.isalnum() or each in "._+=@:,-") else "_" for each in name)[:200]


def _results(evidence: Any) -> list[str]:
    """The first few; `show` has all of them."""
    rows = _rows(evidence)
    told = [f"{task} {metric} {value}" for task, metric, value, _ in rows[:TOLD]]
    return told + ["…"] * (len(rows) > TOLD)


def _rows(evidence: Any) -> list[tuple[str, str, str, str]]:
    measured = [(m["task"], m["metric"], m["value"], m.get("stderr", "")) for m in evidence["measurements"]]
    determined = [(d["framework"], d["category"], d["level"], "") for d in evidence["determinations"]]
    stated = [("capacity", c["of"], c["value"], "") for c in evidence["capacities"]]
    counted = [("misuse", m["domain"], f"{m['confirmed']} of {m['requests']}", "") for m in evidence["misuse"]]
    return measured + determined + stated + counted
