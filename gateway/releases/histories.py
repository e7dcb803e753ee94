"""What is known of a preset: what happened, who says so, where they disagree, and what no release file can say."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gateway.clock import NEVER, Instant, text_from
from gateway.releases.strategies import AccessLevel, Strategy

UNVERIFIED = "unverified"
"""In the place of a source, where nobody could be named."""


class Grade(StrEnum):
    """How far a statement can be relied on."""

    PRIMARY = "primary"
    """The developer's, or whoever else's word decides: a card, a licence, an announcement."""
    SECONDARY = "secondary"
    """Somebody's report of it."""
    UNVERIFIED = "unverified"
    """Nobody's that could be named: read it as hearsay."""


class Source(msgspec.Struct, frozen=True):
    """Where a statement stands."""

    title: str
    publisher: str
    url: str | None = None


class DatedFact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, as exact as its source is."""

    when: str
    """A day, a month or a year."""
    says: str
    opens: str | None = None
    """The stage of the release file whose opening this is."""
    closes: str | None = None
    access: AccessLevel | None = None
    """At what level it opened."""
    chosen: str | None = None
    """Why the release file names the day it does, where the source names none."""
    source: str
    """Name of a source, or `unverified`."""
    grade: Grade
    dispute: str | None = None
    """What others say instead."""

    @property
    def edge(self) -> str | None:
        """Which date of the release file it backs, such as `waitlist opens (limited)`."""
        if self.opens:
            return f"{self.opens} opens ({self.access})"
        return f"{self.closes} closes" if self.closes else None

    @property
    def told(self) -> str:
        """What it says, and why the day is the one it is where that was chosen."""
        return f"{self.says} Day: {self.chosen}." if self.chosen else self.says


class Label(msgspec.Struct, frozen=True):
    """What somebody else calls the release as a whole."""

    label: str
    says: str
    source: str


class Shortfall(msgspec.Struct, frozen=True):
    """Something of the history that nothing here enforces, and what stands in the release file instead."""

    what: str
    nearest: str


class History(msgspec.Struct, frozen=True, kw_only=True):
    """All that is told of one preset."""

    system: str
    developer: str
    sources: Mapping[str, Source]
    facts: tuple[DatedFact, ...]
    labels_elsewhere: tuple[Label, ...]
    not_expressed: tuple[Shortfall, ...]


def unbacked(strategy: Strategy, history: History) -> list[str]:
    """What a release file says of dates and levels and no fact backs, and facts about stages it does not have."""
    missing = []
    opened = {fact.opens: fact for fact in history.facts if fact.opens}
    closed = {fact.closes: fact for fact in history.facts if fact.closes}
    for stage in strategy.stages:
        fact = opened.pop(stage.name, None)
        if fact is None or not _covers(fact, stage.opens):
            missing.append(f"no fact says that `{stage.name}` opened at {text_from(stage.opens)}")
        elif fact.access is not stage.access:
            missing.append(f"no fact says that `{stage.name}` was {stage.access}")
        fact = closed.pop(stage.name, None)
        if stage.closes != NEVER and (fact is None or not _covers(fact, stage.closes)):
            missing.append(f"no fact says that `{stage.name}` closed at {text_from(stage.closes)}")
        elif stage.closes == NEVER and fact is not None:
            missing.append(f"a fact says that `{stage.name}` closed, and the release file does not")
    return missing + [f"a fact is about `{name}`, and there is no such stage" for name in (*opened, *closed)]


def _covers(fact: DatedFact, instant: Instant) -> bool:
    return text_from(instant).startswith(fact.when)
