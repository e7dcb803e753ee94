"""What a caller can use: the listing and every endpoint ask the same gate, so they cannot differ."""

import msgspec

from gateway.access.current import Current
from gateway.access.passages import Standing
from gateway.access.standing import Use
from gateway.access.weighing import Weighing
from gateway.clock import NEVER, Instant, at
from gateway.identity.callers import Caller
from gateway.releases.components import Component

INFERENCE = (Component.TEXT, Component.EMBEDDINGS)
"""Components that have an endpoint of their own; a model is listed when one of them is allowed."""


class Usable:
    """Asks, without recording, what a caller may use now and from when."""

    def __init__(self, weighing: Weighing, current: Current) -> None:
        self._weighing = weighing
        self._current = current

    async def models(self, caller: Caller) -> list[Standing]:
        """Every release the caller can call now, in order of names."""
        snapshot, _ = self._current.now()
        usable = [await self.model(caller, release) for release in sorted(snapshot.releases)]
        return [standing for standing in usable if standing is not None]

    async def named(self, caller: Caller, release: str) -> Standing | None:
        """What stands for one release by its name: what allows it to be called, or else what first tells why it cannot.

        None where the caller may not know of it: one that there is not is denied as slowly as one that is hidden.
        """
        answers, told = self._weighing.answers, None
        for component in INFERENCE:
            standing = await self._weighing.weigh(caller, component, release)
            if standing is not None and standing.decision.allow:
                return standing
            if told is None and standing is not None and standing.decision.visible:
                told = standing
        if told is None:
            await self._weighing.conceal(caller, answers)
        return told

    async def model(self, caller: Caller, release: str) -> Standing | None:
        """What stands for a release the caller can call now; None where it can call none of its components."""
        for component in INFERENCE:
            standing = await self._weighing.weigh(caller, component, release)
            if standing is not None and standing.decision.allow:
                return standing
        return None

    async def standings(self, caller: Caller, release: str) -> dict[Component, Standing]:
        """What stands for each component that some stage of a release offers; empty where there is no such release."""
        snapshot, _ = self._current.now()
        in_force = snapshot.releases.get(release)
        if in_force is None:
            return {}
        found = {}
        for component in sorted({component for stage in in_force.strategy.stages for component in stage.offers}):
            standing = await self._weighing.weigh(caller, component, release)
            if standing is not None:
                found[component] = standing
        return found

    async def may_know_of(self, caller: Caller, release: str) -> bool:
        """Whether a caller may know that there is such a release."""
        answers = self._weighing.answers
        standings = await self.standings(caller, release)
        visible = any(standing.decision.visible for standing in standings.values())
        if not visible:
            await self._weighing.conceal(caller, answers)
        return visible

    async def opens_at(self, standing: Standing, component: Component) -> Instant | None:
        """The first instant to come at which this use is admitted, if its terms are accepted by then.

        None where the strategy and the grants, as they stand, never admit it.
        """
        _, moment = self._current.now()
        strategy, held = standing.in_force.strategy, standing.holdings
        accepted = {**held.accepted, strategy.release: frozenset(strategy.terms.values())}
        holdings = msgspec.structs.replace(held, accepted=accepted)
        use = Use(standing.caller, component, standing.in_force, holdings)
        openings = strategy.openings(standing.in_force.openings)
        boundaries = {opens for _, opens in openings if opens < NEVER} | set(held.boundaries(strategy.release))
        boundaries |= {each.narrowing.until for each in standing.in_force.narrowings} - {NEVER}
        for instant in sorted(boundaries):
            if not moment.surely_reached(instant):
                coming = await self._weighing.weigh_at(use, at(instant))
                if coming.decision.allow:
                    return instant
        return None
