"""`gateway db`: the database's schema and a copy of it, here and without a gateway."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.failures import told
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
@with_json
def upgrade(data: Path | None) -> None:
    """Bring the schema to what this version needs; all of it or nothing."""
    from gateway.database.migrate import upgrade as migrate

    url = _database(data, made=True)
    with told():
        asyncio.run(migrate(url))
    _show(url)


@command.command()
@where
@with_json
def current(data: Path | None) -> None:
    """Show which schema the database has, and which this version needs."""
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
    from gateway.database.exclusive import made as made_where_missing
    from gateway.settings import Settings

    with told():
        settings = Settings.from_environment(data=None if data is None else str(data))
        if made and not settings.database_url:
            made_where_missing(settings.data)
        return settings.database


def _show(url: str) -> None:
    from gateway.database.migrate import head, schema
    from gateway.database.reaching import is_absent

    with told():
        found = None if is_absent(url) else asyncio.run(schema(url))
        facts = {
            "current": found and found.revision,
            "needed": head(),
            "serves_code_from": found and found.oldest_code,
            "may_serve": found is not None and found.may_serve,
        }
    if wants_json():
        return show_json(facts)
    return show_facts(facts.items())
