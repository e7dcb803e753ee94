"""Putting names that people typed into paths of the gateway, so that no name can become another path."""

from urllib.parse import quote

import click


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
