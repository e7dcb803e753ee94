"""What a change does to organisations: who gains, who loses, from when, to which component."""

from collections.abc import Iterator, Mapping

import msgspec

from gateway.clock import Instant
from gateway.releases.components import Component


class Tally(msgspec.Struct, frozen=True):
    """How many organisations gain and lose."""

    gain: int = 0
    """Will be admitted as things stand, and were not."""
    may_gain: int = 0
    """Will be admitted once they accept the terms, and could not be before, whatever they accepted."""
    lose: int = 0
    """Were admitted as things stand, and will not be."""
    must_accept: int = 0
    """Of those that lose: will be admitted again once they accept the terms."""
    may_lose: int = 0
    """Were not admitted, but would have been once they accepted the terms, and will not be."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(one + two for one, two in zip(_counts(self), _counts(other), strict=True)))

    @property
    def is_nothing(self) -> bool:
        """Whether nobody gains or loses."""
        return not any(_counts(self))


class Consequence(msgspec.Struct, frozen=True):
    """What a change does to one component in one interval."""

    begins: Instant
    until: Instant
    stage: str | None
    """The stage that then stands by the new version; None where none does."""
    component: Component
    tally: Tally
    audiences: Mapping[str, Tally]
    """By audience: of the new version for who gains, of the old one for who loses."""
    gaining: tuple[str, ...]
    """Some of them, in order of id."""
    losing: tuple[str, ...]


class Unknown(msgspec.Struct, frozen=True):
    """An audience that does not know of so many organisations whether they belong."""

    stage: str
    audience: str
    organisations: int


class Consequences(msgspec.Struct, frozen=True):
    """Everything that a change does to organisations."""

    steps: tuple[Consequence, ...]
    unknown: tuple[Unknown, ...]
    unreached: tuple[str, ...]
    """Stages that no organisation can use, whatever it accepts, when they open."""
    is_complete: bool
    """False where there were more groups or intervals than are judged."""


class Judged(msgspec.Struct, frozen=True):
    """One group's answers about one component: by the old version and the new, as it is and with all terms accepted."""

    before: bool
    before_accepting: bool
    after: bool
    after_accepting: bool
    audiences_before: tuple[str, ...]
    audiences_after: tuple[str, ...]

    def tally(self, organisations: int) -> Tally:
        """What becomes of so many organisations that are answered so."""
        gains, loses = self.after and not self.before, self.before and not self.after
        return Tally(
            gain=organisations * gains,
            may_gain=organisations * (self.after_accepting and not self.before_accepting and not self.after),
            lose=organisations * loses,
            must_accept=organisations * (loses and self.after_accepting),
            may_lose=organisations * (self.before_accepting and not self.after_accepting and not self.before),
        )

    def by_audience(self, organisations: int) -> Iterator[tuple[str, Tally]]:
        """The same, for each audience that will admit them, or did."""
        whole = self.tally(organisations)
        gains = Tally(gain=whole.gain, may_gain=whole.may_gain)
        loses = Tally(lose=whole.lose, must_accept=whole.must_accept, may_lose=whole.may_lose)
        for names, part in ((self.audiences_after, gains), (self.audiences_before, loses)):
            yield from ((name, part) for name in names if not part.is_nothing)


def _counts(tally: Tally) -> tuple[int, ...]:
    return msgspec.structs.astuple(tally)
