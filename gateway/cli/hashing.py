"""Digests of many large files, with a bar that says how far it is."""

import hashlib
import sys
from pathlib import Path

import click

CHUNK_BYTES = 4 << 20


def digests(folder: Path) -> dict[str, str]:
    """`sha256:<hex>` of every regular file below a folder, by its path inside. Hidden files and links are left out."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    files = _files(folder)
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    found = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("hashing", total=sum(file.stat().st_size for file in files.values()))
        for name, file in files.items():
            sha256 = hashlib.sha256()
            with file.open("rb") as content:
                while chunk := content.read(CHUNK_BYTES):
                    sha256.update(chunk)
                    progress.advance(task, len(chunk))
            found[name] = f"sha256:{sha256.hexdigest()}"
    return found


def _files(folder: Path) -> dict[str, Path]:
    files = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts):
            continue
        if path.is_symlink():
            click.echo(f"left out, a link: {inside}", err=True)
        elif path.is_file():
            files[inside.as_posix()] = path
    return files
