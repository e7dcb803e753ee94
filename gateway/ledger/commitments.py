"""Salted commitments: an entry can later be held against content that it does not contain.

SHA-256 over a random salt of 32 bytes and then the content. Without its salt a commitment cannot be
tied to any content, not even by guessing; so the salt is kept apart, where it can be destroyed.
"""

import secrets
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple

SALT_BYTES = 32


class Commitment(NamedTuple):
    """Both halves: the digest goes into the entry, the salt beside the ledger."""

    digest: str
    """64 hexadecimal digits."""
    salt: bytes


class Committing:
    """Commits to content that comes in pieces, under a fresh salt."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(SALT_BYTES)
        self._running = sha256(self._salt)

    def update(self, piece: bytes) -> None:
        """The next piece."""
        self._running.update(piece)

    def commitment(self) -> Commitment:
        """To everything so far."""
        return Commitment(self._running.hexdigest(), self._salt)


def commit(content: bytes) -> Commitment:
    """Commit to content under a fresh salt."""
    committing = Committing()
    committing.update(content)
    return committing.commitment()


def opens(digest: str, salt: bytes, content: bytes) -> bool:
    """Whether the commitment is to this content under this salt."""
    return len(salt) == SALT_BYTES and compare_digest(digest.encode(), _digest(salt, content).encode())


def _digest(salt: bytes, content: bytes) -> str:
    return sha256(salt + content).hexdigest()
