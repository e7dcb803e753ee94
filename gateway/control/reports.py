"""`/control/releases/{namespace}/{name}/reports`: reports made from the plan and the record, as of any instant."""

from typing import Annotated

from litestar import Controller, get
from litestar.params import PathParameter

from gateway.access.store import organisations_admitted
from gateway.clock import Instant, Moment
from gateway.control.areas import Areas, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.instants import narrowed_at, version_at
from gateway.control.wire import PartInPath, WhenFilter
from gateway.identity.callers import OVERSIGHT
from gateway.identity.search import asserted
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
        moment: Now,
        at: WhenFilter = None,
    ) -> Report:
        """One report, by the version that was in force. What neither plan nor record knows is marked."""
        version, asked = await version_at(areas, f"{namespace}/{name}", at, moment)
        opened = version.strategy.opened(await areas.openings.recorded(version.strategy.release))
        recorded = Recorded(
            opened={stage: instant for stage, instant in opened.items() if instant <= asked.latest},
            narrowings=await narrowed_at(areas, version.strategy.release, at, asked),
        )
        match Kind(kind):
            case Kind.SB53:
                return transparency(version, asked, recorded)
            case Kind.DECISION_RECORD:
                until = None if at is None else asked.latest + 1
                entries, whole = await _deciding(areas, version.strategy.release, until)
                return decision_record(version, entries, asked, recorded, whole=whole)
            case Kind.SPECIALISED_ACCESS:
                return await _specialised(areas, version, asked)


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


async def _specialised(areas: Areas, version: StrategyVersion, moment: Moment) -> Report:
    release = version.strategy.release
    admitted = await areas.database.read(lambda c: organisations_admitted(c, release, moment.latest))
    sectors = await areas.database.read(lambda c: asserted(c, "sector", admitted, moment))
    values = (sectors[organisation].value if organisation in sectors else None for organisation in admitted)
    return specialised_access(version, values, moment)
