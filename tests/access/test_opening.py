"""The look at what waits: what fails keeps its own stage shut and holds up no other."""

import pytest

from gateway.access.current import Current
from gateway.access.opening import Opener
from gateway.access.snapshot import InForce, Snapshot
from gateway.clock import NEVER, elapsed_us
from gateway.errors import SnapshotStale
from gateway.releases.openings import Openings
from gateway.releases.requirements import Approvals
from gateway.releases.strategies import Strategy
from tests.builders import PAST, a_stage, a_strategy

NOW = PAST + 1_000_000_000


class NotedOpenings(Openings):
    """Notes what it was asked to open, and fails for one release."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def open_due(self, release: str) -> str:
        self.asked.append(release)
        if release == "acme/broken":
            raise ValueError
        return "general"


def gated(name: str, opens: int = PAST) -> Strategy:
    return a_strategy(a_stage(opens=opens, opens_when=(Approvals(people=1),)), release=name)


def current(*releases: InForce) -> Current:
    """What is in force, confirmed just now."""
    found = Current(stale_s=5)
    asked = elapsed_us()
    found.clock.observe(NOW, asked, elapsed_us())
    found.confirm(asked, Snapshot(1, {each.strategy.release: each for each in releases}, ""))
    return found


async def test_only_what_waits_and_is_due_is_looked_at_and_a_failure_holds_up_nobody() -> None:
    openings = NotedOpenings()
    waiting = [gated("acme/broken"), gated("acme/whole"), gated("acme/early", NOW + 1_000_000_000)]
    opened, plain = gated("acme/opened"), a_strategy(release="acme/plain")
    releases = [InForce(each, each.digest()) for each in (*waiting, plain)]

    await Opener(current(*releases, InForce(opened, opened.digest(), {"general": PAST})), openings).look()

    assert openings.asked == ["acme/broken", "acme/whole"]


async def test_nothing_is_opened_by_whoever_has_lost_sight_of_what_is_in_force() -> None:
    openings = NotedOpenings()

    with pytest.raises(SnapshotStale):
        await Opener(Current(stale_s=5), openings).look()

    assert openings.asked == [] and NEVER > NOW
