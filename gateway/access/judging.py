"""Asking the judge once per distinct question, and keeping its answer for that very question."""

import asyncio

from gateway.access.decisions import Decision
from gateway.access.judges.port import Judge
from gateway.access.questions import Question
from gateway.clock import SECOND, elapsed_us
from gateway.errors import JudgeUnavailable
from gateway.metrics import Metrics

KEPT_MAX = 100_000
"""Answers kept; beyond it all are dropped at once, which only costs asking again."""


class Judging:
    """Answers kept by the question's hash under one policy set.

    An answer has no time in it: facts end, answers do not.
    """

    def __init__(self, judge: Judge, metrics: Metrics) -> None:
        self._judge = judge
        self._metrics = metrics
        self._policy = judge.policy
        self._kept: dict[str, Decision] = {}
        self._asked: dict[str, asyncio.Task[Decision]] = {}
        self._checked: asyncio.Task[bool] | None = None
        self.answers = 0
        """Counts what the judge has answered."""

    @property
    def policy(self) -> str:
        """Digest of the policy set that judges."""
        return self._judge.policy

    async def decide(self, question: Question, digest: str) -> Decision:
        """The judge's answer to this question. Raises JudgeUnavailable; that is never kept."""
        if self._policy != self._judge.policy:
            self._policy = self._judge.policy
            self._kept.clear()
            self._asked.clear()
        kept = self._kept.get(digest)
        self._metrics.decision_looked_up(kept is not None)
        if kept is not None:
            return kept
        asked = self._asked.get(digest)
        if asked is None:
            asked = self._asked[digest] = asyncio.create_task(self._ask(question, digest))
        return await asyncio.shield(asked)

    async def check(self) -> None:
        """Raise JudgeUnavailable unless the judge answers now; all who check at once share one answer."""
        if self._checked is None or self._checked.done():
            self._checked = asyncio.create_task(self._judge.ready())
        if not await asyncio.shield(self._checked):
            raise JudgeUnavailable
        self.answers += 1

    async def _ask(self, question: Question, digest: str) -> Decision:
        policy = self._policy
        began = elapsed_us()
        outcome = "fault"
        try:
            decision = await self._judge.ask(question)
            outcome = "allow" if decision.allow else "deny"
            self.answers += 1
        finally:
            self._asked.pop(digest, None)
            self._metrics.judged(outcome, (elapsed_us() - began) / SECOND)
        if policy == self._judge.policy:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[digest] = decision
        return decision
