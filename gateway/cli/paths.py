"""Putting names that people typed into paths of the gateway, so that no name can become another path."""

from urllib.parse import quote, unquote

import click

from gateway.cli.failures import Absent


def segment(name: str) -> str:
    """One part of a path."""
    if not name or name in {".", ".."}:
        raise click.UsageError(f"{name!r} is no name.")
    return quote(name, safe="")


def release_path(release: str) -> str:
    """The path of a release, from `namespace/name`."""
    namespace, slash, name = release.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise click.UsageError(f"{release!r} is no release: write namespace/name.")
    return f"/releases/{segment(namespace)}/{segment(name)}"


def absent_at(path: str) -> Absent | None:
    """What a path names, for when it is not there; None for a path that names nothing."""
    noun, *names = [unquote(part) for part in path.strip("/").split("/")]
    if not names:
        return None
    if noun == "organisations" and names[1:2] == ["attributes"] and len(names) > 2:
        return _absent("assertion", names[2], f"gateway organisation show {names[0]}")
    if noun == "releases":
        release = "/".join(names[:2])
        if names[2:3] == ["stages"] and len(names) > 3:
            return Absent(f"{release} has no stage `{names[3]}`, or there is no such release.", _see("show", release))
        if names[2:3] == ["narrowings"] and names[3:4] not in ([], ["preview"]):
            return _absent("narrowing", names[3], f"gateway release narrowings {release}")
        listing = "gateway model list" if names[2:3] in (["terms"], ["request-form"]) else "gateway release list"
        return _absent("release", release, listing)
    listed = _LISTED.get(noun)
    return None if listed is None else _absent(listed[0], names[0], listed[1])


def _see(verb: str, release: str) -> str:
    return f"See `gateway release {verb} {release}`."


def _absent(noun: str, name: str, listing: str) -> Absent:
    return Absent(f"There is no {noun} `{name}`, or none that you may see.", f"See `{listing}`.")


_LISTED = {
    "changes": ("change", "gateway change list"),
    "concurrences": ("concurrence", "gateway concurrence list"),
    "evidence": ("evidence", "gateway evidence list"),
    "incidents": ("incident", "gateway incident list"),
    "clients": ("client", "gateway client list"),
    "grants": ("grant", "gateway grant list"),
    "keys": ("key", "gateway key list"),
    "ledger": ("entry", "gateway audit search"),
    "requests": ("request", "gateway request list"),
    "people": ("person", "gateway person list"),
    "organisations": ("organisation", "gateway organisation list"),
}
