"""Judging by policies that were kept, beside the judge that calls wait for: compiled once, in the embedded engine.

Every judge answers alike (tests/access/judges), so whichever judged by them, this one answers as it did.
"""

import asyncio

from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import PolicySet
from gateway.access.judging import Judging
from gateway.errors import PolicyNotKept, SettingsInvalid
from gateway.metrics import Metrics

COMPILED_MAX = 8
TIMEOUT_S = 2.0


class FormerJudges:
    """The judges of policy sets that were kept, the latest asked kept ready."""

    def __init__(self) -> None:
        self._metrics = Metrics()
        """Counted apart: their answers admit nobody."""
        self._ready: dict[str, tuple[EmbeddedJudge, Judging]] = {}
        self._turn = asyncio.Lock()

    async def judging(self, policies: PolicySet) -> Judging:
        """Whoever judges by these. Raises PolicyNotKept where they cannot be compiled here."""
        async with self._turn:
            found = self._ready.pop(policies.digest, None) or await self._compiled(policies)
            while len(self._ready) >= COMPILED_MAX:
                oldest, _ = self._ready.pop(next(iter(self._ready)))
                await oldest.stop()
            self._ready[policies.digest] = found
            return found[1]

    async def _compiled(self, policies: PolicySet) -> tuple[EmbeddedJudge, Judging]:
        judge = EmbeddedJudge(policies, timeout_s=TIMEOUT_S)
        try:
            await judge.start()
        except SettingsInvalid as error:
            raise PolicyNotKept(
                f"The policies {policies.digest} judged then and cannot be compiled here: {error.message}"
            ) from error
        return judge, Judging(judge, self._metrics)

    async def stop(self) -> None:
        """Let go of every one."""
        while self._ready:
            judge, _ = self._ready.popitem()[1]
            await judge.stop()
