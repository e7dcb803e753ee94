"""`/control/releases/{namespace}/{name}/reports`: reports made from the plan and the record, as of any instant."""

from functools import partial
from typing import Annotated

from litestar import Controller, get
from litestar.params import PathParameter

from gateway.access.census import READ_S
from gateway.access.instants import AsOf
from gateway.access.requests.store import decision_times
from gateway.access.sectors import sectors_admitted
from gateway.clock import Instant
from gateway.control.areas import Areas, InAreas
from gateway.control.guards import open_to
from gateway.control.instants import stood_at
from gateway.control.wire import PartInPath, WhenFilter
from gateway.identity.callers import OVERSIGHT
from gateway.ledger.entries import Entry
from gateway.ledger.search import Query
from gateway.releases.reports.decisions import DECIDING, decision_record
from gateway.releases.reports.documents import Kind, Recorded, Report
from gateway.releases.reports.sb53 import transparency
from gateway.releases.reports.specialised import specialised_access
from gateway.releases.versions import StrategyVersion

ENTRIES_MAX = 500
"""Of one event in a record; more are left to the search of the ledger, and the record says so."""
PAGES_MAX = 10

KindInPath = Annotated[str, PathParameter(pattern=rf"^(?:{'|'.join(Kind)})$(?!\n)", max_length=32)]


class Reports(Controller):
    """Reports about a release."""

    path = "/releases/{namespace:str}/{name:str}/reports"
    tags = ("releases",)

    @get("/{kind:str}", **open_to(*OVERSIGHT))
    async def show(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        kind: KindInPath,
        areas: InAreas,
        at: WhenFilter = None,
    ) -> Report:
        """One report, by the version that was in force. What neither plan nor record knows is marked."""
        found = await stood_at(areas, f"{namespace}/{name}", at)
        version, moment = found.version, found.asked.moment
        recorded = Recorded(opened=found.openings, narrowings=found.narrowings)
        match Kind(kind):
            case Kind.SB53:
                return transparency(version, moment, recorded)
            case Kind.DECISION_RECORD:
                until = None if at is None else moment.latest + 1
                entries, whole = await _deciding(areas, version.strategy.release, until)
                return decision_record(version, entries, moment, recorded, whole=whole)
            case Kind.SPECIALISED_ACCESS:
                return await _specialised(areas, version, found.asked)


async def _deciding(areas: Areas, release: str, until: Instant | None) -> tuple[list[Entry], bool]:
    """Entries before an instant that decided about a release, and whether those are all."""
    found: list[Entry] = []
    whole = True
    for event in DECIDING:
        query = Query(release=release, event=event.value, until=until, limit=ENTRIES_MAX)
        entries, all_of_it = await _pages(areas, query)
        found += entries
        whole = whole and all_of_it
    return found, whole


async def _pages(areas: Areas, query: Query) -> tuple[list[Entry], bool]:
    """A page may have few entries and not be the last: the search does so much at a time."""
    found: list[Entry] = []
    for _ in range(PAGES_MAX):
        page = await areas.search.everywhere(query)
        found += page.entries
        if page.is_last or len(found) >= ENTRIES_MAX:
            return found, page.is_last
        query = Query(
            release=query.release, event=query.event, until=query.until, limit=ENTRIES_MAX, cursor=page.cursor
        )
    return found, False


async def _specialised(areas: Areas, version: StrategyVersion, asked: AsOf) -> Report:
    work = partial(sectors_admitted, release=version.strategy.release, moment=asked.moment, known=asked.known)
    sectors = await areas.database.read(work, deadline_s=READ_S)
    taken = partial(decision_times, release=version.strategy.release, until=asked.moment.latest)
    return specialised_access(version, sectors, asked.moment, await areas.database.read(taken, deadline_s=READ_S))
