"""Changes planned, approved, rejected, applied and reviewed: the judge says whether, the releases' own code writes.

The judge cannot be asked inside a transaction. So it is asked on what was read, and the write goes
through only while all of that still stands; else it is read and judged again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from gateway.access.change_decisions import ChangeDecision, ChangeReason, ChangeRefused
from gateway.access.change_questions import ActOnChange, ChangeQuestion
from gateway.access.judges.port import Judge
from gateway.access.proposed import (
    Acting,
    Proposed,
    Surroundings,
    act_of,
    application,
    proposed_of,
    question,
    read_proposed,
    with_approval,
)
from gateway.clock import SECOND, Moment
from gateway.database.engine import Readable
from gateway.errors import Conflict
from gateway.identity.callers import Caller, Role
from gateway.ledger.store import Act, Actor, Ledger
from gateway.releases.changes import acting
from gateway.releases.changes import store as changes
from gateway.releases.changes.change import Approval, Change, ChangeState, weigh
from gateway.releases.files import Reading
from gateway.releases.recorded import Recorded, recorded_of
from gateway.releases.store import version_in_force
from gateway.releases.versions import StrategyVersion

T = TypeVar("T")
Work = Callable[[Connection], tuple[T, Sequence[Act]]]

TRIES_MAX = 5
"""How often an act is judged anew because what it was judged on moved meanwhile."""

PAGE_MAX = 200
WEIGHING_S = 1.0
PAGE_S = 10.0
"""How long one page may be weighed, and how long it is waited for: one change is shown however long it takes."""


class Changing:
    """Everything that is done about changes."""

    def __init__(self, database: Readable, ledger: Ledger, judge: Judge, *, asks_sign_in: bool = False) -> None:
        """`asks_sign_in`: people sign in at this gateway, so that irreversible steps may ask them to do so anew."""
        self._database = database
        self._ledger = ledger
        self._asks_sign_in = asks_sign_in
        self._judge = judge

    @property
    def policy(self) -> str:
        """Digest of the policy set that judges."""
        return self._judge.policy

    async def plan(
        self,
        caller: Caller,
        reading: Reading,
        file: bytes,
        moment: Moment,
        *,
        base: str | None = None,
        adopt: bool = False,
    ) -> Change:
        """Write a file down as a change to what is in force; nothing passes otherwise by it. Raises InvalidFile."""
        planning = acting.Planning(reading, file, base, adopt, caller.key, self._judge.policy, moment)
        for _ in range(TRIES_MAX):
            in_force, recorded = await self._database.read(partial(_stands, release=reading.release))
            change, held = acting.proposed(planning, in_force), None if in_force is None else in_force.strategy
            # Not in the transaction, and not on the loop: what takes long to weigh holds up nobody's call.
            weighed = await asyncio.to_thread(weigh, change, held, recorded)
            planned = partial(acting.plan, planning=planning, change=change, weighed=weighed)
            with suppress(acting.Moved):
                return await self._ledger.administer(_actor(caller), planned)
        raise _contended()

    async def get(self, change_id: str, *keys: str) -> Proposed:
        """A change as it stands, with the lineages of these keys too. Raises NotFound."""
        return await self._database.read(lambda connection: read_proposed(connection, change_id, *keys))

    async def page(
        self, *, release: str, state: ChangeState | None, before: str, limit: int
    ) -> tuple[list[Proposed], bool]:
        """Changes from the newest backwards, to be shown, and whether those are the last.

        Each is weighed by what is recorded now: where that takes long, a page ends early, and the next goes on.
        """
        most = max(1, min(limit, PAGE_MAX))

        def work(connection: Connection) -> tuple[list[Proposed], bool]:
            until = monotonic() + WEIGHING_S
            found = changes.changes(connection, release=release, state=state, before=before, limit=most)
            around, shown = Surroundings(connection), list[Proposed]()
            for change in found:
                shown.append(proposed_of(around, change))
                if monotonic() > until:
                    break
            return shown, len(shown) == len(found) < most

        return await self._database.read(work, deadline_s=PAGE_S)

    async def outlook(self, proposed: Proposed, moment: Moment) -> ChangeDecision:
        """What the judge says of applying it now: what it still needs."""
        return await self._judge.ask_change(application(proposed, self._judge.policy, moment))

    async def approve(self, caller: Caller, change_id: str, approval: Approval, moment: Moment) -> Change:
        """Agree to a change, or review one that was applied on one person's word. Raises ChangeRefused."""

        async def judged(proposed: Proposed) -> Work[Change]:
            change = proposed.change
            if approval.digest != change.digest:
                raise Conflict(
                    "What you mean to approve is not this change: its digest is another.",
                    code="change_differs",
                    next_step="Look at it again with `gateway change show`, and name the digest that you saw.",
                )
            if approval.grounds and approval.grounds != proposed.grounds:
                raise Conflict(
                    "The evidence is not what it was when you looked.",
                    code="evidence_moved",
                    next_step="Look at it again with `gateway change show`, then approve.",
                )
            given = msgspec.structs.replace(approval, grounds=proposed.grounds)
            who = Acting(
                key=caller.key,
                roles=caller.roles,
                role=approval.role,
                acknowledged=approval.acknowledged,
                asks_sign_in=self._asks_sign_in,
                signed_in_s=caller.signed_in_s(moment),
            )
            await self._pass(question(act_of(change), proposed, who, self._judge.policy, moment))
            state = await self._state_with(proposed, given, moment)
            return partial(acting.approve, judged=change, in_force=proposed.in_force, approval=given, state=state)

        return await self._act(caller, change_id, judged)

    async def reject(self, caller: Caller, change_id: str, role: str, cause: str, moment: Moment) -> Change:
        """Say that a change will not be. Raises ChangeRefused."""

        async def judged(proposed: Proposed) -> Work[Change]:
            who = Acting(caller.key, caller.roles, role)
            await self._pass(question(ActOnChange.REJECT, proposed, who, self._judge.policy, moment))
            return partial(acting.reject, actor=_actor(caller), judged=proposed.change, moment=moment, cause=cause)

        return await self._act(caller, change_id, judged)

    async def apply(self, caller: Caller, change_id: str, moment: Moment) -> tuple[Change, StrategyVersion]:
        """Bring a change into force: everywhere within a second. Raises ChangeRefused with all that is missing."""

        async def judged(proposed: Proposed) -> Work[tuple[Change, StrategyVersion]]:
            who = Acting(caller.key, caller.roles, Role.PROVIDER)
            decision = await self._pass(question(ActOnChange.APPLY, proposed, who, self._judge.policy, moment))
            within_s = decision.review_within_s
            return partial(
                acting.apply,
                actor=_actor(caller),
                judged=proposed.change,
                weighed=proposed.weighed,
                grounds=proposed.grounds,
                moment=moment,
                review_by=None if within_s is None else moment.latest + within_s * SECOND,
            )

        return await self._act(caller, change_id, judged)

    async def _act(self, caller: Caller, change_id: str, judged: Callable[[Proposed], Awaitable[Work[T]]]) -> T:
        """Judge and write, until nothing moves in between."""
        for _ in range(TRIES_MAX):
            work = await judged(await self.get(change_id, caller.key))
            try:
                return await self._ledger.administer(_actor(caller), work)
            except acting.Moved:
                continue
        raise _contended()

    async def _pass(self, asked: ChangeQuestion) -> ChangeDecision:
        decision = await self._judge.ask_change(asked)
        if not decision.allow:
            raise ChangeRefused(decision.reasons)
        return decision

    async def _state_with(self, proposed: Proposed, approval: Approval, moment: Moment) -> ChangeState:
        """How far the change has come once this is given: approved where nothing but time is missing."""
        if proposed.change.state is ChangeState.APPLIED:
            return ChangeState.APPLIED
        decision = await self.outlook(with_approval(proposed, approval), moment)
        is_enough = decision.allow or set(decision.reasons) <= {ChangeReason.COOLING_OFF}
        return ChangeState.APPROVED if is_enough else ChangeState.PLANNED


def _actor(caller: Caller) -> Actor:
    return caller.actor


def _stands(connection: Connection, release: str) -> tuple[StrategyVersion | None, Recorded]:
    return version_in_force(connection, release), recorded_of(connection, release)


def _contended() -> Conflict:
    return Conflict(
        "The change moves faster than it can be judged.",
        code="change_contended",
        next_step="See how it stands with `gateway change show`, and try again.",
    )
