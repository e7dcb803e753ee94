"""`/control/releases/{namespace}/{name}/timeline`: the stages on one axis of time, as values and as a picture."""

from datetime import datetime

import msgspec
from litestar import Controller, Response, get

from gateway.clock import Moment
from gateway.control.areas import Areas, InAreas, Now
from gateway.control.drawings import svg
from gateway.control.guards import open_to
from gateway.control.instants import version_at
from gateway.control.wire import PartInPath, WhenFilter, shown, when
from gateway.identity.callers import OVERSIGHT
from gateway.releases.timelines import Bar, Timeline, layout

SVG = "image/svg+xml"
_ALONE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}
"""A picture opened by itself is a document: it may run and fetch nothing."""


class ShownBar(msgspec.Struct, frozen=True, kw_only=True):
    """One stage, between two positions on the axis."""

    name: str
    access: str
    audiences: list[str]
    state: str
    """past, open or to come."""
    opens: datetime
    ends: datetime | None
    """Where it closes or the next takes its place; null where neither."""
    start: float
    end: float
    irreversible: bool


class ShownTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """Positions are between 0 and 1."""

    release: str
    as_of: datetime
    stage: str | None
    """Open as of then."""
    now: float
    to_scale: bool
    """Whether equal lengths are equal times; else long spans are drawn shorter, in order."""
    bars: list[ShownBar]


class Timelines(Controller):
    """The stages of a release as they follow one another."""

    path = "/releases/{namespace:str}/{name:str}"
    tags = ("releases",)

    @get("/timeline", **open_to(*OVERSIGHT))
    async def show(
        self, *, namespace: PartInPath, name: PartInPath, areas: InAreas, moment: Now, at: WhenFilter = None
    ) -> ShownTimeline:
        """Every stage as a bar, and where now is, or the instant asked about."""
        return _shown(await _timeline(areas, f"{namespace}/{name}", at, moment))

    @get("/timeline.svg", media_type=SVG, **open_to(*OVERSIGHT))
    async def picture(
        self, *, namespace: PartInPath, name: PartInPath, areas: InAreas, moment: Now, at: WhenFilter = None
    ) -> Response[str]:
        """The same as a picture."""
        timeline = await _timeline(areas, f"{namespace}/{name}", at, moment)
        return Response(svg(timeline), media_type=SVG, headers=_ALONE)


async def _timeline(areas: Areas, release: str, at: str | None, now: Moment) -> Timeline:
    version, moment = await version_at(areas, release, at, now)
    return layout(version.strategy, moment)


def _shown(timeline: Timeline) -> ShownTimeline:
    return ShownTimeline(
        release=timeline.release,
        as_of=shown(timeline.as_of),
        stage=timeline.stage,
        now=timeline.now,
        to_scale=timeline.to_scale,
        bars=[_bar(bar) for bar in timeline.bars],
    )


def _bar(bar: Bar) -> ShownBar:
    return ShownBar(
        name=bar.name,
        access=bar.access,
        audiences=list(bar.audiences),
        state=bar.state,
        opens=shown(bar.opens),
        ends=when(bar.ends),
        start=bar.start,
        end=bar.end,
        irreversible=bar.irreversible,
    )
