"""What is kept of places in line: frozen facts."""

import msgspec

from gateway.clock import Instant


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One organisation in the line of a stage, from when it asked until it is taken out."""

    id: str
    release: str
    line: str
    """As the stage that began it is called."""
    number: int
    """In the order in which they asked; never given twice."""
    organisation: str
    asked_at: Instant
    asked_by: str
    """Public id of the key it asked with."""
    freed_at: Instant | None = None
    freed_by: str | None = None
    freed_cause: str | None = None


class Turn(msgspec.Struct, frozen=True):
    """Where an organisation stands in a line, counted from 1, and how many are admitted from it."""

    place: int
    cap: int

    @property
    def waiting(self) -> int:
        """How many more must be let in until it is; 0 where it is among the first."""
        return max(0, self.place - self.cap)


class Front(msgspec.Struct, frozen=True):
    """How far a cap reaches into a line."""

    line: str
    cap: int
    standing: int
    """How many stand there, up to the cap."""
    last: int
    """The highest number that is admitted."""
    known_as: str = ""
    """How its line is called among those of the release, where that is otherwise: one that was left."""


class Listed(msgspec.Struct, frozen=True):
    """A place, and where in its line that is now; None for one that was freed."""

    place: Place
    stands_at: int | None
