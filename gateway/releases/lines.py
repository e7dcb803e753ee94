"""Lines: organisations in the order in which they asked, of whom a capped stage admits the first. Pure.

A higher cap, and a place that was freed, let in whoever has waited longest; nobody is ever overtaken.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from gateway.clock import Instant
from gateway.releases.nodes import Faults, shown
from gateway.releases.stages import StageRead
from gateway.releases.strategies import Stage


class Line(msgspec.Struct, frozen=True):
    """The first of a line: organisations with the places they stand at, counted from 1."""

    places: Mapping[str, int] = MappingProxyType({})
    standing: int = 0
    """How many stand in it, as far as it is known."""

    @classmethod
    def of(cls, organisations: Iterable[str]) -> "Line":
        """A line in which these stand, in this order."""
        places = {organisation: place for place, organisation in enumerate(organisations, 1)}
        return cls(places, len(places))

    def place_of(self, organisation: str, cap: int) -> str:
        """held, free or full: whether the organisation is among the first, still could be, or could not."""
        place = self.places.get(organisation)
        if place is not None:
            return "held" if place <= cap else "full"
        return "free" if self.standing < cap else "full"


NOBODY = Line()


class Left(msgspec.Struct, frozen=True):
    """A stage with a cap that was left to whoever held a place in it at an instant."""

    stage: Stage
    at: Instant

    @property
    def line(self) -> str:
        """By which whoever held one, and still stands in line, is found among the lines of a release."""
        cap = 0 if self.stage.cap is None else self.stage.cap.organisations
        return f"{self.stage.line} to {cap} at {self.at}"


def longest(stages: Iterable[Stage]) -> dict[str, int]:
    """How far each line has to be known for these stages: the highest cap on it, by the line's name."""
    known: dict[str, int] = {}
    for stage in stages:
        if stage.cap is not None:
            known[stage.line] = max(known.get(stage.line, 0), stage.cap.organisations)
    return known


def check_lines(stages: Sequence[StageRead], faults: Faults) -> None:
    """Note each stage that takes over a line which there is not."""
    own: set[str] = set()
    for stage in stages:
        if stage.cap is None:
            continue
        line = stage.cap.line
        if line and line not in own:
            faults.add(
                stage.fields["cap"],
                f"no stage before this one has a line {shown(line)} of its own: name one that has a `cap`,"
                " or leave `line` out",
            )
        if not line:
            own.add(stage.name)
