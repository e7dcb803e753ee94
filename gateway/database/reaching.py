"""Where the database is, and what an operator is told where it cannot be reached.

Nothing of a URL but a SQLite file's path is ever told: a password mistyped may stand in any part of it.
"""

import sqlite3
from pathlib import Path

from sqlalchemy import exc, make_url
from sqlalchemy.engine import URL

from gateway.errors import SettingsInvalid

SETTING = "GATEWAY_DATABASE_URL"
_FORM = "Write sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME"
_ESCAPED = "in the password, write `@` as %40, `:` as %3A, `/` as %2F and `%` as %25"

_CONDITIONS = {
    "28": ("it does not let this user in", "Look at the user and the password there."),
    "3D": ("it has no database of that name", "Create it there, or name another."),
    "53": ("it has no connection left", "Let it take more, or end what holds them."),
    "57": ("it is starting or stopping", "Try again shortly."),
}
"""The server's own answers, by the class of their SQLSTATE."""


def located(url: str) -> URL:
    """A database's URL, of a kind that keeps what it is given. Raises SettingsInvalid."""
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise SettingsInvalid(f"{SETTING} is no database's URL.", next_step=f"{_FORM}.") from None
    except ValueError:
        raise _bad_port() from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        if "@" in (parsed.host or ""):
            raise SettingsInvalid(
                f"{SETTING} has more than one `@`: what stands before the last is taken for the host.",
                next_step=f"{_FORM}; {_ESCAPED}.",
            )
        if parsed.port is not None and not 0 < parsed.port <= 65535:
            raise _bad_port()
    elif backend != "sqlite" or parsed.database in {None, "", ":memory:"}:
        raise SettingsInvalid(
            f"{SETTING} names no {backend} database that keeps what it is given.", next_step=f"{_FORM}."
        )
    return parsed


def is_absent(url: str) -> bool:
    """Whether it is a SQLite file that is not there: looking must not make it."""
    return url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists()


def unreachable(error: Exception) -> SettingsInvalid:
    """What connecting to PostgreSQL failed with, in words of ours."""
    state = str(getattr(error, "sqlstate", None) or "")
    why, next_step = f"{type(error).__name__}", "Look at what its log says."
    if state[:2] in _CONDITIONS:
        why, next_step = _CONDITIONS[state[:2]]
    elif isinstance(error, TimeoutError):
        why, next_step = "nobody answered in time", "Look at host and port, and at whether the server runs."
    elif isinstance(error, OSError):
        why, next_step = _network(error), "Look at host and port, and at whether the server runs."
    elif isinstance(error, TypeError):
        why, next_step = "the URL has a parameter that is not known", "Behind `?`, asyncpg takes `ssl=require`."
    return SettingsInvalid(f"The database at {SETTING} cannot be reached: {why}.", next_step=next_step)


def unopened(url: URL, error: exc.DBAPIError) -> SettingsInvalid | None:
    """What opening or writing a SQLite file failed with; None where it is no fault of the place."""
    code = error.orig.sqlite_errorcode & 0xFF if isinstance(error.orig, sqlite3.Error) else 0
    words = {
        sqlite3.SQLITE_CANTOPEN: "there is no such folder, or this process may not write to it",
        sqlite3.SQLITE_READONLY: "this process may read it and not write to it",
        sqlite3.SQLITE_PERM: "this process may not use it",
        sqlite3.SQLITE_FULL: "the disk is full",
        sqlite3.SQLITE_IOERR: "the disk cannot be read or written",
        sqlite3.SQLITE_NOTADB: "it is no SQLite database",
        sqlite3.SQLITE_CORRUPT: "it is damaged",
        sqlite3.SQLITE_BUSY: "another process holds it",
    }
    if code not in words:
        return None
    return SettingsInvalid(
        f"The database {url.database} cannot be used: {words[code]}.",
        next_step=f"Name a directory that this process may write to with --data, or a file in one with {SETTING}.",
    )


def _bad_port() -> SettingsInvalid:
    return SettingsInvalid(f"The port in {SETTING} is no number from 1 to 65535.", next_step=f"{_FORM}; {_ESCAPED}.")


def _network(error: OSError) -> str:
    """A refusal has its number's words; a host that is not found has a resolver's, without the name."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return (error.strerror or type(error).__name__).lower()
