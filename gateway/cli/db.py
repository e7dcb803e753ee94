"""`gateway db`: the database's schema and a copy of it, here and without a gateway."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.failures import Failure, told
from gateway.cli.showing import show_facts, show_json, wants_json, with_json

F = TypeVar("F", bound=Callable[..., Any])


def where(function: F) -> F:
    """Which database, where the environment does not say."""
    data: Callable[[F], F] = click.option(
        "--data", type=click.Path(file_okay=False, path_type=Path), help="The data directory; GATEWAY_DATA."
    )
    return data(function)


@click.group(name="db")
def command() -> None:
    """The database: GATEWAY_DATABASE_URL, or SQLite in the data directory."""


@command.command()
@where
@click.option("--yes", is_flag=True, help="Also where an older version cannot be started on it afterwards.")
@with_json
def upgrade(data: Path | None, *, yes: bool) -> None:
    """Bring the schema to what this version needs; all of it or nothing.

    Most migrations only add, and the former version may be started on what they leave. Where one does not, this says
    so before anything is changed, and wants --yes.
    """
    from gateway.database.migrate import shut_out
    from gateway.database.migrate import upgrade as migrate
    from gateway.database.reaching import is_absent

    url = _database(data, made=True)
    with told():
        parting = None if is_absent(url) else asyncio.run(shut_out(url))
        if parting is not None:
            _warn(parting, yes=yes)
        asyncio.run(migrate(url))
    _show(url)


def _warn(parting: Any, *, yes: bool) -> None:
    """Say that there is no way back. Raises Failure unless somebody has said yes to that."""
    said = (
        f"This takes the schema from {parting.revision} to {parting.needed}, and from then on only gateways start that"
        f" know {parting.oldest_code}: none of the version that serves now. One that runs goes on; if it ends it does"
        " not come back, and there is no rolling back to it but by restoring a backup, which loses every entry since."
    )
    if not yes:
        raise Failure(
            f"{said} Nothing was changed.",
            "Make a backup, see that the new version is at hand, then run it with --yes.",
        )
    click.echo(f"warning: {said}", err=True)


@command.command()
@where
@with_json
def current(data: Path | None) -> None:
    """Show which schema the database has, which this version needs, and whether an upgrade could be rolled back."""
    _show(_database(data, made=False))


@command.command()
@click.argument("copy", type=click.Path(path_type=Path))
@where
@with_json
def backup(copy: Path, data: Path | None) -> None:
    """Write a COPY of a SQLite database as it stands now, while a gateway serves from it.

    It holds what was recorded up to this moment and nothing of what came after. Peppers and signing key are not in it.
    """
    from gateway.database.backup import back_up

    url = _database(data, made=False)
    with told():
        size = back_up(url, copy)
    facts = {"file": str(copy), "bytes": size}
    if wants_json():
        return show_json(facts)
    return show_facts(facts.items())


def _database(data: Path | None, *, made: bool) -> str:
    from gateway.cli.here import settings_here
    from gateway.database.exclusive import made as made_where_missing

    with told():
        settings = settings_here(data)
        if made and not settings.database_url:
            made_where_missing(settings.data)
        return settings.database


def _show(url: str) -> None:
    from gateway.database.migrate import head, schema, shut_out
    from gateway.database.reaching import is_absent

    with told():
        found = None if is_absent(url) else asyncio.run(schema(url))
        facts = {
            "current": found and found.revision,
            "needed": head(),
            "serves_code_from": found and found.oldest_code,
            "may_serve": found is not None and found.may_serve,
            "can_roll_back": found is None or asyncio.run(shut_out(url)) is None,
        }
    if wants_json():
        return show_json(facts)
    return show_facts(facts.items())
