"""Statistics of specialised access: how many organisations of each sector hold a grant, by what, and how soon.

The Foundation Model Transparency Index (December 2025) asks for counts across sectors to one
significant figure, for the criteria, and for the usual time to a decision. Small cells are
suppressed, and so is a total from which one could be worked out.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from gateway.clock import DAY, Moment
from gateway.releases.as_written import audience_line
from gateway.releases.audiences import wants_grant
from gateway.releases.forms import RequestForm
from gateway.releases.reports.documents import (
    NOT_STATED,
    Kind,
    Report,
    Section,
    Statement,
    Table,
    not_stated,
    report_on,
    stated,
)
from gateway.releases.strategies import Strategy
from gateway.releases.versions import StrategyVersion
from gateway.spelling import counted

SECTORS = ("academia", "industry", "non-profit", "government")
OTHER, UNKNOWN = "other", "unknown"
SMALL = 5
"""A count below this could point at somebody."""

Sector = str | int | bool | tuple[str, ...] | None


class DecisionTimes(msgspec.Struct, frozen=True):
    """How long it took from a request to a yes or a no, in microseconds."""

    decisions: int
    half: int
    """Half of them took no longer."""
    most: int
    """Nine in ten took no longer."""


def specialised_access(
    version: StrategyVersion,
    sectors: Iterable[tuple[Sector, int]],
    moment: Moment,
    times: DecisionTimes | None = None,
) -> Report:
    """The statistics; `sectors` has what is asserted of organisations that hold a grant, or None, and of how many."""
    counts = Counter[str]()
    for asserted, organisations in sectors:
        counts[sector_of(asserted)] += organisations
    cells = {name: told(counts[name]) for name in (*SECTORS, OTHER, UNKNOWN)}
    hidden = any(0 < count < SMALL for count in counts.values())
    total = "not given: a suppressed count could be worked out from it" if hidden else told(counts.total())
    sections = (
        Section(
            title="Organisations that hold a grant",
            statements=(Statement("In all", total),),
            table=Table(("sector", "organisations"), tuple(cells.items())),
            note=f"To one significant figure; a count from 1 to {SMALL - 1} is given as fewer than {SMALL}. The sector"
            " is what is asserted of the organisation as its attribute sector; where nothing is, it is unknown.",
        ),
        Section(
            title="How access is given",
            statements=(
                stated("Criteria", "; ".join(_criteria(version.strategy))),
                *_asked(version.strategy.requests),
                _usual_time(times),
            ),
            note="Criteria are what the gateway holds to; by what else reviewers decide, no release file says.",
        ),
    )
    return report_on(version, moment, Kind.SPECIALISED_ACCESS, "Specialised access statistics", sections)


def sector_of(asserted: Sector) -> str:
    """The cell an organisation is counted in. One of several sectors is counted once, as other."""
    if asserted is None:
        return UNKNOWN
    named = asserted if isinstance(asserted, tuple) else (asserted,)
    (first, *more) = named or (UNKNOWN,)
    return str(first) if not more and first in (*SECTORS, UNKNOWN) else OTHER


def _criteria(strategy: Strategy) -> list[str]:
    """What each audience that wants a grant asks, in the words of a release file."""
    named = {name for stage in strategy.stages for name in stage.to}
    return [
        f"{name}: {audience_line(audience)}"
        for name, audience in sorted(strategy.audiences.items())
        if name in named and wants_grant(audience)
    ]


def _asked(form: RequestForm | None) -> tuple[Statement, ...]:
    """What the form asks, who decides, and how soon that is to be."""
    names = ("What is asked", "Who decides", "Time in which a review is due")
    if form is None:
        return tuple(map(not_stated, names))
    decides = f"{'two people' if form.second_approval else 'one person'} with the role {' or '.join(form.reviewers)}"
    concurs = f", and {form.concurrence}" if form.concurrence else ""
    asks = "; ".join(field.question for field in form.fields)
    said = (asks, f"{decides}{concurs}", counted(form.review_within_days, "day"))
    return tuple(map(Statement, names, said))


def _usual_time(times: DecisionTimes | None) -> Statement:
    name = "Usual time from request to decision"
    if times is None:
        return not_stated(name)
    if times.decisions < SMALL:
        return Statement(name, f"{NOT_STATED}: fewer than {SMALL} requests were decided", stated=False)
    half, most = (counted(max(1, -(-time // DAY)), "day") for time in (times.half, times.most))
    return Statement(name, f"half within {half}, nine in ten within {most}; {told(times.decisions)} were decided")


def told(count: int) -> str:
    """To one significant figure, halves upwards, and nothing that is small."""
    if 0 < count < SMALL:
        return f"fewer than {SMALL}"
    unit = 10 ** (len(str(count)) - 1)
    return str((count + unit // 2) // unit * unit)
