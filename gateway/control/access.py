"""`/control/access/{namespace}/{name}`: who could use a release at an instant, and why one could or could not."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.params import QueryParameter

from gateway.access.census import Census, Page
from gateway.access.explanations import Explanation
from gateway.access.instants import Tense
from gateway.clock import Instant
from gateway.control.areas import Areas, Asking, InAreas
from gateway.control.explained import ShownExplanation, shown_explanation
from gateway.control.guards import EVERYBODY, open_to
from gateway.control.wire import After, CallerFilter, Limit, PartInPath, WhenFilter, instant_in, shown
from gateway.errors import Invalid, NotFound
from gateway.identity.callers import OVERSIGHT, Caller
from gateway.identity.tokens.mapping import is_kept_nowhere
from gateway.releases.components import Component
from gateway.releases.stage_states import left_open
from gateway.releases.values import LATEST

ComponentFilter = Annotated[Component, QueryParameter()]


class ShownCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many organisations could use one component."""

    component: str
    admitted: int
    accepting: int
    """More that could, once they accepted the terms."""
    audiences: dict[str, int]
    """Of the admitted, by audience of the stage; an organisation in several counts in each."""
    named: list[str]
    """Ids of some of the admitted; all of them page by page at `organisations`."""


class ShownCensus(msgspec.Struct, frozen=True, kw_only=True):
    """Every organisation that could use a release, asked as a customer's developer or as staff of the provider's own.

    Workloads are not counted: what their tokens say of them is not kept.
    """

    release: str
    at: datetime
    tense: str
    """past: by what was recorded then; now; future: by what is recorded now."""
    strategy: str
    """Digest of the version in force; empty where none was."""
    stage: str | None
    """That was open to all whom it is for; null where none was."""
    access: str | None
    may_be_open: list[str]
    """Of an instant to come: stages that may have opened by then, if their requirements were met; not counted here."""
    policy: str
    narrowings: list[str]
    """Ids of those that were in force."""
    organisations: int
    """That there were, and were not disabled."""
    components: list[ShownCount]
    is_complete: bool
    """False where organisations differed in more ways than are judged."""


class ShownAdmitted(msgspec.Struct, frozen=True):
    """One organisation that could use the component."""

    organisation: str
    audiences: list[str]


class AdmittedPage(msgspec.Struct, frozen=True):
    """Some of those that could use the component, in order of id."""

    at: datetime
    organisations: list[ShownAdmitted]
    next: str | None
    """`after` of the next page; null on the last. A page may be short of its limit and have a next one."""


class AccessToReleases(Controller):
    """Access, at any instant that was, is or will be."""

    path = "/access/{namespace:str}/{name:str}"
    tags = ("access",)

    @get("/who", **open_to(*OVERSIGHT))
    async def who(
        self, namespace: PartInPath, name: PartInPath, areas: InAreas, caller: Asking, at: WhenFilter = None
    ) -> ShownCensus:
        """Who could use which component: counted over every organisation, by audience, some of them named."""
        release = f"{namespace}/{name}"
        await _check_there(areas, release)
        with areas.searching.by(caller):
            census: Census = await areas.counting.census(release, asked_at(at))
        return _shown(release, census)

    @get("/organisations", **open_to(*OVERSIGHT))
    async def organisations(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        areas: InAreas,
        caller: Asking,
        component: ComponentFilter,
        at: WhenFilter = None,
        after: After = None,
        limit: Limit = 100,
    ) -> AdmittedPage:
        """Every organisation that could use a component, in order of id. The next pages want the `at` told here."""
        release, instant = f"{namespace}/{name}", asked_at(at)
        await _check_there(areas, release)
        with areas.searching.by(caller):
            page: Page = await areas.counting.page(release, component, instant, after or "", limit)
        return AdmittedPage(
            at=shown(page.as_of.moment.latest),
            organisations=[ShownAdmitted(each.organisation, list(each.audiences)) for each in page.admitted],
            next=page.looked_at or None,
        )

    @get("/explain", **open_to(*EVERYBODY))
    async def explain(
        self,
        *,
        namespace: PartInPath,
        name: PartInPath,
        areas: InAreas,
        caller: Asking,
        component: ComponentFilter,
        of: CallerFilter = "me",
        at: WhenFilter = None,
    ) -> ShownExplanation:
        """Whether an organisation or a key could use a component, by what, until when, and what else it would take.

        Who does not oversee may ask about its own organisation, and only about what it may know of now.
        """
        release = f"{namespace}/{name}"
        named = await _named(areas, caller, of)
        oversees = caller.has(*OVERSIGHT)
        if oversees:
            await _check_there(areas, release)
        elif not await areas.usable.may_know_of(caller, release):
            raise NotFound
        with areas.searching.by(caller):
            told: Explanation = await areas.explaining.explain(named, release, component, asked_at(at))
        if not oversees and not told.visible:
            raise NotFound
        return shown_explanation(told, oversees=oversees)


