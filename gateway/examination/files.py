"""The files that an installation lives by: secrets that nobody else may read, room on the disk."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from gateway.bundles import read_bundle_token
from gateway.chosen import opa_token_of
from gateway.errors import SettingsInvalid
from gateway.examination.findings import Finding, amiss, odd, well, wrong
from gateway.identity.peppers import open_peppers
from gateway.identity.tokens.signing_keys import SigningKeys
from gateway.ledger.signing import open_signing_key
from gateway.settings import Settings

FULL_BYTES = 100 << 20
"""With less room a ledger may be unable to write within hours."""
SCARCE_BYTES = 2 << 30

_READ_BY_OTHERS = 0o007


def look_at_files(settings: Settings, *, begun: bool) -> Iterator[Finding]:
    """Findings on every file that the settings name. `begun`: a gateway has served from the database before."""
    yield _data(settings.data)
    yield _secret("peppers", settings.peppers_path, open_peppers, settings.data, needed=begun)
    yield _secret("signing key", settings.signing_key_path, open_signing_key, settings.data, needed=begun)
    yield _secret("token keys", settings.token_keys_path, SigningKeys, settings.data, needed=False)
    if settings.database_password_file is not None:
        yield closed("database password file", settings.database_password_file)
    if (path := settings.opa_token_file) is not None:
        yield _read("opa token file", path, partial(opa_token_of, settings)) or closed("opa token file", path)
    if (path := settings.bundle_token_file) is not None:
        yield _read("bundle token file", path, partial(read_bundle_token, path)) or closed("bundle token file", path)
    if settings.weights is not None and not settings.weights.is_dir():
        yield odd("weights", f"{settings.weights} is no folder.", "Mount it, or mend GATEWAY_WEIGHTS.")
    if settings.database.startswith("sqlite") and settings.data.is_dir():
        yield _room(settings.data)


def _data(folder: Path) -> Finding:
    if not folder.exists():
        return well("data", f"{folder} is not there yet: a first start makes it.")
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return wrong(
            "data", f"{folder} cannot be written by this user.", "Give it to the user that the gateway runs as."
        )
    if folder.stat().st_mode & _READ_BY_OTHERS:
        return odd("data", f"Others than its owner may look into {folder}.", f"Run `chmod 700 {folder}`.")
    return well("data", f"{folder} can be written.")


def _secret(part: str, path: Path, opened: Callable[[Path], object], data: Path, *, needed: bool) -> Finding:
    """A secret is opened by what the gateway opens it by, but never made."""
    if not path.exists():
        if needed:
            return wrong(
                part,
                f"The database is in use, and {path} is missing.",
                "Put it back from the backup: a new one would fit nothing that is there.",
            )
        if not _can_be_made(path, data):
            return wrong(
                part,
                f"{path} is not there, and cannot be made there.",
                "Put the file there, or let the user that the gateway runs as write into a folder that is there.",
            )
        return well(part, f"{path} is not there yet: a first start makes it.")
    return _read(part, path, partial(opened, path)) or well(part, f"{path} can be used, and is closed to others.")


def _can_be_made(path: Path, data: Path) -> bool:
    folder = path.parent
    return (folder == data and not folder.exists()) or (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK))


def _read(part: str, path: Path, read: Callable[[], object]) -> Finding | None:
    """What is wrong with a file, as a start would say it; None where nothing is."""
    try:
        read()
    except SettingsInvalid as error:
        return amiss(part, error)
    except OSError as error:
        return wrong(part, f"{path} cannot be read: {error.strerror}.", "Give it to the user that the gateway runs as.")
    return None


def closed(part: str, path: Path) -> Finding:
    """Whether a secret can be read here, and not by everybody."""
    if not os.access(path, os.R_OK):
        return wrong(part, f"{path} cannot be read by this user.", "Give it to the user that the gateway runs as.")
    if path.stat().st_mode & _READ_BY_OTHERS:
        return odd(part, f"Everybody on this machine may read {path}.", f"Run `chmod o= {path}`.")
    return well(part, f"{path} can be read, and is closed to others.")


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    said = f"{free / (1 << 30):.1f} GiB are free where {folder} is."
    step = "Make room, or move the data directory to a larger disk: the ledger only ever grows."
    if free < FULL_BYTES:
        return wrong("disk", said, step)
    return odd("disk", said, step) if free < SCARCE_BYTES else well("disk", said)
