"""Files that hold a secret of this installation: made whole or not at all, and refused where others may read them."""

import os
import secrets
from pathlib import Path

from gateway.errors import SettingsInvalid

CLOSED_TO_OTHERS = 0o027
"""Bits no such file may have: nobody else reads it, only the owner writes it (a mounted secret's group may read)."""

_FILE_MAX = 65_536


def make_secret_file(path: Path, content: bytes, what: str) -> None:
    """Make a file (0600) where there is none. First starts may race: one wins, and nobody's is overwritten."""
    _place(path, content, what, over=False)


def replace_secret_file(path: Path, content: bytes, what: str) -> None:
    """Put new content in a file's place (0600): whoever reads meanwhile gets the old or the new, whole."""
    _place(path, content, what, over=True)


def read_secret_file(path: Path, what: str) -> bytes:
    """What is in the file. Raises SettingsInvalid where it cannot be read, or others may."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_FILE_MAX)
    except OSError as error:
        raise SettingsInvalid(
            f"The {what} file {path} cannot be read: {error.strerror}.",
            next_step="Put it there, and let the user that the gateway runs as read it.",
        ) from error
    if mode & CLOSED_TO_OTHERS:
        raise SettingsInvalid(f"The {what} file {path} is open to others.", next_step=f"Run `chmod 600 {path}`.")
    return content


def _place(path: Path, content: bytes, what: str, *, over: bool) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if over:
            draft.replace(path)
        else:
            os.link(draft, path)
    except FileExistsError:
        return
    except OSError as error:
        raise SettingsInvalid(
            f"The {what} file {path} cannot be created: {error.strerror}.",
            next_step="Put it there, or let the user that the gateway runs as write into a folder that is there.",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
