"""docs/soak.md: the last figures of the heavy tests, each section written by the run that measured it."""

import platform
import re
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
    said = report.read_text() if report.exists() else HEAD
    lines = [f"## {title}", "", _where_and_when(), "", "| what | figure |", "|---|---|"]
    lines += [f"| {what} | {figure} |" for what, figure in figures.items()]
    others = re.sub(rf"\n## {re.escape(title)}\n.*?(?=\n## |\Z)", "", said, flags=re.DOTALL)
    report.write_text(others.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n")


def _where_and_when() -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{at}, commit {commit or 'unknown'}, Python {platform.python_version()}, {platform.machine()}."