def _shown(release: str, census: Census) -> ShownCensus:
    in_force, moment = census.in_force, census.as_of.moment
    stage, narrowings = None, () if in_force is None else in_force.narrowings
    if in_force is not None:
        opened = in_force.strategy.stage_at(moment, in_force.openings)
        stage = left_open(in_force.strategy, opened, narrowings, moment)
    return ShownCensus(
        release=release,
        at=shown(moment.latest),
        tense=census.as_of.tense.value,
        strategy="" if in_force is None else in_force.digest,
        stage=None if stage is None else stage.name,
        access=None if stage is None else stage.access.value,
        may_be_open=_may_be_open(census),
        policy=census.policy,
        narrowings=[each.narrowing.id for each in narrowings if not each.is_over(moment)],
        organisations=census.organisations,
        components=[
            ShownCount(
                component=each.component.value,
                admitted=each.admitted,
                accepting=each.accepting,
                audiences=each.audiences,
                named=list(each.named),
            )
            for each in census.counts
        ],
        is_complete=census.is_complete,
    )


def _may_be_open(census: Census) -> list[str]:
    in_force, moment = census.in_force, census.as_of.moment
    if in_force is None or census.as_of.tense is not Tense.FUTURE:
        return []
    gated = [stage for stage in in_force.strategy.stages if stage.is_gated and stage.name not in in_force.openings]
    return [
        stage.name for stage in gated if moment.surely_reached(stage.opens) and not moment.maybe_reached(stage.closes)
    ]


def asked_at(named: str | None) -> Instant | None:
    """The instant that a query names. Raises Invalid for one that no strategy knows."""
    instant = instant_in(named, "at")
    if instant is not None and instant >= LATEST:
        raise Invalid("`at` must lie before the year 2250.", param="at")
    return instant


async def _check_there(areas: Areas, release: str) -> None:
    """Raise NotFound for a release that there is not: nobody's mistyped name is answered as if it were shut."""
    if await areas.catalogue.find(release) is None:
        raise NotFound(f"There is no release `{release}`.", next_step="See `gateway release list`.")


async def _named(areas: Areas, caller: Caller, of: str) -> str | Caller:
    """Whom the query names, if the caller may ask about them: of a token's holder, what it says. Raises NotFound."""
    if of in {"me", caller.key}:
        return caller if is_kept_nowhere(caller.key) else caller.key
    if is_kept_nowhere(of):
        raise NotFound(
            "What a token or a session says of its holder is not kept here: only its holder can ask.",
            next_step="Let it ask about itself: `of=me`. Or ask about its organisation.",
        )
    if caller.has(*OVERSIGHT) or of in {caller.organisation, caller.key}:
        return of
    key = await areas.directory.key(caller, of)
    if key.person and key.person != caller.person:
        raise NotFound(
            "What a person's provider vouches for is theirs to see: of their own keys, only they can ask.",
            next_step="Let them ask: `of=me`. Or ask about the organisation.",
        )
    return key.id
