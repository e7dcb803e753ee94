"""Showing answers: facts for people, JSON for programs. Nothing in an answer can command the terminal."""

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from gateway.cli.failures import printable

F = TypeVar("F", bound=Callable[..., Any])

HANGING = 4
"""How far what goes on is set in from what it belongs to."""

_FRACTION = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+(Z|[+-]\d\d:\d\d)")


class Told(str):
    """A value with a shorter way of telling it, for where there is no room."""

    __slots__ = ("brief",)

    brief: str

    @classmethod
    def of(cls, full: str, brief: str) -> "Told":
        """Both ways."""
        told = cls(full)
        told.brief = brief
        return told


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


def on_terminal() -> bool:
    """Whether people read what is printed: in a pipe everything stays whole and on its line."""
    return sys.stdout.isatty()


def columns_of_terminal() -> int:
    """How wide the terminal is."""
    return max(40, shutil.get_terminal_size().columns)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "Nothing.") -> None:
    """Rows under a header, as far as they fit; see `gateway.cli.tables`."""
    from gateway.cli.tables import print_table

    listed = [list(row) for row in rows]
    if not listed:
        click.echo(empty, err=True)
        return
    print_table(columns, listed)


def show_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """One thing, a line for each of its facts; on a terminal, what is longer goes on below itself."""
    listed = [(name, cell(value)) for name, value in facts]
    width = max((len(name) for name, _ in listed), default=0)
    room = columns_of_terminal() - width - 2 if on_terminal() else 0
    for name, value in listed:
        lines = folded(value, room)
        if room and max(map(len, lines)) > room:  # a digest beside a long name, say: it has the next line to itself
            click.echo(name)
            for line in folded(value, columns_of_terminal() - HANGING):
                click.echo(f"{'':<{HANGING}}{line}")
            continue
        click.echo(f"{name:<{width}}  {lines[0]}")
        for line in lines[1:]:
            click.echo(f"{'':<{width}}  {line}")


def show_line(text: str, *, indent: int = 0, err: bool = False) -> None:
    """One line; on a terminal, what is longer goes on below itself, four columns in."""
    room = columns_of_terminal() if on_terminal() else 0
    for line in folded(text, room - indent, hanging=HANGING):
        click.echo(f"{'':<{indent}}{line}", err=err)


def folded(text: str, room: int, *, hanging: int = 0) -> list[str]:
    """The text in lines between words; whole where there is no room worth folding into."""
    if room < 16:
        return [text]
    set_in = " " * hanging
    return textwrap.wrap(text, room, subsequent_indent=set_in, break_long_words=False, break_on_hyphens=False) or [""]


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
    return printable(to_the_second(str(value))).replace("\n", " ")


def to_the_second(text: str) -> str:
    """An instant as people need it: on a terminal without its fraction. Any other text stays as it is."""
    form = _FRACTION.fullmatch(text) if on_terminal() else None
    return text if form is None else form[1] + form[2]


def ago(text: str | None) -> str:
    """An instant, and how far away it is."""
    if text is None:
        return "-"
    text = to_the_second(text)
    seconds = (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()
    size = abs(seconds)
    span = next((f"{round(size / unit)} {name}" for unit, name in _UNITS if size >= _TWO * unit), "a moment")
    return Told.of(f"{text} ({'in ' if seconds > 0 else ''}{span}{' ago' if seconds <= 0 else ''})", text)


_TWO = 1.99
"""Of a unit, from which on it is told in it: two hours that began a minute ago are two hours still."""
_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


def _note(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(dict)["json"] = True
