"""What is in force, whole and immutable: built where it can fail, only read where it must not."""

from collections.abc import Mapping

import msgspec

from gateway.releases.narrowings import InEffect
from gateway.releases.strategies import Strategy


class InForce(msgspec.Struct, frozen=True):
    """One release's strategy version in force, and what narrows it."""

    strategy: Strategy
    digest: str
    narrowings: tuple[InEffect, ...] = ()
    """Those not restored whole; each may be over by itself."""


class Snapshot(msgspec.Struct, frozen=True):
    """Every release at one revision, under one policy set."""

    revision: int
    releases: Mapping[str, InForce]
    """By name."""
    policy: str
    """Digest of the policy set that judges."""


EMPTY = Snapshot(revision=-1, releases={}, policy="")
"""Before the first reading: nothing is released."""
