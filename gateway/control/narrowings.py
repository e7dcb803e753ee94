"""`/control/releases/{namespace}/{name}/narrowings`: taking access away at once, and giving it back."""

import asyncio
from functools import partial
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody, QueryParameter

from gateway.access.affected import Affected
from gateway.access.past import in_force_by
from gateway.access.reach import warned
from gateway.clock import NEVER
from gateway.control.agreeing import AGREEING, Agreeing, role_of
from gateway.control.areas import Asking, By, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.narrowed import ShownNarrowing, shown_narrowings
from gateway.control.wire import Body, Limit, Line, NarrowingId, PartInPath, RecordInPath, When, instant_in
from gateway.errors import Invalid
from gateway.identity.callers import OVERSIGHT, Role
from gateway.identity.expressions import LENGTH_MAX
from gateway.releases.narrowings import OnUnknown, Verb
from gateway.releases.restraint import Order
from gateway.releases.reviews.review import Review, Verdict

Scope = Annotated[str, msgspec.Meta(max_length=LENGTH_MAX, examples=["not us_person"])]
StageName = Annotated[str, msgspec.Meta(max_length=64)]


class NewNarrowing(Body, frozen=True, kw_only=True):
    """What to do, for whom, on whose word and why."""

    verb: Verb
    scope: Scope | None = None
    """Whom it concerns, as a predicate; left out: everybody. An empty text is nobody's scope, and an error."""
    on_unknown: OnUnknown = OnUnknown.DENY
    """What it amounts to for those of whom the scope's answer is unknown."""
    stage: StageName = ""
    """Of a roll-back: the earlier stage to go back to."""
    inverse_of: NarrowingId = ""
    """Of a restoration: the narrowing to undo; left out where only one is in force."""
    authority: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """An order, a ticket, a contract."""
    cause: Line
    until: When | None = None
    """From when it is over by itself."""


class NewReview(Body, frozen=True):
    """What a second person makes of a narrowing, and why."""

    verdict: Verdict
    cause: Line
    role: Agreeing | None = None
    """The role to act in; may be left out where the key holds one of them only."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a narrowing would concern, counted in organisations. Nothing was written."""

    release: str
    verb: str
    scope: str
    """As it would be kept."""
    on_unknown: str
    stage: str
    inverse_of: str
    inside: int
    """Surely in the scope: they lose access, or get it back by a restoration."""
    unknown: int
    """Of whom it is unknown: they lose access too, unless unknown amounts to `allow`."""
    outside: int
    """Surely not: nothing changes for them."""
    named: list[str]
    """Ids of the first in the scope."""
    named_unknown: list[str]
    affected: Affected | None
    """Of all these, those that really lose access to something as things stand, or get it back; null where that is not
    known in time. Workloads are not counted: they are not kept."""
    warnings: list[str]
    """What is odd about it; nothing was stopped by that."""


class TakenNarrowing(ShownNarrowing, frozen=True, kw_only=True):
    """A narrowing as it was taken."""

    warnings: list[str]
    """What is odd about whom it is for; it is in force all the same."""


class NarrowingPage(msgspec.Struct, frozen=True):
    """What was taken of one release, from the newest backwards."""

    narrowings: list[ShownNarrowing]
    next: int | None
    """`before` of the next page; null on the last."""


class Narrowings(Controller):
    """The narrowing verbs. One person is enough for each."""

    path = "/releases/{namespace:str}/{name:str}/narrowings"
    tags = ("narrowings",)

    @get("/", **open_to(*OVERSIGHT))
    async def index(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        areas: InAreas,
        moment: Now,
        before: Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1)] = None,
        limit: Limit = 100,
    ) -> NarrowingPage:
        """Narrowings and restorations of a release, those that are over too."""
        release = f"{namespace}/{name}"
        await areas.catalogue.get(release)
        found = await areas.restraint.history(release, before, limit)
        return NarrowingPage(
            await shown_narrowings(areas, release, found, moment),
            found[-1].number if len(found) == limit else None,
        )

    @post("/preview", status_code=200, **open_to(Role.PROVIDER, Role.APPROVER))
    async def preview(
        self, namespace: PartInPath, name: PartInPath, data: JSONBody[NewNarrowing], areas: InAreas, moment: Now
    ) -> Preview:
        """Count whom it would concern, and write nothing. What could not be taken is refused here already."""
        release = f"{namespace}/{name}"
        narrowing = await areas.restraint.draft(_order(release, data), moment)
        version = await areas.catalogue.get(release)
        in_force = await areas.database.read(partial(in_force_by, release=release, known=None))
        assert in_force is not None, "it was drafted of one"
        counts = areas.reach.of(narrowing, version.strategy, moment), areas.affecting.of(narrowing, in_force, moment)
        reached, affected = await asyncio.gather(*counts)  # either reads every organisation
        return Preview(
            release=release,
            verb=narrowing.verb,
            scope=narrowing.scope,
            on_unknown=narrowing.on_unknown,
            stage=narrowing.stage,
            inverse_of=narrowing.inverse_of,
            **msgspec.structs.asdict(reached),
            affected=affected,
            warnings=warned(narrowing, reached),
        )

    @post("/", **open_to(Role.PROVIDER, Role.APPROVER))
    async def take(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        data: JSONBody[NewNarrowing],
        areas: InAreas,
        actor: By,
        moment: Now,
    ) -> TakenNarrowing:
        """Narrow a release, or restore it: everywhere within a second, calls under way included."""
        taken = await areas.restraint.take(actor, _order(f"{namespace}/{name}", data), moment)
        [shown] = await shown_narrowings(areas, taken.release, [taken], moment)
        version = await areas.catalogue.get(taken.release)
        warnings = await areas.reach.warnings(taken, version.strategy, moment)
        return TakenNarrowing(**msgspec.structs.asdict(shown), warnings=warnings)

    @post("/{narrowing:str}/review", status_code=200, **open_to(*AGREEING))
    async def review(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        narrowing: RecordInPath,
        data: JSONBody[NewReview],
        areas: InAreas,
        caller: Asking,
        moment: Now,
    ) -> ShownNarrowing:
        """Confirm what somebody else took away, or undo it. It is in force until somebody does."""
        release = f"{namespace}/{name}"
        review = Review(
            narrowing=narrowing,
            verdict=data.verdict,
            role=role_of(caller, data.role),
            cause=data.cause,
            reviewed_at=moment.latest,
            reviewed_by=caller.key,
        )
        await areas.reviewing.review(caller, release, review, moment)
        [answer] = await shown_narrowings(areas, release, [await areas.restraint.get(narrowing)], moment)
        return answer


def _order(release: str, data: NewNarrowing) -> Order:
    if data.scope is not None and not data.scope.strip():
        raise Invalid(
            "`scope` is empty, which names nobody.",
            param="scope",
            next_step="Write whom it concerns, such as `residence_country = DE`, or leave it out for everybody.",
        )
    until = instant_in(data.until, "until")
    return Order(
        release=release,
        verb=data.verb,
        scope=data.scope or "",
        on_unknown=data.on_unknown.value,
        stage=data.stage,
        inverse_of=data.inverse_of,
        authority=data.authority,
        cause=data.cause,
        until=NEVER if until is None else until,
    )
