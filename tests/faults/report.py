"""docs/soak.md: the last figures of the heavy tests, each section written by the run that measured it."""

import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "soak.md"
HEAD = """\
# Soak: the last figures of the heavy tests

Written by `make soak`; each section is that of the run it names. A figure that would break a promise fails the run
instead of being written here.
"""


def write_report(title: str, figures: dict[str, str], report: Path = REPORT) -> None:
    """Put these figures in place of the section's former ones."""
    lines = [_where_and_when(), "", "| what | figure |", "|---|---|"]
    lines += [f"| {what} | {figure} |" for what, figure in figures.items()]
    _put(title, lines, report)


def note_case(title: str, what: str, cases: int, took_s: float, report: Path = REPORT) -> None:
    """Put how many cases something held in, without one against it, in place of what was said of it; leave the rest."""
    said = report.read_text() if report.exists() else ""
    section = re.search(_section(title), said, flags=re.DOTALL)
    rows = re.findall(r"^\| (.*?) \| (\d+ \|.*)$", section[0] if section else "", flags=re.MULTILINE)
    noted = dict(rows) | {what: f"{cases} | 0 | {took_s:.0f} s | {_when()} |"}
    lines = ["| what holds | cases | against it | took | when |", "|---|---|---|---|---|"]
    lines += [f"| {each} | {rest}" for each, rest in sorted(noted.items())]
    _put(title, lines, report)


def _put(title: str, lines: list[str], report: Path) -> None:
    said = report.read_text() if report.exists() else HEAD
    others = re.sub(_section(title), "", said, flags=re.DOTALL)
    report.write_text(others.rstrip("\n") + "\n\n" + "\n".join([f"## {title}", "", *lines]) + "\n")


def _section(title: str) -> str:
    return rf"\n## {re.escape(title)}\n.*?(?=\n## |\Z)"


def _where_and_when() -> str:
    return f"{_when()}, Python {platform.python_version()}, {platform.machine()}."


def _when() -> str:
    commit = ""
    if shutil.which("git"):
        asked = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{at}, commit {commit or 'unknown'}"
