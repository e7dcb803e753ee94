"""What has been applied: the versions of a release, each immutable and known by number and digest."""

from typing import Any

import msgspec

from gateway.clock import Instant
from gateway.errors import Unavailable
from gateway.releases.strategies import Strategy, digest_of


class Release(msgspec.Struct, frozen=True):
    """One release and the version now in force."""

    name: str
    number: int
    digest: str
    first_applied_at: Instant
    applied_at: Instant


class StrategyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy as applied: who, when, and after which."""

    strategy: Strategy
    digest: str
    number: int
    """Counted from 1, per release."""
    previous: str = ""
    """Digest of the version it replaced; empty for the first."""
    applied_at: Instant
    applied_by: str = ""
    """Public id of the key that applied it."""
    organisation: str = ""
    adopted: bool = False
    """Whether it was allowed to say that stages had already opened."""
    change: str = ""
    """Id of the change it came by, which was reviewed; empty for a version that was applied directly."""

    @classmethod
    def stored(cls, canonical: bytes, digest: str, **rest: Any) -> "StrategyVersion":
        """Read a version back. Raises Unavailable when the bytes are not those the digest was taken of."""
        if digest_of(canonical) != digest:
            raise Unavailable(
                f"A strategy is not stored as it was applied: its bytes do not have the digest {digest}.",
                next_step="Restore the database from a backup; the ledger names every digest that was applied.",
            )
        return cls(strategy=Strategy.read(canonical), digest=digest, **rest)
