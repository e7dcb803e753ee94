"""`/control/access/{namespace}/{name}`: who could use a release at an instant, and why one could or could not."""

from typing import Annotated

from litestar import Controller, get
from litestar.params import QueryParameter

from gateway.access.explanations import Explanation
from gateway.clock import Instant
from gateway.control.areas import Areas, Asking, InAreas
from gateway.control.explained import ShownExplanation, shown_explanation
from gateway.control.guards import EVERYBODY, open_to
from gateway.control.wire import CallerFilter, PartInPath, WhenFilter, instant_in
from gateway.errors import Invalid, NotFound
from gateway.identity.callers import OVERSIGHT, Caller
from gateway.releases.components import Component
from gateway.releases.values import LATEST

ComponentFilter = Annotated[Component, QueryParameter()]


class AccessToReleases(Controller):
    """Access, at any instant that was, is or will be."""

    path = "/access/{namespace:str}/{name:str}"
    tags = ("access",)

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
        if not oversees and not await areas.usable.may_know_of(caller, release):
            raise NotFound
        with areas.searching.by(caller):
            told: Explanation = await areas.explaining.explain(named, release, component, asked_at(at))
        if not oversees and not told.visible:
            raise NotFound
        return shown_explanation(told, oversees=oversees)


def asked_at(named: str | None) -> Instant | None:
    """The instant that a query names. Raises Invalid for one that no strategy knows."""
    instant = instant_in(named, "at")
    if instant is not None and instant >= LATEST:
        raise Invalid("`at` must lie before the year 2250.", param="at")
    return instant


async def _named(areas: Areas, caller: Caller, of: str) -> str:
    """Whom the query names, if the caller may ask about them. Raises NotFound."""
    if of == "me":
        return caller.key
    if caller.has(*OVERSIGHT) or of in {caller.organisation, caller.key}:
        return of
    key = await areas.directory.key(caller, of)
    return key.id
