"""What every report is made of: sections with statements and tables. Its JSON is this structure itself."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from gateway.clock import Instant, Moment, text_from
from gateway.releases import narrowed
from gateway.releases.narrowings import InEffect
from gateway.releases.strategies import NOTHING_OPENED
from gateway.releases.versions import StrategyVersion

NOT_STATED = "not stated"


class Kind(StrEnum):
    """The reports there are."""

    SB53 = "sb53"
    DECISION_RECORD = "decision-record"
    SPECIALISED_ACCESS = "specialised-access"


class Statement(msgspec.Struct, frozen=True):
    """One thing that a report must say, and what is known of it."""

    name: str
    says: str
    stated: bool = True


class Table(msgspec.Struct, frozen=True):
    """Rows under a header."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a report."""

    title: str
    statements: tuple[Statement, ...] = ()
    table: Table | None = None
    note: str = ""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is made from, beside the version: what had become of it by the instant it is about."""

    opened: Mapping[str, Instant] = NOTHING_OPENED
    """When stages that have requirements were opened, by name."""
    narrowings: tuple[InEffect, ...] = ()


NOTHING_RECORDED = Recorded()
"""Where nothing was recorded: no stage that has requirements has opened, and nothing narrows."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One report about one release at one instant."""

    kind: Kind
    title: str
    release: str
    number: int
    """Of the strategy version it was made from."""
    digest: str
    as_of: str
    sections: tuple[Section, ...]


def stated(name: str, says: str) -> Statement:
    """What is known; where it is nothing, that."""
    return Statement(name, says) if says else not_stated(name)


def not_stated(name: str) -> Statement:
    """What somebody has to write in by hand."""
    return Statement(name, NOT_STATED, stated=False)


def report_on(version: StrategyVersion, moment: Moment, kind: Kind, title: str, sections: Iterable[Section]) -> Report:
    """A report made from a version."""
    return Report(
        kind=kind,
        title=title,
        release=version.strategy.release,
        number=version.number,
        digest=version.digest,
        as_of=text_from(moment.latest),
        sections=tuple(sections),
    )


def narrowings_of(recorded: Recorded, moment: Moment) -> Section:
    """What narrows the release at the instant of a report."""
    lasting = narrowed.standing(recorded.narrowings, moment)
    return Section(
        title="Narrowings in force at this instant",
        statements=tuple(Statement(each.narrowing.id, narrowed.told(each)) for each in lasting),
        note="" if lasting else "Nothing narrows the release.",
    )
