"""Showing answers: tables for people, JSON for programs. Nothing in an answer can command the terminal."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from gateway.cli.failures import printable

F = TypeVar("F", bound=Callable[..., Any])

PIPE_WIDTH = 500
"""Columns where there is no terminal: rows stay whole for whoever reads them."""


def with_json(function: F) -> F:
    """Give a command `--json`."""
    option: Callable[[F], F] = click.option(
        "--json", "as_json", is_flag=True, expose_value=False, callback=_note, help="Answer in JSON, for programs."
    )
    return option(function)


def wants_json() -> bool:
    """Whether the answer is for a program."""
    return bool(click.get_current_context().ensure_object(dict).get("json"))


def show_json(value: Any) -> None:
    """One value on standard output."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "Nothing.") -> None:
    """Rows under a header; colours only on a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    listed = [[Text(cell(value)) for value in row] for row in rows]
    if not listed:
        click.echo(empty, err=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in listed:
        table.add_row(*row)
    console = Console(file=sys.stdout)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def show_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """One thing, a line for each of its facts."""
    listed = [(name, cell(value)) for name, value in facts]
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        click.echo(f"{name:<{width}}  {value}")


def cell(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(cell(each) for each in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={cell(each)}" for name, each in value.items()) or "none"
    return printable(str(value)).replace("\n", " ")


def ago(text: str | None) -> str:
    """An instant, and how far away it is."""
    if text is None:
        return "-"
    seconds = (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()
    size = abs(seconds)
    span = next((f"{size // unit:.0f} {name}" for unit, name in _UNITS if size >= 2 * unit), "a moment")
    return f"{text} ({'in ' if seconds > 0 else ''}{span}{' ago' if seconds <= 0 else ''})"


_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


def _note(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(dict)["json"] = True
