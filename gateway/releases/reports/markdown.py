"""A report as Markdown (CommonMark with tables): every text in it stays text."""

import re
from collections.abc import Iterator

from gateway.releases.reports.documents import Report, Section, Statement, Table

_SPECIAL = re.compile(r"([\\`*_\[\]|#<>&~])")


def markdown(report: Report) -> str:
    """The whole report."""
    lines = [
        f"# {_text(report.title)}: {_text(report.release)}",
        "",
        f"As of {_text(report.as_of)}, from strategy version {report.number} (`{_code(report.digest)}`).",
    ]
    for section in report.sections:
        lines += ["", *_section(section)]
    return "\n".join(lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f"## {_text(section.title)}"
    if section.statements:
        yield ""
        yield from map(_statement, section.statements)
    if section.table is not None:
        yield ""
        yield from _table(section.table)
    if section.note:
        yield ""
        yield _text(section.note)


def _statement(statement: Statement) -> str:
    says = _text(statement.says) if statement.stated else f"*{_text(statement.says)}*"
    return f"- **{_text(statement.name)}**: {says}"


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        yield "None."
        return
    yield _row(table.columns)
    yield _row(("---",) * len(table.columns), escaped=True)
    for row in table.rows:
        yield _row(row)


def _row(cells: tuple[str, ...], *, escaped: bool = False) -> str:
    return f"| {' | '.join(cell if escaped else _text(cell) for cell in cells)} |"


def _text(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _line(text))


def _code(text: str) -> str:
    return _line(text).replace("`", "")


def _line(text: str) -> str:
    """On one line, without controls and without marks that turn the text round."""
    return "".join(character if character.isprintable() else " " for character in text)
