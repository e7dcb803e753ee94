"""Weighing: what stands for a caller's use of a component, judged once and kept for as long as its facts do.

Records nothing: what is weighed is told to a caller, or becomes a passage, elsewhere.
"""

from gateway.access.current import Current
from gateway.access.grants import Holdings
from gateway.access.judging import Judging
from gateway.access.passages import Standing, UseKey
from gateway.access.snapshot import Snapshot
from gateway.access.standing import Use, gather
from gateway.clock import Moment
from gateway.errors import SnapshotStale
from gateway.identity.callers import Caller
from gateway.identity.directory import Directory
from gateway.lookups import Lookup
from gateway.releases.components import Component

STANDINGS_MAX = 100_000
"""Judged uses kept; beyond it all are dropped at once, which only costs gathering again."""

WEIGHINGS_MAX = 5
"""How often a use is weighed anew because what it was weighed on changed meanwhile."""


class _Kept:
    """A standing, and when it was last found to stand: while nothing was swapped or dropped since, it does."""

    __slots__ = ("drops", "snapshot", "standing")

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.snapshot: Snapshot | None = None
        self.drops = -1


class Weighing:
    """Says what stands for a use, as the judge answers it on the facts of this moment."""

    def __init__(
        self, current: Current, directory: Directory, judging: Judging, holdings: Lookup[str, Holdings]
    ) -> None:
        self._current = current
        self._directory = directory
        self._judging = judging
        self._holdings = holdings
        self._standings: dict[UseKey, _Kept] = {}

    async def conceal(self, caller: Caller, answers: int) -> None:
        """Before a release is denied to exist: fail by whatever would keep one that there is from being judged.

        Otherwise an outage would tell the hidden from the invented. `answers` is how many the judge had given before
        the release was looked for: where it has given one since, it is there.
        """
        await self._holdings.get(caller.organisation)
        if self._judging.answers == answers:
            await self._judging.check()

    @property
    def answers(self) -> int:
        """How many answers the judge has given, as `conceal` wants to know."""
        return self._judging.answers

    async def weigh_soundly(self, caller: Caller, component: Component, release: str) -> Standing | None:
        """What stands, of facts none of which was dropped while it was weighed, or since the caller was let in.

        Where no place is taken, between this and the passage being known to the review nothing is awaited, so no
        narrowing falls between.
        """
        for _ in range(WEIGHINGS_MAX):
            standing = self.kept(caller, component, release)
            if standing is not None:
                return standing
            if not self._directory.is_current(caller):
                _, moment = self._current.now()
                caller = await self._directory.renewed(caller, moment)
            standing = await self.weigh(caller, component, release)
            if standing is None or self._stands(standing):
                return standing
        raise SnapshotStale("What is in force changes faster than it can be judged.")

    async def weigh(self, caller: Caller, component: Component, release: str) -> Standing | None:
        """What stands for this use now, judged; None where there is no such release. Records nothing."""
        kept = self.kept(caller, component, release)
        if kept is not None:
            return kept
        snapshot, moment = self._current.now()
        in_force = snapshot.releases.get(release)
        if in_force is None:
            return None
        holdings = await self._holdings.get(caller.organisation)
        assert holdings is not None, "who holds nothing holds empty holdings"
        standing = await self.weigh_at(Use(caller, component, in_force, holdings), moment)
        if len(self._standings) >= STANDINGS_MAX:
            self._standings.clear()
        self._standings[caller.credential, release, component] = _Kept(standing)
        return standing

    def kept(self, caller: Caller, component: Component, release: str) -> Standing | None:
        """What was weighed for this very caller, where it still holds."""
        snapshot, moment = self._current.now()
        kept = self._standings.get((caller.credential, release, component))
        if kept is None:
            return None
        standing = kept.standing
        if standing.caller is not caller or moment.maybe_reached(standing.holds_until):
            return None
        drops = self._directory.drops + self._holdings.drops
        if kept.snapshot is not snapshot or kept.drops != drops or self._judging.policy != standing.policy:
            if not self._stands(standing):
                return None
            kept.snapshot, kept.drops = snapshot, drops
        return standing

    def _stands(self, standing: Standing) -> bool:
        """Whether nothing that it was weighed on was dropped or replaced since."""
        return (
            self._current.snapshot.releases.get(standing.in_force.strategy.release) is standing.in_force
            and self._holdings.get_kept(standing.caller.organisation) is standing.holdings
            and self._directory.is_current(standing.caller)
            and self._judging.policy == standing.policy
        )

    async def weigh_at(self, use: Use, moment: Moment) -> Standing:
        """What stands for a use at any moment, judged and not kept."""
        gathered = gather(use, moment)
        digest = gathered.question.hash()
        policy, revision = self._judging.policy, self._current.snapshot.revision
        decision = await self._judging.decide(gathered.question, digest)
        return Standing(use.caller, use.in_force, use.holdings, gathered, digest, decision, policy, revision)
