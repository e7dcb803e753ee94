"""The shell in which an operator archives and restores PostgreSQL, by the commands of docs/operating.md."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL

from tests.fakes.postgresql import PostgreSQLServer

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operating.md"
COMMAND_S = 60


def blocks(heading: str) -> list[str]:
    """Every block of commands under a heading of the page for operators."""
    section = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


class Shell:
    """Runs commands as an operator types them: with PostgreSQL's own at hand, and as the user they must run as."""

    def __init__(self, server: PostgreSQLServer, folder: Path, variables: Mapping[str, str]) -> None:
        self.server_user = server.user
        self._postgresql = server.commands
        self._commands = folder / "bin"
        self._commands.mkdir()
        gateway = self._commands / "gateway"
        gateway.write_text(f'#!/bin/sh\nexec {sys.executable} -m gateway.cli.main "$@"\n')
        gateway.chmod(0o755)
        self.variables = dict(variables)

    def run(self, commands: str, *, as_server: bool = False, fails: bool = False, **more: str) -> str:
        """What the commands said, both ways. The test fails where they do, or do not where they should."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PG"))}
        path = f"{self._commands}:{self._postgresql}:{kept['PATH']}"
        environment = {**kept, "PATH": path, "PYTHONPATH": str(ROOT), **self.variables, **more}
        who = {"user": self.server_user, "group": self.server_user} if as_server and self.server_user else {}
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=COMMAND_S,
            **who,  # type: ignore[arg-type]
        )
        assert bool(ran.returncode) == fails, f"{commands}\nended with {ran.returncode}:\n{ran.stdout}"
        return ran.stdout

    def stop(self, data: Path) -> None:
        """Stop a restored server, where it was started."""
        if (data / "postmaster.pid").exists():
            self.run(f"pg_ctl -D {data} -m immediate -w stop", as_server=True)


def url_on(socket: Path, database: str) -> str:
    """Where a database is that a server offers on a socket in this folder."""
    url = URL.create("postgresql", username="postgres", database=database, query={"host": str(socket)})
    return url.render_as_string(hide_password=False)


@contextmanager
def ground(user: str | None) -> Iterator[Path]:
    """A folder that PostgreSQL's user may write and everybody may look into, with the folders of the page."""
    folder = Path(tempfile.mkdtemp(prefix="rg-restore-"))
    folder.chmod(0o755)
    try:
        for name in ("archive", "restored"):
            (folder / name).mkdir()
            if user is not None:
                shutil.chown(folder / name, user, user)
        (folder / "kept").mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
