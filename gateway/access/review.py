"""Judging again what is under way, one judgement a use, when what admitted it is touched or its time is up."""

import asyncio
from collections.abc import Iterable

from gateway.access.current import Current
from gateway.access.passages import OpenPassages, Passage, Standing, UseKey, cut_all
from gateway.access.reasons import Reason
from gateway.access.weighing import Weighing
from gateway.clock import SECOND, Moment, elapsed_us
from gateway.errors import LedgerUnavailable, SnapshotStale, Unauthenticated, Unavailable
from gateway.identity.directory import Directory
from gateway.ledger.store import Touch
from gateway.ledger.writer import Writer

DOUBT_MAX_US = 1 * SECOND
"""How long a passage may go on while it cannot be judged again."""

RECORDLESS_MAX_S = 3.0
"""How long answers may go on while the ledger cannot be written."""


class Review:
    """Cuts every passage whose use no longer stands. What cannot be judged in time is cut too."""

    def __init__(
        self, passages: OpenPassages, weighing: Weighing, directory: Directory, current: Current, writer: Writer
    ) -> None:
        self._passages = passages
        self._weighing = weighing
        self._directory = directory
        self._current = current
        self._writer = writer
        self._in_doubt: dict[UseKey, int] = {}
        """When each use that could not be judged again fell into doubt, by `elapsed_us()`."""

    async def run(self, touches: Iterable[Touch], moment: Moment) -> None:
        """Go once over all that is under way, every use by itself: none waits for another's judgement."""
        named = {(touch.kind, touch.id) for touch in touches}
        await asyncio.gather(
            *[
                self._again(use, passages, moment)
                for use, passages in self._passages.groups()
                if use in self._in_doubt
                or self._is_forgotten(passages)
                or any(_concerns(named, moment, passage.standing) for passage in passages)
            ]
        )

    def cut_what_cannot_go_on(self) -> None:
        """Cut everything when this process has lost sight of what is in force, or cannot write what happens."""
        if self._current.is_stale:
            self.cut_everything(SnapshotStale.code)
        elif self._writer.has_given_up or self._writer.failing_s() > RECORDLESS_MAX_S:
            self.cut_everything(LedgerUnavailable.code)

    def cut_everything(self, reason: str) -> None:
        """Cut all that is under way in this process."""
        for use, passages in self._passages.groups():
            self._cut(use, passages, reason)

    async def _again(self, use: UseKey, passages: list[Passage], moment: Moment) -> None:
        _, release, component = use
        asked_at = elapsed_us()
        try:
            caller = await self._directory.renewed(passages[0].standing.caller, moment)
            standing = await self._weighing.weigh(caller, component, release)
        except Unauthenticated as error:
            return self._cut(use, passages, error.code)
        except Unavailable as error:
            fell = self._in_doubt.setdefault(use, asked_at)
            if elapsed_us() - fell > DOUBT_MAX_US:
                self._cut(use, passages, error.code)
            return None
        if standing is None:
            return self._cut(use, passages, Reason.MODEL_NOT_FOUND)
        if not standing.decision.allow:
            return self._cut(use, passages, standing.decision.reasons[0])
        self._in_doubt.pop(use, None)
        for passage in passages:
            passage.standing = standing
        return None

    def _is_forgotten(self, passages: list[Passage]) -> bool:
        """Whether a token was forgotten, as when its issuer took back the key that signed it: no touch names those."""
        caller = passages[0].standing.caller
        return caller.token is not None and not self._directory.is_current(caller)

    def _cut(self, use: UseKey, passages: list[Passage], reason: str) -> None:
        self._in_doubt.pop(use, None)
        cut_all(passages, reason)


def _concerns(named: set[tuple[str, str]], moment: Moment, standing: Standing) -> bool:
    if moment.maybe_reached(standing.holds_until):
        return True
    if not named:
        return False
    return (
        any(kind == "policy" for kind, _ in named)
        or ("key", standing.caller.key) in named
        or ("token", standing.caller.credential) in named
        or ("session", standing.caller.session) in named
        or ("person", standing.caller.person) in named
        or ("organisation", standing.caller.organisation) in named
        or ("release", standing.in_force.strategy.release) in named
    )
