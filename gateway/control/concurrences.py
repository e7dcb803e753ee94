"""`/control/concurrences`: authorities outside that agree to one organisation's use of a release."""

from datetime import datetime

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody

from gateway.access.admissions import new_id
from gateway.access.concurrences.records import OwnConcurrence
from gateway.clock import Moment
from gateway.control.areas import Areas, Asking, By, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.wire import (
    After,
    Body,
    Cause,
    Limit,
    Line,
    OrganisationFilter,
    OrganisationId,
    RecordInPath,
    ReleaseFilter,
    ReleaseName,
    When,
    instant_in,
    shown,
    when,
)
from gateway.errors import Invalid, NotFound
from gateway.identity.callers import OVERSIGHT, Role


class NewOwnConcurrence(Body, frozen=True):
    """Which authority agrees to what, where that can be looked up, and until when."""

    organisation: OrganisationId
    release: ReleaseName
    authority: Line
    """As the stage's `concurrence` names it."""
    reference: Line
    """A letter, a ticket."""
    expires_at: When


class ShownOwnConcurrence(msgspec.Struct, frozen=True, kw_only=True):
    """A concurrence as it stands."""

    id: str
    organisation: str
    release: str
    state: str
    """standing, expired or withdrawn."""
    authority: str
    reference: str
    expires_at: datetime
    given_at: datetime
    given_by: str
    withdrawn_at: datetime | None
    withdrawn_cause: str | None


class GivenOwnConcurrence(ShownOwnConcurrence, frozen=True, kw_only=True):
    """A concurrence that was just recorded, and what may not be meant by it."""

    warnings: list[str]


class OwnConcurrencePage(msgspec.Struct, frozen=True):
    """Some concurrences, in order of id."""

    concurrences: list[ShownOwnConcurrence]
    next: str | None
    """Where the next page begins; null on the last."""


class OwnConcurrences(Controller):
    """Concurrences with single organisations: what stages with the condition `concurrence` ask for."""

    path = "/concurrences"
    tags = ("grants",)

    @get("/", **open_to(*OVERSIGHT))
    async def index(
        self,
        *,
        areas: InAreas,
        moment: Now,
        organisation: OrganisationFilter = None,
        release: ReleaseFilter = None,
        after: After = None,
        limit: Limit = 100,
    ) -> OwnConcurrencePage:
        """Concurrences by organisation and release, those that have ended too."""
        found = await areas.concurrences.concurrences(
            organisation=organisation or "", release=release or "", after=after or "", limit=limit
        )
        return OwnConcurrencePage(
            [_shown(each, moment) for each in found], found[-1].id if len(found) == limit else None
        )

    @post("/", **open_to(Role.PROVIDER, Role.APPROVER))
    async def give(
        self, *, data: JSONBody[NewOwnConcurrence], areas: InAreas, caller: Asking, actor: By, moment: Now
    ) -> GivenOwnConcurrence:
        """Record that an authority agrees to one organisation's use of a release, until an instant."""
        try:
            await areas.directory.organisation(caller, data.organisation)
        except NotFound:
            raise Invalid(f"There is no organisation `{data.organisation}`.", param="organisation") from None
        if data.release not in areas.current.snapshot.releases:
            raise Invalid(
                f"There is no release `{data.release}`.", param="release", next_step="See `gateway release list`."
            )
        expires_at = instant_in(data.expires_at, "expires_at")
        assert expires_at is not None
        concurrence = OwnConcurrence(
            id=new_id("concurrence"),
            organisation=data.organisation,
            release=data.release,
            authority=data.authority,
            reference=data.reference,
            expires_at=expires_at,
            given_at=moment.latest,
            given_by=actor.key,
        )
        given = msgspec.structs.asdict(_shown(await areas.concurrences.give(actor, concurrence, moment), moment))
        return GivenOwnConcurrence(**given, warnings=_warnings(areas, data.release, data.authority))

    @post("/{concurrence:str}/withdraw", status_code=200, **open_to(Role.PROVIDER, Role.APPROVER))
    async def withdraw(
        self, concurrence: RecordInPath, data: JSONBody[Cause], areas: InAreas, actor: By, moment: Now
    ) -> ShownOwnConcurrence:
        """End a concurrence at once; calls that it admitted are cut within a second."""
        return _shown(await areas.concurrences.withdraw(actor, concurrence, data.cause, moment), moment)


def _warnings(areas: Areas, release: str, authority: str) -> list[str]:
    stages = areas.current.snapshot.releases[release].strategy.stages
    asked = sorted({stage.conditions.concurrence for stage in stages} - {""})
    if authority in asked:
        return []
    named = f"they ask {', '.join(asked)}" if asked else "they ask none"
    return [f"No stage of `{release}` asks {authority} about organisations ({named}): this one changes nothing."]


def _shown(concurrence: OwnConcurrence, moment: Moment) -> ShownOwnConcurrence:
    return ShownOwnConcurrence(
        id=concurrence.id,
        organisation=concurrence.organisation,
        release=concurrence.release,
        state=concurrence.state(moment),
        authority=concurrence.authority,
        reference=concurrence.reference,
        expires_at=shown(concurrence.expires_at),
        given_at=shown(concurrence.given_at),
        given_by=concurrence.given_by,
        withdrawn_at=when(concurrence.withdrawn_at),
        withdrawn_cause=concurrence.withdrawn_cause,
    )
