"""`/control/releases/…/lines`: organisations in line for stages that admit only so many."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.params import QueryParameter

from gateway.access.places.records import Listed
from gateway.control.areas import Areas, InAreas
from gateway.control.guards import open_to
from gateway.control.wire import DocumentInPath, Limit, PartInPath, shown, when
from gateway.errors import NotFound
from gateway.identity.callers import OVERSIGHT
from gateway.releases.strategies import Stage

NUMBER_MAX = 2**53 - 1
AfterNumber = Annotated[int, QueryParameter(ge=0, le=NUMBER_MAX, description="`next` of the page before.")]


class ShownLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line, and how many stages admit from it."""

    line: str
    """As the stage that began it is called."""
    caps: dict[str, int]
    """How many organisations each stage admits from it, by the stage's name."""
    standing: int
    """How many organisations stand in it."""


class Lines(msgspec.Struct, frozen=True):
    """Every line of a release."""

    lines: list[ShownLine]


class ShownPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One organisation in a line."""

    id: str
    number: int
    """In the order in which they asked; never given twice."""
    organisation: str
    stands_at: int | None
    """Where in the line it stands now, counted from 1; null where its place was freed."""
    admitted_to: list[str]
    """Stages that admit so many of the line."""
    asked_at: datetime
    asked_by: str
    freed_at: datetime | None
    freed_by: str | None
    freed_cause: str | None


class PlacePage(msgspec.Struct, frozen=True):
    """Some places of a line, in the order in which they were asked for."""

    places: list[ShownPlace]
    next: int | None
    """Where the next page begins; null on the last."""


class LinesOfReleases(Controller):
    """Lines: organisations in the order in which they asked for a stage that admits only so many."""

    path = "/releases/{namespace:str}/{name:str}/lines"
    tags = ("releases",)

    @get("/", **open_to(*OVERSIGHT))
    async def index(self, namespace: PartInPath, name: PartInPath, areas: InAreas) -> Lines:
        """Every line of the version in force, and how many stand in it."""
        release = f"{namespace}/{name}"
        stages, counts = _capped(areas, release), await areas.places.counts(release)
        names = dict.fromkeys(stage.line for stage in stages)
        return Lines([ShownLine(line=line, caps=_caps(stages, line), standing=counts.get(line, 0)) for line in names])

    @get("/{line:str}/places", **open_to(*OVERSIGHT))
    async def places(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        line: DocumentInPath,
        areas: InAreas,
        after: AfterNumber = 0,
        limit: Limit = 100,
    ) -> PlacePage:
        """Who stands in a line, and who did: first those who asked first."""
        release = f"{namespace}/{name}"
        caps = _caps(_capped(areas, release), line)
        found = await areas.places.listed(release, line, after=after, limit=limit)
        last = found[-1].place.number if len(found) == limit else None
        return PlacePage([_shown(each, caps) for each in found], last)


def _capped(areas: Areas, release: str) -> list[Stage]:
    """Stages of the version in force that admit only so many. Raises NotFound."""
    in_force = areas.current.snapshot.releases.get(release)
    if in_force is None:
        raise NotFound(f"There is no release `{release}`.", next_step="See `gateway release list`.")
    return [stage for stage in in_force.strategy.stages if stage.cap is not None]


def _caps(stages: list[Stage], line: str) -> dict[str, int]:
    return {stage.name: stage.cap.organisations for stage in stages if stage.cap is not None and stage.line == line}


def _shown(listed: Listed, caps: dict[str, int]) -> ShownPlace:
    place, stands_at = listed.place, listed.stands_at
    return ShownPlace(
        id=place.id,
        number=place.number,
        organisation=place.organisation,
        stands_at=stands_at,
        admitted_to=[stage for stage, cap in caps.items() if stands_at is not None and stands_at <= cap],
        asked_at=shown(place.asked_at),
        asked_by=place.asked_by,
        freed_at=when(place.freed_at),
        freed_by=place.freed_by,
        freed_cause=place.freed_cause,
    )
