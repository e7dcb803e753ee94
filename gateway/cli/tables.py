"""Tables that stay readable: what names a thing is never broken, and each row is whole in a pipe.

On a terminal the fullest of these that fits is chosen: a row as it is; instants without how far away
they are; the last column below its row; and at last a block for each row.
"""

import sys
from collections.abc import Sequence
from typing import Any

import click

from gateway.cli.showing import Told, cell, columns_of_terminal, folded, on_terminal, show_facts

GAP = 2
FOLDS_TO = 16
"""The least that a last column of many words is folded to."""
INDENT = 6


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under a header; there is at least one."""
    full = [[cell(value) for value in row] for row in rows]
    if not on_terminal():
        return _print_rows(columns, full, [_widest(column) for column in _columns(columns, full)])
    brief = [[cell(value.brief if isinstance(value, Told) else value) for value in row] for row in rows]
    room = columns_of_terminal()
    for texts in (full, brief):
        if widths := _fitting(columns, texts, room):
            return _print_rows(columns, texts, widths)
    above = [row[:-1] for row in brief]
    if widths := _fitting(columns[:-1], above, room):
        return _print_with_last_below(columns, brief, widths, room)
    return _print_blocks(columns, brief)


def _columns(header: Sequence[str], texts: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[name, *column] for name, column in zip(header, map(list, zip(*texts, strict=True)), strict=True)]


def _widest(texts: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, texts))


def _fitting(header: Sequence[str], texts: Sequence[Sequence[str]], room: int) -> list[int]:
    """Widths that fit, every column but the last whole; empty where none do."""
    *whole, last = _columns(header, texts)
    widths = [_widest(column) for column in whole]
    left = room - sum(widths) - GAP * len(widths)
    longest_word = _widest([word for text in last for word in text.split() or [""]])
    wanted = _widest(last)
    return [*widths, min(wanted, left)] if left >= min(wanted, max(FOLDS_TO, longest_word)) else []


def _print_rows(header: Sequence[str], texts: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    _print_header(header, widths)
    for row in texts:
        first, *more = folded(row[-1], widths[-1]) if on_terminal() else [row[-1]]
        click.echo(_line([*row[:-1], first], widths))
        for line in more:
            click.echo(_line([*[""] * (len(row) - 1), line], widths))


def _print_with_last_below(
    header: Sequence[str], texts: Sequence[Sequence[str]], widths: Sequence[int], room: int
) -> None:
    _print_header(header[:-1], widths)
    click.echo(_bold(f"{'':<{INDENT}}{header[-1]}"))
    for row in texts:
        click.echo(_line(row[:-1], widths))
        for line in folded(row[-1], room - INDENT) if row[-1] else []:
            click.echo(f"{'':<{INDENT}}{line}")


def _print_blocks(header: Sequence[str], texts: Sequence[Sequence[str]]) -> None:
    for number, row in enumerate(texts):
        if number:
            click.echo()
        show_facts(zip(header, row, strict=True))


def _print_header(header: Sequence[str], widths: Sequence[int]) -> None:
    click.echo(_bold(_line(header, widths)))


def _bold(text: str) -> str:
    return click.style(text, bold=True) if sys.stdout.isatty() else text


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    from rich.cells import cell_len

    padded = [text + " " * (width - cell_len(text)) for text, width in zip(texts, widths, strict=True)]
    return (" " * GAP).join(padded).rstrip()
