"""`/control/grants`: admitting organisations to limited releases, and ending that."""

from datetime import datetime

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody

from gateway.access.admissions import new_id
from gateway.access.grants import Grant
from gateway.clock import DAY, Moment
from gateway.control.areas import Areas, Asking, By, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.known import those_known
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
from gateway.errors import Conflict, Invalid, NotFound
from gateway.identity.callers import OVERSIGHT, Caller, Role
from gateway.releases.audiences import PUBLIC, wants_grant
from gateway.releases.narrowings import TO_A_STAGE, Verb

LASTS_DEFAULT = 90 * DAY


class NewGrant(Body, frozen=True):
    """Whom to admit to what, on whose word, until when."""

    organisation: OrganisationId
    release: ReleaseName
    authority: Line
    """A contract, a ticket, a concurrence."""
    starts_at: When | None = None
    """Now, where it is left out."""
    ends_at: When | None = None
    """Where it is left out, as long after the start as the release's form says, 90 days without one; 366 at most."""


class Recertification(Body, frozen=True):
    """On whose word a grant goes on. Kept in the ledger."""

    authority: Line


class ShownGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A grant as it stands."""

    id: str
    organisation: str
    release: str
    active: bool
    state: str
    """to come, active, paused, recertification_due, expired, superseded or revoked."""
    authority: str
    given_at: datetime
    given_by: str
    starts_at: datetime
    ends_at: datetime
    revoked_at: datetime | None
    revoked_cause: str | None
    request: str | None
    """The request that it was given for; null where nobody asked."""
    terms: dict[str, str]
    """Digests of the release's texts when it was given, where it was asked for."""
    paused_at: datetime | None
    paused_cause: str | None
    superseded_by: str | None
    recertify_by: datetime | None
    """From when it admits nobody until somebody has looked at it again; null: it need not be."""
    to_be_recertified: bool
    """Whether that is due within 14 days, or overdue."""


class GivenGrant(ShownGrant, frozen=True, kw_only=True):
    """A grant that was just given, and what may not be meant by it."""

    warnings: list[str]


class RevokedGrant(ShownGrant, frozen=True, kw_only=True):
    """A grant that was just revoked, and whether that shut the organisation out."""

    still_admitted_by: list[str]
    """Ids of other grants that admit the organisation to the release all the same."""


class GrantPage(msgspec.Struct, frozen=True):
    """Some grants, in order of id."""

    grants: list[ShownGrant]
    next: str | None
    """Where the next page begins; null on the last."""


class Grants(Controller):
    """Grants: one organisation's admission to a limited release."""

    path = "/grants"
    tags = ("grants",)

    @get("/", **open_to(*OVERSIGHT, Role.DEVELOPER))
    async def index(
        self,
        *,
        areas: InAreas,
        caller: Asking,
        moment: Now,
        organisation: OrganisationFilter = None,
        release: ReleaseFilter = None,
        after: After = None,
        limit: Limit = 100,
    ) -> GrantPage:
        """Grants by organisation and release. A developer sees those of its own organisation."""
        if not caller.has(*OVERSIGHT):
            if organisation not in {None, caller.organisation}:
                return GrantPage([], None)
            organisation = caller.organisation
        grants = await areas.admissions.grants(
            organisation=organisation or "", release=release or "", after=after or "", limit=limit
        )
        known = await those_known(areas, caller, grants, lambda grant: grant.release)
        return GrantPage([_shown(grant, moment) for grant in known], grants[-1].id if len(grants) == limit else None)

    @post("/", **open_to(Role.PROVIDER))
    async def give(
        self, data: JSONBody[NewGrant], areas: InAreas, caller: Asking, actor: By, moment: Now
    ) -> GivenGrant:
        """Admit an organisation to a limited release, from now or later, for a time."""
        await _check_both_exist(data, areas, caller)
        starts_at = instant_in(data.starts_at, "starts_at")
        # What starts now must start surely, or the next call would find it not begun.
        starts_at = moment.earliest if starts_at is None else starts_at
        ends_at = instant_in(data.ends_at, "ends_at")
        grant = Grant(
            id=new_id("grant"),
            organisation=data.organisation,
            release=data.release,
            given_at=moment.latest,
            given_by=actor.key,
            authority=data.authority,
            starts_at=starts_at,
            ends_at=starts_at + _lasts(areas, data.release) if ends_at is None else ends_at,
        )
        if grant.ends_at <= moment.latest:
            raise Invalid("The grant would have ended already.", param="ends_at", next_step="Give a later end.")
        given = msgspec.structs.asdict(_shown(await areas.admissions.give(actor, grant), moment))
        return GivenGrant(**given, warnings=_warnings(areas, data.release, moment))

    @post("/{grant:str}/revoke", status_code=200, **open_to(Role.PROVIDER))
    async def revoke(
        self, grant: RecordInPath, data: JSONBody[Cause], areas: InAreas, actor: By, moment: Now
    ) -> RevokedGrant:
        """End a grant at once; calls that no other one admits are cut within a second."""
        revoked = await areas.admissions.revoke(actor, grant, data.cause, moment.latest)
        holdings = await areas.admissions.holdings(revoked.organisation)
        others = [other.id for other in holdings.grants.get(revoked.release, ()) if other.is_active(moment)]
        shown = msgspec.structs.asdict(_shown(revoked, moment))
        return RevokedGrant(**shown, still_admitted_by=sorted(others))

    @post("/{grant:str}/pause", status_code=200, **open_to(Role.PROVIDER))
    async def pause(
        self, grant: RecordInPath, data: JSONBody[Cause], areas: InAreas, actor: By, moment: Now
    ) -> ShownGrant:
        """Let a grant admit nobody until it is resumed; calls that no other one admits are cut within a second."""
        return _shown(await areas.admissions.pause(actor, grant, data.cause, moment), moment)

    @post("/{grant:str}/resume", status_code=200, **open_to(Role.PROVIDER))
    async def resume(self, grant: RecordInPath, areas: InAreas, actor: By, moment: Now) -> ShownGrant:
        """Let a paused grant admit again, for what is left of its time."""
        return _shown(await areas.admissions.resume(actor, grant, moment), moment)

    @post("/{grant:str}/recertify", status_code=200, **open_to(Role.PROVIDER, Role.APPROVER))
    async def recertify(
        self, grant: RecordInPath, data: JSONBody[Recertification], areas: InAreas, actor: By, moment: Now
    ) -> ShownGrant:
        """Say that somebody has looked at a grant again and that it goes on."""
        return _shown(await areas.admissions.recertify(actor, grant, data.authority, moment), moment)


