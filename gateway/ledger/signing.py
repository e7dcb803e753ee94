"""The key that the ledger signs with: Ed25519, in a file of its own that nobody else may read.

The key is made where there is none. A file that others can read or write is refused: whoever had
it could sign another history. Its group may read it, for so a mounted secret reaches a process that is not root.
"""

import contextlib
import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import SettingsInvalid

CLOSED_TO_OTHERS = 0o027
"""Bits that its file may not have."""


class SigningKey:
    """Signs for the ledger of this installation."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()
        """32 bytes, to be given to whoever verifies."""
        self.id = sha256(self.public).hexdigest()[:16]
        """Tells keys apart; says nothing of the private half."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes, RFC 8032."""
        return self._private.sign(message)


def open_signing_key(path: Path) -> SigningKey:
    """The key in this file, made at first use. Raises SettingsInvalid where it cannot be trusted or used."""
    try:
        return _load(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unusable(path, "cannot be read") from error
    try:
        _create(path)
        return _load(path)
    except OSError as error:
        raise _unusable(path, "cannot be made") from error


def _load(path: Path) -> SigningKey:
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode) or state.st_mode & CLOSED_TO_OTHERS:
            raise SettingsInvalid(
                f"Others than its owner may use the signing key `{path}`.",
                next_step=f"Run `chmod 600 {path}`, and think about who may have read it.",
            )
        content = file.read()
    try:
        private = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise _unusable(path, "holds no Ed25519 key in PEM form")
    return SigningKey(private)


def _create(path: Path) -> None:
    """Write a key whole under another name and link it into place: of several that start at once, one wins."""
    content = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unusable(path: Path, why: str) -> SettingsInvalid:
    return SettingsInvalid(f"The signing key `{path}` {why}.", next_step="Check the setting and the file's owner.")
