"""What was recorded of a release's stages that another version may find: openings, and words for opening them.

A version that comes back finds what was recorded of its stages before: they are open at once, or lack nobody's word.
"""

import msgspec
from sqlalchemy import Connection

from gateway.clock import NEVER, Instant
from gateway.releases.evidence import store


class Recorded(msgspec.Struct, frozen=True):
    """By digest, of every version there was."""

    opened: frozenset[str] = frozenset()
    """Stages that were opened (`Strategy.opening_digest`)."""
    agreed: frozenset[str] = frozenset()
    """Stages whose opening somebody approved, or an authority concurred with (`Strategy.stage_digest`)."""


NOTHING_RECORDED = Recorded()
"""As if no version had ever stood."""


def recorded_of(connection: Connection, release: str, until: Instant | None = None) -> Recorded:
    """What was recorded of a release by an instant, or ever."""
    last = NEVER if until is None else until
    opened = store.openings(connection, release)
    return Recorded(
        frozenset(stage for stage, instant in opened.items() if instant <= last),
        store.agreed_stages(connection, release, last),
    )
