"""What a question about a release is about: a moment, the version that was in force then, and what narrowed it."""

from gateway.clock import NEVER, Moment, at
from gateway.control.areas import Areas
from gateway.control.wire import instant_in
from gateway.errors import Invalid
from gateway.releases.narrowings import InEffect
from gateway.releases.values import LATEST
from gateway.releases.versions import StrategyVersion


async def version_at(areas: Areas, release: str, named: str | None, now: Moment) -> tuple[StrategyVersion, Moment]:
    """The version in force now, or at the instant that the query names as `at`, and that moment.

    Before the first version was applied, the first answers: it may have adopted what had opened by then.
    Raises NotFound, and Invalid for an instant that no strategy knows.
    """
    instant = instant_in(named, "at")
    if instant is None:
        # By what is in force, not by the clock: what was applied a moment ago may lie ahead within its uncertainty.
        return await areas.catalogue.get(release), now
    if instant >= LATEST:
        raise Invalid("`at` must lie before the year 2250.", param="at")
    moment = at(instant)
    return await areas.catalogue.as_of(release, moment), moment


async def narrowed_at(areas: Areas, release: str, named: str | None, moment: Moment) -> tuple[InEffect, ...]:
    """What narrows a release now, or narrowed it at the instant that the query names."""
    return await areas.restraint.standing(release, NEVER if named is None else moment.latest)
