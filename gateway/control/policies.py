"""`/control/policy`: which policy set judges now."""

import msgspec
from litestar import Controller, get

from gateway.control.areas import InAreas
from gateway.control.guards import open_to
from gateway.identity.callers import OVERSIGHT


class PolicyInForce(msgspec.Struct, frozen=True):
    """The policy set in force, by the digest that every decision and every entry names."""

    digest: str
    revision: int
    """Of everything that is in force."""


class Policies(Controller):
    """The policy set."""

    path = "/policy"
    tags = ("policy",)

    @get("/", **open_to(*OVERSIGHT))
    async def show(self, areas: InAreas) -> PolicyInForce:
        """The digest of the policy set in force."""
        snapshot, _ = areas.current.now()
        return PolicyInForce(snapshot.policy, snapshot.revision)
