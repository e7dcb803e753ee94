"""`/control/releases/{namespace}/{name}/timeline`: the stages on one axis of time, as values and as a picture."""

from datetime import datetime

import msgspec
from litestar import Controller, Response, get

from gateway.control.areas import Areas, InAreas
from gateway.control.drawings import svg
from gateway.control.guards import open_to
from gateway.control.instants import stood_at
from gateway.control.wire import PartInPath, WhenFilter, shown, when
from gateway.identity.callers import OVERSIGHT
from gateway.releases.timelines import Bar, Narrowed, Timeline, layout

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
    share: int | None
    """The percentage of organisations that it reaches; null for all whom its audiences name."""
    state: str
    """past, open, to come, waiting or missed; or, of the stage in force, what was done to it: suspended, held …"""
    opens: datetime
    """When it opened or will; where it waits, its date."""
    waits: bool
    """Whether it opens when requirements hold, its own or those of a stage before: not before `opens`."""
    ends: datetime | None
    """Where it closes or the next takes its place; null where neither."""
    ends_later: bool
    """Whether the next one waits: it ends not before `ends`."""
    start: float
    end: float
    irreversible: bool


class ShownNarrowed(msgspec.Struct, frozen=True, kw_only=True):
    """One narrowing in force, between two positions on the axis."""

    id: str
    done: str
    """Such as suspended."""
    scope: str
    """Empty for everybody."""
    since: datetime
    until: datetime | None
    """null until it is restored."""
    told: str
    """All of it in one line."""
    start: float
    end: float


class ShownTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """Positions are between 0 and 1."""

    release: str
    as_of: datetime
    stage: str | None
    """Open as of then, by its dates and requirements."""
    stands: str
    """The same in words, with what narrowings leave of it."""
    now: float
    to_scale: bool
    """Whether equal lengths are equal times; else long spans are drawn shorter, in order."""
    bars: list[ShownBar]
    narrowings: list[ShownNarrowed]


class Timelines(Controller):
    """The stages of a release as they follow one another."""

    path = "/releases/{namespace:str}/{name:str}"
    tags = ("releases",)

    @get("/timeline", **open_to(*OVERSIGHT))
    async def show(
        self, *, namespace: PartInPath, name: PartInPath, areas: InAreas, at: WhenFilter = None
    ) -> ShownTimeline:
        """Every stage as a bar, and where now is, or the instant asked about."""
        return _shown(await _timeline(areas, f"{namespace}/{name}", at))

    @get("/timeline.svg", media_type=SVG, **open_to(*OVERSIGHT))
    async def picture(
        self, *, namespace: PartInPath, name: PartInPath, areas: InAreas, at: WhenFilter = None
    ) -> Response[str]:
        """The same as a picture."""
        timeline = await _timeline(areas, f"{namespace}/{name}", at)
        return Response(svg(timeline), media_type=SVG, headers=_ALONE)


async def _timeline(areas: Areas, release: str, at: str | None) -> Timeline:
    found = await stood_at(areas, release, at)
    return layout(found.version.strategy, found.asked.moment, found.openings, found.narrowings)


def _shown(timeline: Timeline) -> ShownTimeline:
    return ShownTimeline(
        release=timeline.release,
        as_of=shown(timeline.as_of),
        stage=timeline.stage,
        stands=timeline.stands,
        now=timeline.now,
        to_scale=timeline.to_scale,
        bars=[_bar(bar) for bar in timeline.bars],
        narrowings=[_narrowed(each) for each in timeline.narrowings],
    )


def _bar(bar: Bar) -> ShownBar:
    return ShownBar(
        name=bar.name,
        access=bar.access,
        audiences=list(bar.audiences),
        share=bar.share,
        state=bar.state,
        opens=shown(bar.opens),
        waits=bar.waits,
        ends=when(bar.ends),
        ends_later=bar.ends_later,
        start=bar.start,
        end=bar.end,
        irreversible=bar.irreversible,
    )


def _narrowed(each: Narrowed) -> ShownNarrowed:
    return ShownNarrowed(
        id=each.id,
        done=each.done,
        scope=each.scope,
        since=shown(each.since),
        until=when(each.until),
        told=each.told,
        start=each.start,
        end=each.end,
    )
