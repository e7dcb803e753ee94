"""Sign-ins of this command, kept on this computer: one file for each gateway, for its owner's eyes alone (0600).

Written whole or not at all. Whoever would renew a sign-in holds its lock and reads it again first, since a token that
renews is good for once: of ten commands at the same time one asks the gateway, and nine read what it got.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from gateway.cli.failures import Failure, told
from gateway.secret_files import read_secret_file, replace_secret_file

_WHAT = "sign-in"


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """One person signed in at one gateway."""

    url: str
    access_token: str
    renew_at: float
    """Seconds since 1970 by this computer's clock: from then on the access token is renewed before it is used."""
    refresh_token: str

    def __repr__(self) -> str:
        return f"Login({self.url})"


class LoginFile:
    """Where the sign-in at one gateway is kept."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        digest = sha256(url.encode()).hexdigest()[:12]
        name = re.sub(r"[^a-z0-9.]+", "-", url.partition("://")[2].lower())[:60].strip("-")
        self.path = folder / f"{name}-{digest}.json"

    def read(self) -> Login | None:
        """The sign-in; None where there is none. Raises Failure where others could have read or written it."""
        if not self.path.exists():
            return None
        with told():
            content = read_secret_file(self.path, _WHAT)
        try:
            login = msgspec.json.decode(content, type=Login)
        except ValueError:
            raise Failure(
                f"The sign-in kept in {self.path} is damaged.", "Delete that file and sign in again: `gateway login`."
            ) from None
        return login if login.url == self._url else None

    def write(self, login: Login) -> None:
        """Keep a sign-in in place of the one before."""
        self._make_folder()
        with told():
            replace_secret_file(self.path, msgspec.json.encode(login), _WHAT)

    def delete(self) -> None:
        """Keep none."""
        self.path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone, of all commands of this person on this computer, for as long as the block lasts."""
        self._make_folder()
        descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(
                f"The folder {self.path.parent} cannot be made: {error.strerror}.",
                "Let XDG_CONFIG_HOME name a folder of yours, or use a key: GATEWAY_KEY.",
            ) from None
