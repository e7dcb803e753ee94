"""What is measured: a contender says how it is started; a target is one that is up and takes calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.programs import Program

CHAT = "/v1/chat/completions"
MODEL = "bench-model"
"""The model that the upstreams answer for."""


@dataclass(frozen=True)
class Upstream:
    """The model's server that stands behind every contender of a run."""

    origin: str
    """Scheme, host and port, such as `http://127.0.0.1:40000`."""
    program: Program

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])


@dataclass(frozen=True)
class Target:
    """A contender that is up: where calls go, and what is read from /proc."""

    origin: str
    program: Program | None
    """None where there is nothing between load and upstream."""
    model: str = MODEL
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.origin + CHAT


class Contender(Protocol):
    """One system that can stand before an upstream."""

    @property
    def name(self) -> str:
        """How the report calls it."""

    def absence(self) -> str | None:
        """Why it cannot be measured on this machine, or None."""

    def version(self) -> str:
        """Which one it is."""

    def start(self, upstream: Upstream, folder: Path) -> Target:
        """Start it with settings written into `folder`; it need not be ready when this returns."""


@dataclass(frozen=True)
class Direct:
    """No gateway at all: what the load and the upstream cost by themselves."""

    name: str = "direct"

    def absence(self) -> str | None:
        return None

    def version(self) -> str:
        return "-"

    def start(self, upstream: Upstream, folder: Path) -> Target:  # noqa: ARG002 - the protocol's signature
        return Target(upstream.origin, None)
