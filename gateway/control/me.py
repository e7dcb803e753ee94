"""`/control/me`: who I am, what I may use now and from when, what is missing, and what I have used."""

from datetime import datetime

import msgspec
from litestar import Controller, get

from gateway.access.calls import Call, new_request_id
from gateway.access.passages import Standing
from gateway.access.promises import lacks_terms_alone, promise_of
from gateway.access.quotas import Meter
from gateway.access.reasons import Reason
from gateway.clock import Moment
from gateway.control.areas import Areas, Asking, InAreas, Now
from gateway.control.asked import ShownRequest, shown_request
from gateway.control.guards import EVERYBODY, open_to
from gateway.control.known import those_known
from gateway.control.wire import shown, when
from gateway.identity.callers import Caller, Role
from gateway.releases.components import Component
from gateway.releases.stage_states import left_open

ENDPOINT = "/control/me"
REQUESTS_SHOWN = 20


class MyKey(msgspec.Struct, frozen=True):
    """The key this was asked with, or the client or workload behind the token that was."""

    id: str
    expires_at: datetime | None
    scopes: list[str] | None
    """null: not narrowed. Empty: nothing."""
    token: str | None = None
    """Id of the access token, where one was presented."""
    issuer: str | None = None
    """Who issued it."""
    client: str | None = None
    """Whom it was issued to, as its issuer names it."""


class MyPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Who I am, where I am somebody that signs in."""

    id: str
    name: str
    """What to call me: the name that my identity provider gave, or the one that I sign in by."""
    user_name: str
    provider: str
    """The identity provider that knows me, as it is declared here."""
    session: str | None
    """Id of the session; null for a key of my own."""
    signed_in_at: datetime | None
    """When I last proved myself to the provider; null where it does not say, and for a key."""
    ends_at: datetime
    """When the session ends however much it is used, or the key does."""


class Missing(msgspec.Struct, frozen=True):
    """A component that cannot be used now: why, what to do, and from when it can be."""

    component: str
    code: str
    message: str
    next_step: str
    opens_at: datetime | None
    """When the strategy as it stands admits this use, once its terms are accepted; null where that is not known, and
    where they are all that is missing."""
    waits_for_requirements: bool
    """Whether the next stage would admit this use, and opens when its requirements are met."""


class MyTerms(msgspec.Struct, frozen=True):
    """A text that must have been accepted."""

    name: str
    digest: str
    accepted: bool


class Limits(msgspec.Struct, frozen=True):
    """What binds the use. null: not limited."""

    requests_per_minute: int | None
    tokens_per_day: int | None
    max_output_tokens: int | None


class Used(msgspec.Struct, frozen=True):
    """What the organisation has used of this release."""

    requests_last_minute: int
    requests_today: int
    tokens_today: int
    """Spent, and held by calls under way."""


class MyRelease(msgspec.Struct, frozen=True, kw_only=True):
    """One release that I may know of."""

    release: str
    stage: str | None
    """The stage open now; where everybody was taken back from it, the one that is left."""
    access: str | None
    closes_at: datetime | None
    """When that stage closes; null where none is open, or it only ends as the next one opens."""
    components: list[str]
    """What I may use now."""
    missing: list[Missing]
    terms: list[MyTerms]
    grant_ends_at: datetime | None
    """When my organisation's grant ends; null where it holds none."""
    grant: str
    """How it stands with my organisation's grants: active, paused, recertification_due, ended or none."""
    recertify_by: datetime | None
    """When somebody must have looked at the grant again, for it to go on; null where nobody must."""
    takes_requests: bool
    """Whether access can be asked for: `POST /control/requests`."""
    log: str | None
    retain_days: int | None
    limits: Limits | None
    """null where nothing may be used now."""
    used: Used
    waits_at: int | None
    """Which number my organisation is of those who wait in line for the stage open now; null where it does not."""


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, and what stands for them."""

    organisation: str
    roles: list[str]
    key: MyKey
    person: MyPerson | None
    """null where nobody signed in, and the key is nobody's own."""
    releases: list[MyRelease]
    requests: list[ShownRequest]
    """The newest requests for access of my organisation, where I may see them."""


class Myself(Controller):
    """What a caller sees of itself."""

    path = "/me"
    tags = ("me",)

    @get("/", **open_to(*EVERYBODY, any_scope=True))
    async def show(self, areas: InAreas, caller: Asking, moment: Now) -> Me:
        """Who I am, what I may use now and from when, and what I have used."""
        snapshot, _ = areas.current.now()
        meters = await areas.admissions.used(caller.organisation)
        releases = [await _release(areas, caller, name, meters, moment) for name in sorted(snapshot.releases)]
        return Me(
            organisation=caller.organisation,
            roles=[role.value for role in caller.roles],
            key=_key(caller),
            person=await _person(areas, caller),
            releases=[release for release in releases if release is not None],
            requests=await _requests(areas, caller, moment),
        )


