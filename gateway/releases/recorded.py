"""What was recorded of a release's stages that another version may find: openings, and words for opening them.

A version that comes back finds what was recorded of its stages before: they are open at once, or lack nobody's word.
"""

from collections.abc import Mapping

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


class Records(msgspec.Struct, frozen=True):
    """The same, each with when it was first so."""

    opened: Mapping[str, Instant]
    agreed: Mapping[str, Instant]

    def by(self, until: Instant | None) -> Recorded:
        """What was recorded by an instant, or ever."""
        last = NEVER if until is None else until
        opened, agreed = (
            frozenset(stage for stage, instant in dated.items() if instant <= last)
            for dated in (self.opened, self.agreed)
        )
        return Recorded(opened, agreed)


def records_of(connection: Connection, release: str) -> Records:
    """Everything that was recorded of a release's stages."""
    return Records(store.openings(connection, release), store.agreed_stages(connection, release))


def recorded_of(connection: Connection, release: str) -> Recorded:
    """What is recorded of them now."""
    return records_of(connection, release).by(None)
