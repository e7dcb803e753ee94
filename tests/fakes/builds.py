"""The next build of the gateway: a copy of this one, with another version and migrations that this one has not seen."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("gateway", "policies", "migrations", "examples")

ONLY_ADDS = "only_adds = True"
EXPANDS = """\
    op.create_table("tomorrow", sa.Column("id", sa.String(length=64), primary_key=True))
    op.add_column("organisation", sa.Column("tomorrow", sa.Integer(), server_default="0", nullable=False))
"""
CONTRACTS = """\
    op.drop_table("tomorrow")
"""


def add_migration(versions: Path, name: str, work: str, *declared: str) -> str:
    """Add a migration behind the newest, with what it says of older code; its revision."""
    newest = max(path.stem for path in versions.glob("[0-9]*.py"))
    revision = f"{int(newest[:4]) + 1:04d}_{name}"
    lines = ['"""Of a build to come."""', "import sqlalchemy as sa", "from alembic import op"]
    lines += [f"revision = {revision!r}", f"down_revision = {newest!r}", *declared, "def upgrade() -> None:", work]
    (versions / f"{revision}.py").write_text("\n".join(lines))
    return revision


@dataclass(frozen=True)
class Build:
    """One build, by the folder that has its code."""

    root: Path = ROOT


def next_build(folder: Path, version: str = "9.9.0") -> Build:
    """A copy of this build that names another version."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    init = folder / "gateway" / "__init__.py"
    init.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', init.read_text()))
    return Build(folder)
