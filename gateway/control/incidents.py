"""`/control/incidents`: what went wrong with a release, opened and closed. An open one keeps stages shut."""

from datetime import datetime

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody

from gateway.control.areas import By, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.wire import After, Body, Cause, Limit, Line, RecordInPath, ReleaseFilter, ReleaseName, shown, when
from gateway.identity.callers import OVERSIGHT, Role
from gateway.releases.evidence.records import Incident


class NewIncident(Body, frozen=True):
    """What went wrong, with which release."""

    release: ReleaseName
    summary: Line


class ShownIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as it stands."""

    id: str
    release: str
    summary: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_cause: str | None


class IncidentPage(msgspec.Struct, frozen=True):
    """Some incidents, in order of id."""

    incidents: list[ShownIncident]
    next: str | None
    """Where the next page begins; null on the last."""


class IncidentsOfReleases(Controller):
    """Incidents: while one is open, a stage that requires to be free of them stays shut."""

    path = "/incidents"
    tags = ("incidents",)

    @get("/", **open_to(*OVERSIGHT))
    async def index(
        self, areas: InAreas, release: ReleaseFilter = None, after: After = None, limit: Limit = 100
    ) -> IncidentPage:
        """Incidents by release, those that are closed too."""
        found = await areas.incidents.incidents(release=release or "", after=after or "", limit=limit)
        return IncidentPage([_shown(each) for each in found], found[-1].id if len(found) == limit else None)

    @post("/", **open_to(Role.PROVIDER, Role.ANALYST))
    async def open(self, data: JSONBody[NewIncident], areas: InAreas, actor: By, moment: Now) -> ShownIncident:
        """Record that something went wrong with a release."""
        return _shown(await areas.incidents.open(actor, data.release, data.summary, moment))

    @post("/{incident:str}/close", status_code=200, **open_to(Role.PROVIDER, Role.ANALYST))
    async def close(
        self, incident: RecordInPath, data: JSONBody[Cause], areas: InAreas, actor: By, moment: Now
    ) -> ShownIncident:
        """Record that an incident is over, and why."""
        return _shown(await areas.incidents.close(actor, incident, data.cause, moment))


def _shown(incident: Incident) -> ShownIncident:
    return ShownIncident(
        id=incident.id,
        release=incident.release,
        summary=incident.summary,
        opened_at=shown(incident.opened_at),
        opened_by=incident.opened_by,
        closed_at=when(incident.closed_at),
        closed_cause=incident.closed_cause,
    )
