"""What a caller can use: the listing and every endpoint ask the same gate, so they cannot differ."""

from gateway.access.current import Current
from gateway.access.gate import Gate
from gateway.access.passages import Standing
from gateway.access.standing import Use
from gateway.clock import Instant, at
from gateway.identity.callers import Caller
from gateway.releases.components import Component

INFERENCE = (Component.TEXT, Component.EMBEDDINGS)
"""Components that have an endpoint of their own; a model is listed when one of them is allowed."""


class Usable:
    """Asks, without recording, what a caller may use now and from when."""

    def __init__(self, gate: Gate, current: Current) -> None:
        self._gate = gate
        self._current = current

    async def models(self, caller: Caller) -> list[Standing]:
        """Every release the caller can call now, in order of names."""
        snapshot, _ = self._current.now()
        usable = [await self.model(caller, release) for release in sorted(snapshot.releases)]
        return [standing for standing in usable if standing is not None]

    async def model(self, caller: Caller, release: str) -> Standing | None:
        """What stands for a release the caller can call now; None where it can call none of its components."""
        for component in INFERENCE:
            standing = await self._gate.weigh(caller, component, release)
            if standing is not None and standing.decision.allow:
                return standing
        return None

    async def opens_at(self, standing: Standing, component: Component) -> Instant | None:
        """The first instant to come at which the strategy as it stands would admit this use; None where none does."""
        _, moment = self._current.now()
        use = Use(standing.caller, component, standing.in_force, standing.holdings)
        for stage in standing.in_force.strategy.stages:
            if not moment.surely_reached(stage.opens):
                coming = await self._gate.weigh_at(use, at(stage.opens))
                if coming.decision.allow:
                    return stage.opens
        return None

