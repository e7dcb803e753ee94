"""Checkpoints that somebody kept, in files of their own beside the ledger they are to be held against."""

from collections.abc import Sequence
from pathlib import Path

from gateway.errors import Invalid, SettingsInvalid
from gateway.ledger.checkpoints.checkpoint import checkpoint_from
from gateway.ledger.checkpoints.notes import NOTE_BYTES_MAX, Verifier
from gateway.ledger.checkpoints.verifying import Kept

ENDING = ".checkpoint"
"""Of the files that are looked at in a folder."""


def read_kept(path: Path, verifiers: Sequence[Verifier]) -> list[Kept]:
    """The checkpoint in a file, or every `*.checkpoint` of a folder. Raises SettingsInvalid for one that is none.

    A folder without any is one, too: whoever names it counts on being told.
    """
    files = sorted(path.glob(f"*{ENDING}")) if path.is_dir() else [path]
    if not files:
        raise SettingsInvalid(
            f"There is no checkpoint in {path}: no file there ends in `{ENDING}`.",
            next_step=f"Put one there: `gateway audit checkpoint > {path}/first{ENDING}`.",
        )
    return [_read(file, verifiers) for file in files]


def _read(file: Path, verifiers: Sequence[Verifier]) -> Kept:
    try:
        with file.open("rb") as opened:
            note = opened.read(NOTE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsInvalid(
            f"The checkpoint {file} cannot be read: {error.strerror}.", next_step="Let this user read it."
        ) from None
    try:
        return Kept(file.name, checkpoint_from(note, *verifiers))
    except Invalid as error:
        raise SettingsInvalid(
            f"{file} is no checkpoint of this ledger. {error.message}",
            next_step=error.next_step or "Keep checkpoints as `gateway audit checkpoint` shows them, byte by byte.",
        ) from None
