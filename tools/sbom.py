"""Writes what a gateway is made of, as CycloneDX 1.6, from the lock: `make sbom`.

Specification followed: CycloneDX 1.6 (ECMA-424), JSON; package URLs of the type `pypi`.
The same lock gives the same bytes. Needs nothing but Python, so that it runs where an image is built.
"""

import argparse
import json
import re
import sys
import tomllib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OURSELVES = "release-gateway"

_PINNED = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))? *\\?$"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^ +#(?: via)? +(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass
class Locked:
    """One package of the lock."""

    name: str
    version: str
    marker: str
    digests: list[str] = field(default_factory=list)
    needed_by: list[str] = field(default_factory=list)

    @property
    def purl(self) -> str:
        """Its package URL, by which the document refers to it."""
        return f"pkg:pypi/{normal(self.name)}@{self.version}"


def normal(name: str) -> str:
    """A package's name as package URLs write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> list[Locked]:
    """Every package of a lock that uv or pip-tools wrote. Raises ValueError for a line that is not understood."""
    found: list[Locked] = []
    for number, line in enumerate(text.splitlines(), 1):
        if pinned := _PINNED.match(line):
            found.append(Locked(pinned["name"], pinned["version"], (pinned["marker"] or "").strip()))
        elif found and (digest := _HASH.search(line)):
            found[-1].digests.append(digest[1])
        elif found and (via := _VIA.match(line)):
            found[-1].needed_by.append(normal(via["name"]))
        elif line.strip() and not line.lstrip().startswith("#"):
            raise ValueError(f"line {number} of the lock is not understood")
    return found


def document(locked: list[Locked], version: str) -> dict[str, Any]:
    """The bill of materials."""
    ourselves = f"pkg:pypi/{OURSELVES}@{version}"
    components = [_component(each) for each in sorted(locked, key=lambda each: each.purl)]
    needs: dict[str, set[str]] = {each.purl: set() for each in locked} | {ourselves: set()}
    refs = {normal(each.name): each.purl for each in locked} | {OURSELVES: ourselves}
    for each in locked:
        for name in each.needed_by:
            if name in refs:  # what builds a package is named in comments as a group of pyproject.toml
                needs[refs[name]].add(each.purl)
    everything = json.dumps(components, sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ourselves + everything)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": ourselves,
                "name": OURSELVES,
                "version": version,
                "purl": ourselves,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": sorted(below)} for ref, below in sorted(needs.items())],
    }


def _component(locked: Locked) -> dict[str, Any]:
    """A package; the digests of every file that the lock would take stand beside it, for one of them is installed."""
    marked = [{"name": f"{OURSELVES}:lock:marker", "value": locked.marker}] if locked.marker else []
    digests = [{"name": f"{OURSELVES}:lock:sha256", "value": digest} for digest in locked.digests]
    return {
        "type": "library",
        "bom-ref": locked.purl,
        "name": locked.name,
        "version": locked.version,
        "purl": locked.purl,
        "scope": "required",
        "properties": [*marked, *digests],
    }


def version_of_ourselves() -> str:
    """The version, where the build takes it from."""
    path = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["version"]["path"]
    found = re.search(r'^__version__ = "([^"]+)"', (ROOT / path).read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{path} has no version")
    return found[1]


def main() -> int:
    """Write the document."""
    parser = argparse.ArgumentParser(description="Write the bill of materials (CycloneDX) of the gateway.")
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements.lock")
    parser.add_argument("--output", type=Path, default=Path("sbom.cdx.json"))
    asked = parser.parse_args()
    found = document(read_lock(asked.lock.read_text("utf-8")), version_of_ourselves())
    asked.output.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