def _lasts(areas: Areas, release: str) -> int:
    """How long a grant lasts of which no end is said, in microseconds."""
    form = areas.current.snapshot.releases[release].strategy.requests
    return LASTS_DEFAULT if form is None else form.grant_days * DAY


async def _check_both_exist(data: NewGrant, areas: Areas, caller: Caller) -> None:
    """Raise Invalid unless organisation and release are known, Conflict for a disabled one: it would admit nobody."""
    try:
        organisation = await areas.directory.organisation(caller, data.organisation)
    except NotFound:
        raise Invalid(
            f"There is no organisation `{data.organisation}`.",
            param="organisation",
            next_step="Create it first: `gateway organisation create`.",
        ) from None
    if organisation.disabled_at is not None:
        raise Conflict(
            f"The organisation `{data.organisation}` is disabled: a grant would admit nobody.",
            next_step="See why: `gateway organisation show`. Give the grant to an organisation that is enabled.",
        )
    if data.release not in areas.current.snapshot.releases:
        raise Invalid(
            f"There is no release `{data.release}`.", param="release", next_step="See `gateway release list`."
        )


def _warnings(areas: Areas, release: str, moment: Moment) -> list[str]:
    in_force = areas.current.snapshot.releases.get(release)
    if in_force is None:
        return []
    if not any(
        name != PUBLIC and wants_grant(in_force.strategy.audiences[name])
        for stage in in_force.strategy.stages
        for name in stage.to
    ):
        return [f"No stage of `{release}` asks for a grant: this one changes nothing."]
    return [
        f"`{release}` is {'held' if each.narrowing.verb is Verb.HOLD else 'rolled back'} ({each.narrowing.id}): while"
        " it is, nobody of those in its scope is admitted anew, by this grant neither."
        for each in in_force.narrowings
        if each.narrowing.verb in TO_A_STAGE and not each.is_over(moment)
    ]


def _shown(grant: Grant, moment: Moment) -> ShownGrant:
    return ShownGrant(
        id=grant.id,
        organisation=grant.organisation,
        release=grant.release,
        active=grant.is_active(moment),
        state=grant.state(moment),
        authority=grant.authority,
        given_at=shown(grant.given_at),
        given_by=grant.given_by,
        starts_at=shown(grant.starts_at),
        ends_at=shown(grant.ends_at),
        revoked_at=when(grant.revoked_at),
        revoked_cause=grant.revoked_cause,
        request=grant.request or None,
        terms=msgspec.json.decode(grant.terms),
        paused_at=when(grant.paused_at),
        paused_cause=grant.paused_cause or None,
        superseded_by=grant.superseded_by or None,
        recertify_by=when(grant.recertify_by),
        to_be_recertified=grant.is_to_be_recertified(moment),
    )
