"""The revision feed: every process asks the ledger what has changed, several times a second, and follows.

In this order, so that nothing admitted under the old state is missed: forget what the revision
names, swap the snapshot, judge again what is under way. A process that cannot ask goes stale and
refuses; answers under way are then cut.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
import structlog

from gateway.access.current import Current
from gateway.access.judging import Judging
from gateway.access.review import Review
from gateway.access.snapshot import InForce, Snapshot
from gateway.clock import elapsed_us
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger, Touch

log = structlog.get_logger()

Forget = Callable[[str, str], None]
"""Drop what is kept of one subject: its kind and its id, as touches name them."""


GATEWAY = Actor(key="", organisation="")
"""Acts that no caller asked for."""


class Feed:
    """Polls the revision and brings this process up to it."""

    def __init__(
        self,
        ledger: Ledger,
        current: Current,
        judging: Judging,
        load: Callable[[], Awaitable[Mapping[str, InForce]]],
        forgets: Sequence[Forget],
    ) -> None:
        self._ledger = ledger
        self._current = current
        self._judging = judging
        self._load = load
        self._forgets = forgets
        self._revision = -1

    async def run(self, review: Review, poll_s: float) -> None:
        """Poll until cancelled. A poll that fails is logged and tried again; meanwhile the snapshot ages.

        What is under way is judged again beside the polling: a slow judge holds up no news and no cut.
        """
        reviews: set[asyncio.Task[None]] = set()
        while True:
            touches: tuple[Touch, ...] = ()
            try:
                touches = await self.poll()
            except Exception as error:
                log.warning("revision_unread", error=type(error).__name__, age_us=self._current.age_us())
            reviewing = asyncio.create_task(review.run(touches, self._current.clock.now()))
            reviews.add(reviewing)
            reviewing.add_done_callback(reviews.discard)
            review.cut_what_cannot_go_on()
            await asyncio.sleep(poll_s)

    async def poll(self) -> tuple[Touch, ...]:
        """Ask once and follow; returns what was touched. Raises what the database raises: nothing is confirmed then."""
        asked_at = elapsed_us()
        news = await self._ledger.news(self._revision)
        stepped_us = self._current.clock.observe(news.database_now, asked_at, elapsed_us())
        if stepped_us:
            log.warning("clock_stepped", stepped_us=stepped_us)
            await self._ledger.administer(GATEWAY, lambda _: (None, [_clock_stepped(stepped_us)]))
        for touch in news.touches:
            for forget in self._forgets:
                forget(touch.kind, touch.id)
        snapshot = self._current.snapshot
        if self._revision < 0 or any(touch.kind == "release" for touch in news.touches):
            snapshot = Snapshot(news.revision, _held_over(snapshot.releases, await self._load()), self._judging.policy)
        elif (news.revision, self._judging.policy) != (snapshot.revision, snapshot.policy):
            snapshot = msgspec.structs.replace(snapshot, revision=news.revision, policy=self._judging.policy)
        self._revision = news.revision
        self._current.confirm(asked_at, snapshot)
        return news.touches


def _held_over(before: Mapping[str, InForce], after: Mapping[str, InForce]) -> Mapping[str, InForce]:
    """What is in force, by the very values that were before where they are equal: nothing is weighed anew for those."""
    return {name: before[name] if before.get(name) == each else each for name, each in after.items()}


def _clock_stepped(stepped_us: int) -> Act:
    """Recorded, and followed by nobody: no decision changes by it."""
    return Act(event=Event.CLOCK_STEPPED, subject="clock", detail={"stepped_us": stepped_us})
