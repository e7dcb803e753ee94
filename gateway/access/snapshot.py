"""What is in force, whole and immutable: built where it can fail, only read where it must not."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from gateway.clock import Instant
from gateway.releases.lines import Line
from gateway.releases.narrowings import InEffect
from gateway.releases.strategies import NOTHING_OPENED, Strategy

NO_LINES: Mapping[str, Line] = MappingProxyType({})


class InForce(msgspec.Struct, frozen=True):
    """One release's strategy version in force, and what narrows it."""

    strategy: Strategy
    digest: str
    openings: Mapping[str, Instant] = NOTHING_OPENED
    """When stages that have requirements were opened, by name; those that were not are absent."""
    narrowings: tuple[InEffect, ...] = ()
    """Those not restored whole; each may be over by itself."""
    lines: Mapping[str, Line] = NO_LINES
    """Who stands first in the lines of stages that admit only so many, by name."""


class Snapshot(msgspec.Struct, frozen=True):
    """Every release at one revision, under one policy set."""

    revision: int
    releases: Mapping[str, InForce]
    """By name."""
    policy: str
    """Digest of the policy set that judges."""


EMPTY = Snapshot(revision=-1, releases={}, policy="")
"""Before the first reading: nothing is released."""
