"""How the parts of one gateway begin, in the order of the house, what they do beside calls, and how they end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from sqlalchemy import Connection

from gateway import __version__
from gateway.access.current import UNCERTAINTY_MAX_US
from gateway.access.feed import GATEWAY
from gateway.access.judges.store import keep_policies
from gateway.access.looking import keep_looking
from gateway.clock import NEVER, SECOND, elapsed_us
from gateway.installation import Installation
from gateway.ledger.acts import latest_by
from gateway.ledger.checkpoints.naming import naming
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Touch

FIRST_POLLS = 20
"""Readings of the clock to try at the start, on a machine too busy to be answered in time."""

TOKEN_KEYS_S = 0.5
"""How often the file of token keys is looked at."""

RECOVERY_S = 10.0
"""How often the calls of processes that died are looked for."""


class Lifetime:
    """One gateway from its start to its end."""

    def __init__(self, parts: Installation) -> None:
        self._parts = parts

    @asynccontextmanager
    async def running(self, _app: object = None) -> AsyncIterator[None]:
        """Start every part, and stop them in reverse."""
        parts = self._parts
        async with AsyncExitStack() as stack:
            stack.push_async_callback(parts.database.close)
            stack.push_async_callback(parts.leisure.close)
            stack.callback(parts.weight_files.close)
            if parts.traces is not None:
                parts.traces.start()
                stack.push_async_callback(asyncio.to_thread, parts.traces.stop)
            await parts.judge.start()
            stack.push_async_callback(parts.judge.stop)
            stack.push_async_callback(parts.explaining.stop)
            await self.tell_the_time()
            await parts.writer.start()
            stack.push_async_callback(parts.writer.stop)
            await parts.recovery.run(elapsed_us(), alone=parts.database.dialect == "sqlite")
            _, moment = parts.current.now()
            await self.record_start()
            parts.bootstrap = first = await parts.directory.bootstrap(moment)
            if first is not None and parts.show is not None:
                parts.show(first)  # before anything else can fail or be told to stop: it exists nowhere else
            await parts.feed.poll()
            await parts.follower.start()
            stack.push_async_callback(parts.follower.stop)
            stack.push_async_callback(parts.connector.close)
            stack.push_async_callback(parts.directory.flush_last_used)
            self._follow_with_metrics()
            for work in self._beside_calls():
                _in_background(stack, work)
            yield

    def _beside_calls(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What goes on until the end, without anybody asking."""
        parts = self._parts
        yield parts.feed.run(parts.review, parts.settings.revision_poll_ms / 1000)
        yield parts.opener.run()
        yield parts.awaited.run()
        for chaser in (parts.request_chaser, parts.review_chaser, parts.place_chaser, parts.stage_chaser):
            yield chaser.run()
        yield parts.directory.run()
        yield keep_looking(self._follow_token_keys, TOKEN_KEYS_S, "token_keys_unread")
        for issuer in parts.issuers:
            yield issuer.keys.run(parts.directory.tokens.drop_all)
        for provider in parts.providers.values():
            yield provider.keys.run(lambda: None)
        if parts.database.dialect != "sqlite":
            yield keep_looking(self._recover, RECOVERY_S, "recovery_failed")

    async def tell_the_time(self) -> None:
        """Ask what is in force until an answer came fast enough to know the time by; the last answer has to do."""
        for _ in range(FIRST_POLLS):
            await self._parts.feed.poll()
            if self._parts.current.clock.now().uncertainty <= UNCERTAINTY_MAX_US:
                return

    async def record_start(self) -> None:
        """Say in the ledger that this process begins, whose ledger it is, and that other policies judge where they do.

        Raises SettingsInvalid where it is another's: of first starts that race with different signing keys, one wins.
        """
        policy = self._parts.judge.policy
        detail = {"version": __version__, "judge": self._parts.settings.judge, "policy": policy}
        started = Act(event=Event.GATEWAY_STARTED, subject=self._parts.ledger.process, detail={**detail})

        def work(connection: Connection) -> tuple[None, list[Act]]:
            keep_policies(connection, self._parts.policies, self._parts.ledger.now().latest)
            acts = [started, *naming(connection, self._parts.signing_key)]
            judged_by = latest_by(connection, NEVER, Event.POLICY_CHANGED) or ""
            if judged_by == policy:
                return None, acts
            changed, touched = {"previous": judged_by}, (Touch("policy", policy),)
            other = Act(event=Event.POLICY_CHANGED, subject=policy, detail={**changed}, touches=touched)
            return None, [*acts, other]

        await self._parts.ledger.administer(GATEWAY, work)

    async def _follow_token_keys(self) -> None:
        """Notice that keys were rotated: what was signed by one that is gone is believed no more."""
        if self._parts.issuer.keys.follow(self._parts.current.clock.now()):
            self._parts.directory.tokens.drop_all()

    async def _recover(self) -> None:
        """Close what other processes left open when they died."""
        await self._parts.recovery.run(elapsed_us(), alone=False)

    def _follow_with_metrics(self) -> None:
        parts = self._parts
        parts.metrics.follow(
            passages_open=lambda: len(parts.gate.passages),
            writer_queue=lambda: parts.writer.backlog,
            revision=lambda: parts.current.snapshot.revision,
            revision_age_s=lambda: (parts.current.age_us() or 0) / SECOND,
            clock_uncertainty_s=lambda: parts.current.clock.now().uncertainty / SECOND,
            clock_steps=lambda: parts.current.clock.steps,
            stages_waiting=parts.awaited.stages,
            change_waiting_s=parts.awaited.change_s,
            reviews_overdue=lambda: parts.review_chaser.overdue,
            requests_open=lambda: parts.request_chaser.standing.requests_open,
            requests_late=lambda: parts.request_chaser.standing.requests_late,
            grants_to_recertify=lambda: parts.request_chaser.standing.grants_to_recertify,
            stage_reviews_overdue=parts.stage_chaser.count,
        )


def _in_background(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
