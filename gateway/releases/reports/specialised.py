"""Statistics of specialised access: how many organisations of each sector hold a grant.

The Foundation Model Transparency Index (December 2025) asks for counts across sectors to one
significant figure. Small cells are suppressed, and so is a total from which one could be worked out.
"""

from collections import Counter
from collections.abc import Iterable

from gateway.clock import Moment
from gateway.releases.reports.documents import Kind, Report, Section, Statement, Table, not_stated, report_on
from gateway.releases.versions import StrategyVersion

SECTORS = ("academia", "industry", "non-profit", "government")
OTHER, UNKNOWN = "other", "unknown"
SMALL = 5
"""A count below this could point at somebody."""

Sector = str | int | bool | tuple[str, ...] | None


def specialised_access(version: StrategyVersion, sectors: Iterable[tuple[Sector, int]], moment: Moment) -> Report:
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
            statements=(not_stated("Criteria"), not_stated("Usual time from request to decision")),
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


def told(count: int) -> str:
    """To one significant figure, halves upwards, and nothing that is small."""
    if 0 < count < SMALL:
        return f"fewer than {SMALL}"
    unit = 10 ** (len(str(count)) - 1)
    return str((count + unit // 2) // unit * unit)
