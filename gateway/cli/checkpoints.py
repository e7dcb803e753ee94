"""`gateway audit checkpoint` and `verify`: what the ledger is, kept elsewhere, and whether it still is that."""

import asyncio
from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import ask
from gateway.cli.failures import Failure, told
from gateway.cli.showing import show_facts, show_json, wants_json, with_json


@click.command()
@click.option(
    "--into",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Keep it in this folder, as SIZE.checkpoint; one that is there is held against it, never written over.",
)
@click.option("--key", is_flag=True, help="Show by what checkpoints are verified, to be kept from the start.")
@with_json
def checkpoint(into: Path | None, key: bool) -> None:
    """Show a signed checkpoint of the ledger, to be kept where nobody who runs the gateway can change it.

    Take one every so often: what was recorded up to it can be proven against it ever after, by `gateway audit verify`.
    """
    found = ask("GET", "/ledger/checkpoint")
    if into is not None:
        found["file"] = str(_keep(into, found))
    if wants_json():
        return show_json(found)
    if into is not None:
        return show_facts([("file", found["file"]), ("entries", found["size"]), ("root", found["root"])])
    click.echo(found["key"] if key else found["note"], nl=key)
    return None


@click.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="The data directory; GATEWAY_DATA.")
@click.option(
    "--checkpoints",
    type=click.Path(exists=True, path_type=Path),
    help="A kept checkpoint, or a folder of them; GATEWAY_CHECKPOINTS.",
)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the key that checkpoints are verified by; where left out, of the signing key that lies here.",
)
@with_json
def verify(data: Path | None, checkpoints: Path | None, key: Path | None) -> None:
    """Verify a ledger offline: every entry, and that it is what kept checkpoints say.

    It reads the database itself (GATEWAY_DATABASE_URL, or SQLite in the data directory), a backup too, and asks no
    gateway. It changes nothing. It fails at the first fault, with what that is and what to do.
    """
    from gateway.cli.here import settings_here

    with told():
        settings = settings_here(data, checkpoints)
        verdict = asyncio.run(_verdict(settings, _kept(settings, key)))
    if wants_json():
        show_json(
            {"well": not verdict.fault, **_facts(verdict), "fault": verdict.fault, "next_step": verdict.next_step}
        )
        raise SystemExit(bool(verdict.fault))
    show_facts(_facts(verdict).items())
    if verdict.fault:
        raise Failure(verdict.fault, verdict.next_step)
    if not verdict.agreeing:
        click.echo(
            "\nWithout a checkpoint kept elsewhere nobody can tell whether this is the ledger that was published."
        )


def _keep(folder: Path, found: Any) -> Path:
    """The file of the checkpoint. Raises Failure where another of its size is there: the ledger was forked."""
    file, note = folder / f"{found['size']:012d}.checkpoint", found["note"].encode()
    try:
        with file.open("xb") as new:
            new.write(note)
    except FileExistsError:
        kept = file.read_bytes()
        if _text(kept) == _text(note):
            return file
        (theirs, *said), (ours, *says) = _text(kept), _text(note)
        if said == says:
            raise Failure(
                f"{file} was kept before, says the same of the same entries, and is signed by another: by"
                f" {theirs}, and not by {ours}.",
                "The ledger is the same, and its signing key is not: put back the one that it was begun with.",
            ) from None
        raise Failure(
            f"{file} was kept before, and says something else of the same entries: the ledger was forked.",
            "Keep both, stop the gateway, and run `gateway audit verify` with the folder.",
        ) from None
    return file


def _text(note: bytes) -> list[str]:
    """What is signed of a note: whose ledger it is, how many entries there were, and their root.

    While keys are rotated, the same is signed by one, by the other, or by both.
    """
    return note.rpartition(b"\n\n")[0].decode("utf-8", "replace").split("\n")


def _kept(settings: Any, key: Path | None) -> list[Any]:
    from gateway.ledger.checkpoints.kept import read_kept

    return [] if settings.checkpoints is None else read_kept(settings.checkpoints, _verifiers(settings, key))


def _verifiers(settings: Any, key: Path | None) -> Any:
    from gateway.ledger.checkpoints.checkpoint import verifiers_of
    from gateway.ledger.checkpoints.notes import verifiers_from
    from gateway.ledger.signing import open_signing_key

    if key is not None:
        return verifiers_from(key.read_text("utf-8", "replace"))
    if not settings.signing_key_path.exists():
        raise Failure(
            f"Nothing here says whose checkpoints to believe: {settings.signing_key_path} is not there.",
            "Name the file that holds what `gateway audit checkpoint --key` showed, with --key.",
        )
    return verifiers_of(open_signing_key(settings.signing_key_path))


async def _verdict(settings: Any, kept: list[Any]) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gateway.database.engine import open_database
    from gateway.database.migrate import current
    from gateway.database.reaching import is_absent
    from gateway.ledger.checkpoints.naming import name_of
    from gateway.ledger.checkpoints.verifying import verify as look

    if is_absent(settings.database):
        where = settings.database.removeprefix("sqlite:///")
        raise Failure(f"There is no ledger: {where} is not there.", "Look at --data, or at GATEWAY_DATABASE_URL.")
    if await current(settings.database) is None:
        raise Failure("There is no ledger: the database is empty.", "Look at --data, or at GATEWAY_DATABASE_URL.")
    database = open_database(settings.database)
    console = Console(stderr=True)
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        named = await database.read(name_of)
        strange = next((each for each in kept if named not in (None, each.checkpoint.origin)), None)
        if strange is not None:
            raise Failure(
                f"{strange.name} is a checkpoint of {strange.checkpoint.origin}, and this ledger is {named}.",
                "Verify the database that it was kept of; or name by --key what `gateway audit checkpoint --key` showed"
                " of this one, and its own checkpoints.",
            )
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("verifying", total=None)
            return await look(database, kept, lambda done, of: progress.update(task, completed=done, total=of))
    finally:
        await database.close()


def _facts(verdict: Any) -> dict[str, Any]:
    from gateway.clock import text_from

    last = verdict.last_at
    return {
        "entries": verdict.size,
        "root": verdict.root.hex(),
        "last_at": None if last is None else text_from(last),
        "checkpoints": verdict.agreeing,
        "vouched": verdict.vouched,
    }
