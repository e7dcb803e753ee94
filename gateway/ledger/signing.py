"""The keys that the ledger is signed with: Ed25519, in a file of their own that nobody else may read.

The file is PEM (RFC 7468, RFC 8410), oldest key first. The first names the ledger, for ever. Each private half
signs; of a key that signs no more its public half stays, for what it has signed. So a key is rotated by adding one at
the end. The first is made where there is none. A file that others can read or write is refused: whoever had
it could sign another history. Its group may read it, for so a mounted secret reaches a process that is not root.
"""

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.errors import SettingsInvalid

CLOSED_TO_OTHERS = 0o027
"""Bits that its file may not have."""

KEYS_MAX = 16
"""In one file; a note has no more signatures (checkpoints/notes.py)."""

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----\r?\n.*?-----END \1-----\r?\n?", re.DOTALL)


class SigningKey:
    """Signs for the ledger of this installation."""

    def __init__(self, keys: Sequence[Ed25519PrivateKey | Ed25519PublicKey]) -> None:
        """Oldest first. The last signs; those before it do where their private half is there."""
        self._private = [each for each in keys if isinstance(each, Ed25519PrivateKey)]
        self.publics = tuple(_public(each) for each in keys)
        """32 bytes each, to be given to whoever verifies."""
        self.id = sha256(self.publics[0]).hexdigest()[:16]
        """Names the ledger: of the first key, whichever sign by now. Says nothing of a private half."""

    @property
    def public(self) -> bytes:
        """Of the key that was added last."""
        return self.publics[-1]

    def sign(self, message: bytes) -> bytes:
        """64 bytes, RFC 8032, by the key that was added last."""
        return self._private[-1].sign(message)

    def signatures(self, message: bytes) -> list[tuple[bytes, bytes]]:
        """A signature by each key that signs, behind the public half that it is verified by."""
        return [(_public(each), each.sign(message)) for each in self._private]


def _public(key: Ed25519PrivateKey | Ed25519PublicKey) -> bytes:
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes_raw()


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
    keys = _keys_in(content)
    if not keys:
        raise _unusable(path, "holds no Ed25519 key in PEM form")
    if not isinstance(keys[-1], Ed25519PrivateKey):
        raise _unusable(path, "ends with a public key, by which nothing is signed")
    signing = SigningKey(keys)
    if len(set(signing.publics)) < len(keys) or len(keys) > KEYS_MAX:
        raise _unusable(path, f"holds a key twice, or more than {KEYS_MAX}")
    return signing


def _keys_in(content: bytes) -> list[Ed25519PrivateKey | Ed25519PublicKey]:
    """The keys in a file, in order; none where anything in it is something else."""
    keys = list[Ed25519PrivateKey | Ed25519PublicKey]()
    if _BLOCK.sub(b"", content).strip():
        return []
    for block in _BLOCK.finditer(content):
        try:
            read = (
                serialization.load_pem_public_key(block[0])
                if block[1] == b"PUBLIC KEY"
                else serialization.load_pem_private_key(block[0], password=None)
            )
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return []
        if not isinstance(read, Ed25519PrivateKey | Ed25519PublicKey):
            return []
        keys.append(read)
    return keys


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
