"""Checkpoints: what the ledger was at a size, signed, to be kept by others than who runs it.

C2SP tlog-checkpoint, https://c2sp.org/tlog-checkpoint: three lines (origin, size, root) in a signed note. Whoever
kept one can tell whether the ledger still says what it said then, and goes on from there.
"""

import re
from base64 import b64decode, b64encode

import msgspec

from gateway.errors import Invalid
from gateway.ledger.checkpoints import notes
from gateway.ledger.checkpoints.notes import Verifier
from gateway.ledger.signing import SigningKey

_TEXT = re.compile(r"([^\n]{1,200})\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n")


class Checkpoint(msgspec.Struct, frozen=True):
    """The ledger at one size."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed of it."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def origin_of(key: SigningKey) -> str:
    """The ledger's name, for ever: that of the first key it was signed with, whichever sign it by now."""
    return f"release-gateway/{key.id}"


def verifiers_of(key: SigningKey) -> list[Verifier]:
    """By what others verify checkpoints of this ledger: one for each key that it has had, oldest first."""
    return [Verifier(origin_of(key), public) for public in key.publics]


def checkpoint_from(note: bytes, *verifiers: Verifier) -> Checkpoint:
    """The checkpoint that a note is, signed by one of a ledger's verifiers. Raises Invalid."""
    matched = _TEXT.fullmatch(notes.opened(note, *verifiers))
    if matched is None or matched[1] != verifiers[0].name:
        raise Invalid("It is signed and no checkpoint of that ledger: three lines, its origin, size and root.")
    return Checkpoint(matched[1], int(matched[2]), b64decode(matched[3]))
