"""What a refused caller may be promised of the next stage: no date on which it would be refused again.

The facts as they stand are gathered anew for the instant at which that stage opens, when a grant, an assertion or a
concurrence may have ended. Only terms are thought to be accepted by then, and those are named.
"""

import msgspec

from gateway.access.passages import Standing
from gateway.access.reasons import Reason
from gateway.access.standing import Use, gather
from gateway.clock import NEVER, Instant, at
from gateway.releases.components import Component


class Promise(msgspec.Struct, frozen=True):
    """The next stage admits this use."""

    stage: str
    not_before: Instant
    """Its date."""
    opens_at: Instant
    """When it opens; NEVER while it waits for its requirements."""
    terms: tuple[str, ...]
    """Names of the terms that have to be accepted by then."""

    @property
    def waits(self) -> bool:
        """Whether it opens when its requirements are met, and nobody knows when that is."""
        return self.opens_at == NEVER


def lacks_terms_alone(standing: Standing) -> bool:
    """Whether accepting terms is all that is missing: that helps now, and a date would be taken for the answer."""
    return standing.decision.reasons == (Reason.TERMS_NOT_ACCEPTED,)


def promise_of(standing: Standing) -> Promise | None:
    """What the next stage gives this use; None where it would be refused then too, or accepting terms helps now."""
    gathered = standing.gathered
    coming, component = gathered.coming, Component(gathered.question.component)
    if coming is None or component not in coming.offers or lacks_terms_alone(standing):
        return None
    waits = gathered.opens_at == NEVER
    audiences, missing = gathered.question.future_audiences, _missing(standing, coming.conditions.terms)
    if not waits:
        use = Use(standing.caller, component, standing.in_force, standing.holdings)
        then = gather(use, at(gathered.opens_at)).question
        if (
            then.stage is None
            or then.stage.name != coming.name
            or not _lets_in(then.stage.place, then.stage.concurrence)
        ):
            return None
        audiences, missing = then.audiences, then.terms_missing
    if not any(audience.truth == "yes" for audience in audiences):
        return None
    return Promise(coming.name, coming.opens, gathered.opens_at, missing)


def _missing(standing: Standing, names: tuple[str, ...]) -> tuple[str, ...]:
    strategy = standing.in_force.strategy
    accepted = standing.holdings.accepted.get(strategy.release, frozenset())
    return tuple(name for name in names if strategy.terms[name] not in accepted)


def _lets_in(place: str, concurrence: str) -> bool:
    return place != "full" and concurrence in ("not_needed", "standing")
