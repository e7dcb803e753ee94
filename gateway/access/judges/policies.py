"""A policy set: the Rego read from a folder, under one digest, and the bundle that OPA serves it from.

NOTE: the digest is named in ledger entries and is the bundle's revision. How it is made may never change.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from gateway.errors import SettingsInvalid

ROOT = "access"
"""The package that judges uses: no policy set is without it."""

ROOTS = (ROOT, "changes", "requests")
"""The packages that judge. Where there is none about changes or requests, none may pass."""

FILES_MAX = 1000
FILE_BYTES_MAX = 1_000_000


class Policy(msgspec.Struct, frozen=True, order=True):
    """One file of a policy set."""

    name: str
    """Path inside the folder, with slashes."""
    source: bytes


class PolicySet(msgspec.Struct, frozen=True):
    """Every file of Rego below one folder but the tests, sorted by name."""

    policies: tuple[Policy, ...]
    digest: str
    """`sha256:<hex>` over names and contents, each preceded by its length in eight bytes."""

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that judge, and the roots of the bundle."""
        present = {policy.name.partition("/")[0] for policy in self.policies}
        return tuple(root for root in ROOTS if root in present)

    def bundle(self) -> bytes:
        """An OPA bundle (gzipped tar) with the digest as its revision: the same bytes for the same policies."""
        manifest = {"revision": self.digest, "roots": list(self.packages), "rego_version": 1}
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            _put(tar, ".manifest", json.dumps(manifest, sort_keys=True).encode())
            for policy in self.policies:
                _put(tar, policy.name, policy.source)
        return gzip.compress(archive.getvalue(), mtime=0)


def read_policy_set(folder: Path) -> PolicySet:
    """The policy set below a folder. Raises SettingsInvalid when it cannot be one."""
    paths = sorted(
        path for root in ROOTS for path in (folder / root).rglob("*.rego") if not path.name.endswith("_test.rego")
    )
    if not any(path.is_relative_to(folder / ROOT) for path in paths):
        raise SettingsInvalid(
            f"There is no policy in {folder / ROOT}.",
            next_step="Point to a folder that has the Rego of package access.",
        )
    if len(paths) > FILES_MAX:
        raise SettingsInvalid(f"There are more than {FILES_MAX} policies in {folder}.")
    return policy_set(Policy(name=path.relative_to(folder).as_posix(), source=_source(path)) for path in paths)


def policy_set(policies: Iterable[Policy]) -> PolicySet:
    """A policy set of these files, whatever their order."""
    ordered = tuple(sorted(policies))
    return PolicySet(policies=ordered, digest=_digest(ordered))


def _source(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            source = file.read(FILE_BYTES_MAX + 1)
        source.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"The policy {path} cannot be read: {type(error).__name__}.") from error
    if len(source) > FILE_BYTES_MAX:
        raise SettingsInvalid(f"The policy {path} is larger than {FILE_BYTES_MAX} bytes.")
    return source


def _digest(policies: tuple[Policy, ...]) -> str:
    sha256 = hashlib.sha256()
    for policy in policies:
        for part in (policy.name.encode(), policy.source):
            sha256.update(len(part).to_bytes(8, "big") + part)
    return f"sha256:{sha256.hexdigest()}"


def _put(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o644
    tar.addfile(member, io.BytesIO(content))