def _key(caller: Caller) -> MyKey:
    scopes = None if caller.scopes is None else list(caller.scopes)
    if (token := caller.token) is None:
        return MyKey(caller.key, when(caller.expires_at), scopes)
    return MyKey(caller.key, when(caller.expires_at), scopes, token.id, token.issuer, token.client)


async def _person(areas: Areas, caller: Caller) -> MyPerson | None:
    if not caller.person:
        return None
    person = await areas.people.person(caller, caller.person)
    held = {session.id: session for session in await areas.people.sessions(caller, person.id)}
    session = held.get(caller.session)
    return MyPerson(
        id=person.id,
        name=person.display_name or person.user_name,
        user_name=person.user_name,
        provider=person.issuer,
        session=caller.session or None,
        signed_in_at=when(caller.signed_in_at or None),
        ends_at=shown(caller.expires_at if session is None else session.ends_at),
    )


async def _release(
    areas: Areas, caller: Caller, name: str, meters: dict[str, Meter], moment: Moment
) -> MyRelease | None:
    """What I may know of one release; None where I may not know that there is one."""
    standings = await areas.usable.standings(caller, name)
    known = [standing for standing in standings.values() if standing.decision.visible]
    if not known:
        return None
    gathered, strategy = known[0].gathered, known[0].in_force.strategy
    narrowings = known[0].in_force.narrowings
    stage = left_open(strategy, gathered.stage, narrowings, moment)
    conditions = gathered.stage.conditions if gathered.stage is not None else None
    accepted = known[0].holdings.accepted.get(name, frozenset())
    obliged = next((s.decision.obligations for s in known if s.decision.allow), None)
    return MyRelease(
        release=name,
        stage=stage.name if stage is not None else None,
        access=stage.access.value if stage is not None else None,
        closes_at=when(stage.closes) if stage is not None and stage is gathered.stage else None,
        components=[component.value for component, standing in standings.items() if standing.decision.allow],
        missing=await _missing(areas, standings),
        terms=[MyTerms(text, digest, digest in accepted) for text, digest in sorted(strategy.terms.items())],
        grant_ends_at=when(gathered.grant.ends_at) if gathered.grant is not None else None,
        grant=gathered.question.grant,
        recertify_by=when(gathered.grant.recertify_by) if gathered.grant is not None else None,
        takes_requests=strategy.requests is not None,
        log=conditions.log if conditions is not None else None,
        retain_days=conditions.retain_days if conditions is not None else None,
        limits=None
        if obliged is None
        else Limits(obliged.requests_per_minute, obliged.tokens_per_day, obliged.max_output_tokens),
        used=_used(meters.get(name, Meter()), moment),
        waits_at=await _waits_at(areas, known[0]),
    )


async def _requests(areas: Areas, caller: Caller, moment: Moment) -> list[ShownRequest]:
    if not caller.has(Role.DEVELOPER):
        return []
    found = await areas.requests.page(
        organisation=caller.organisation, release="", states=(), before="", limit=REQUESTS_SHOWN
    )
    known = await those_known(areas, caller, found, lambda request: request.release)
    return [shown_request(request, moment) for request in known]


async def _waits_at(areas: Areas, standing: Standing) -> int | None:
    stage = standing.gathered.question.stage
    if stage is None or stage.place != "full":
        return None
    turn = await areas.places.turn(standing.in_force.strategy.release, stage.name, standing.caller.organisation)
    return None if turn is None else turn.waiting or None


async def _missing(areas: Areas, standings: dict[Component, Standing]) -> list[Missing]:
    """Every component that is visible, not usable now, and offered now, usable later, or offered until all closed."""
    found = []
    for component, standing in standings.items():
        if standing.decision.allow or not standing.decision.visible:
            continue
        opens_at = None if lacks_terms_alone(standing) else await areas.usable.opens_at(standing, component)
        stage, waits = standing.gathered.stage, _waits(standing)
        is_over = Reason.STAGE_CLOSED in standing.decision.reasons
        if opens_at is None and not (is_over or waits) and (stage is None or component not in stage.offers):
            continue
        call = Call(request_id=new_request_id(), endpoint=ENDPOINT)
        refused = areas.refusals.judged(call, standing)
        found.append(Missing(component.value, refused.code, refused.message, refused.next_step, when(opens_at), waits))
    return found


def _waits(standing: Standing) -> bool:
    promise = promise_of(standing)
    return promise is not None and promise.waits


def _used(meter: Meter, moment: Moment) -> Used:
    requests_last_minute = meter.requests_in_window(moment.latest)  # this also brings the meter to the day
    return Used(requests_last_minute, meter.requests, meter.tokens_used + meter.tokens_reserved)
