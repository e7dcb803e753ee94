"""The gate: the one place where a question is asked, answered and recorded; nothing passes elsewhere.

1. take the snapshot; find the release, the stage open now, the grant, the terms accepted;
2. put what stands into one question and ask the judge, or take the answer kept for that very question;
3. check the particulars of this call against the obligations; take a place where the stage counts whom it admits;
4. hand the intent to the ledger's writer, which takes the limits, and wait until it is durable;
5. refused: raise with reasons. Admitted: the block runs under its obligations;
6. on leaving the block, however it ends, record how it went and settle the limits.
"""

import asyncio
from functools import partial
from types import TracebackType
from typing import NoReturn

import structlog

from gateway.access import recording
from gateway.access.calls import Breach, Call, Terms, bind
from gateway.access.passages import OpenPassages, Passage, Standing
from gateway.access.places.asking import Places
from gateway.access.places.records import Turn
from gateway.access.quotas import Exceeded, Take, Taken, near, scope_of
from gateway.access.reasons import Reason
from gateway.access.refusals import Refusals, Refused
from gateway.access.standing import door_of
from gateway.access.weighing import WEIGHINGS_MAX, Weighing
from gateway.clock import elapsed_us
from gateway.errors import LedgerUnavailable, SnapshotStale
from gateway.identity.callers import Caller
from gateway.ledger.entries import Draft
from gateway.ledger.intents import Intent, Receipt
from gateway.ledger.writer import Writer
from gateway.metrics import Metrics
from gateway.releases.components import Component

log = structlog.get_logger()


class Gate:
    """Admits calls, or refuses them with reasons, and records either before it happens."""

    def __init__(
        self,
        weighing: Weighing,
        writer: Writer,
        *,
        places: Places,
        refusals: Refusals,
        metrics: Metrics,
    ) -> None:
        self._weighing = weighing
        self._writer = writer
        self._places = places
        self._refusals = refusals
        self._metrics = metrics
        self.passages = OpenPassages()

    def admit(self, caller: Caller, component: Component, release: str, call: Call) -> "Admission":
        """Run the block under a passage. Raises Refused, or Unavailable when it cannot be judged or recorded."""
        return Admission(self, caller, component, release, call)

    async def enter(self, caller: Caller, component: Component, release: str, call: Call) -> Passage:
        """Steps 1 to 5. The passage is to be left by `leave`, whatever happens; nothing has to be where this raises."""
        kept = self._weighing.kept(caller, component, release)
        at_once = None if kept is None else _at_once(call, kept)  # nothing to wait for, as for most calls
        standing, terms = at_once or await self._cleared(caller, component, release, call)  # 1 to 3
        passage = Passage(call.request_id, (caller.credential, release, component), standing, terms)
        self.passages.add(passage)  # before it is recorded: a narrowing meanwhile must find it
        try:
            await self._admitted(call, component, passage)  # 4, 5
        except BaseException as error:
            self.leave(passage, type(error))
            raise
        return passage

    async def _cleared(self, caller: Caller, component: Component, release: str, call: Call) -> tuple[Standing, Terms]:
        """Steps 1 to 3, anew where what was weighed changed while a place was taken."""
        for _ in range(WEIGHINGS_MAX):
            answers = self._weighing.answers
            standing = await self._weighing.weigh_soundly(caller, component, release)  # 1, 2
            if standing is None or not standing.decision.visible:
                await self._weighing.conceal(caller, answers)
            if standing is None:
                draft = recording.refused_unknown(call, component, caller, Reason.MODEL_NOT_FOUND)
                await self._refuse(draft, self._refusals.unknown(call))
            terms = await self._bound(call, component, standing)  # 3
            if not _takes_a_place(standing):
                return standing, terms
            await self._placed(call, component, standing)
            if self._weighing.kept(standing.caller, component, release) is standing:
                return standing, terms
        raise SnapshotStale("What is in force changes faster than a place in it can be taken.")

    def leave(self, passage: Passage, error: type[BaseException] | None) -> None:  # 6
        """Step 6. Never waits: what is recorded is handed over, and kept until it is durable."""
        if error is not None and not passage.outcome:
            passage.outcome = "client_gone" if issubclass(error, (asyncio.CancelledError, GeneratorExit)) else "failed"
        self.passages.remove(passage)
        if passage.taken is not None:
            self._finish(passage)

    async def _bound(self, call: Call, component: Component, standing: Standing) -> Terms:
        decision = standing.decision
        if not decision.allow or decision.obligations is None:
            turn = await self._asked(standing) if decision.reasons == (Reason.STAGE_FULL,) else None
            draft = recording.refused(call, component, standing, decision.reasons)
            refused = self._refusals.judged(call, standing)
            await self._refuse(draft, refused if turn is None else self._refusals.waiting(call, turn))
        bound = bind(call, decision.obligations)
        if isinstance(bound, Breach):
            draft = recording.refused(call, component, standing, (bound.reason,))
            await self._refuse(draft, self._refusals.breach(call, bound))
        return bound

    async def _placed(self, call: Call, component: Component, standing: Standing) -> None:
        """Take a place in line, or find the one that was taken: it is kept."""
        turn = await self._asked(standing)
        if turn is None:
            raise SnapshotStale("The stage has changed while a place in it was taken.")
        if turn.waiting:
            draft = recording.refused(call, component, standing, (Reason.STAGE_FULL,))
            await self._refuse(draft, self._refusals.waiting(call, turn))

    async def _asked(self, standing: Standing) -> Turn | None:
        caller, stage = standing.caller, standing.gathered.stage
        assert stage is not None, "only an open stage has places"
        actor = caller.actor
        return await self._places.ask(actor, standing.in_force.strategy.release, stage.name)

    async def _admitted(self, call: Call, component: Component, passage: Passage) -> None:
        standing, terms = passage.standing, passage.terms
        obligations = standing.decision.obligations
        assert obligations is not None
        claim = Take(
            scope_of(standing.caller.organisation, standing.in_force.strategy.release),
            terms.tokens_reserved,
            obligations.requests_per_minute,
            obligations.tokens_per_day,
        )
        receipt = await self._recorded(recording.admitted(call, component, passage, claim), passage)
        if isinstance(receipt.answer, Exceeded):
            raise self._refusals.exceeded(call, terms, receipt.answer)
        passage.begin(receipt, elapsed_us())
        if isinstance(receipt.answer, Taken):
            self._metrics.limits_near(near(claim, receipt.answer))
        if passage.cut_reason:
            raise self._refusals.ended(call.request_id, passage.cut_reason)

    async def _recorded(self, intent: Intent, passage: Passage) -> Receipt:
        """Wait until the intent is durable; if nobody waits any more when it is, close what it opened."""
        recorded = self._writer.submit(intent)
        try:
            return await self._writer.wait(recorded)
        except (LedgerUnavailable, asyncio.CancelledError):
            recorded.add_done_callback(lambda late: self._abandon(late, passage))
            raise

    def _finish(self, passage: Passage) -> None:
        """Shielded from every cancellation: handed over, and kept until it is durable.

        Where this process may write no more, the next one finds the call open and closes it.
        """
        try:
            in_short = partial(recording.finished_in_short, passage)
            self._writer.submit(recording.finished(passage), keep=True, in_short=in_short)
        except LedgerUnavailable:
            log.warning("call_left_open", request_id=passage.request_id)
        if passage.cut_reason:
            self._metrics.stream_cut(passage.cut_reason)
        self._metrics.call_finished(door_of(passage.use[2]), "cut" if passage.cut_reason else passage.outcome)

    def _abandon(self, late: "asyncio.Future[Receipt]", passage: Passage) -> None:
        if late.cancelled() or late.exception() is not None:
            return
        receipt = late.result()
        if isinstance(receipt.answer, Taken):
            passage.begin(receipt, elapsed_us())
            passage.outcome = "abandoned"
            self._finish(passage)

    async def _refuse(self, draft: Draft, refused: Refused) -> NoReturn:
        """Record a refusal, then tell it. What cannot be recorded is not told as a refusal either."""
        await self._writer.wait(self._writer.submit(Intent(draft)))
        raise refused


def _at_once(call: Call, standing: Standing) -> tuple[Standing, Terms] | None:
    """Steps 1 to 3 for a use that was weighed before, and whose call keeps to what binds it; None for any other."""
    decision = standing.decision
    if not decision.allow or not decision.visible or decision.obligations is None or _takes_a_place(standing):
        return None
    bound = bind(call, decision.obligations)
    return None if isinstance(bound, Breach) else (standing, bound)


def _takes_a_place(standing: Standing) -> bool:
    """Whether the stage counts whom it admits, and the caller's organisation is not among them yet."""
    stage = standing.gathered.question.stage
    return stage is not None and stage.place == "free"


class Admission:
    """One call at the gate, as a context: entered by whoever is admitted, left however it ends.

    Written out, for it stands around every call: a generator in its place costs three times as much.
    """

    __slots__ = ("_call", "_caller", "_component", "_gate", "_passage", "_release")

    def __init__(self, gate: Gate, caller: Caller, component: Component, release: str, call: Call) -> None:
        self._gate = gate
        self._caller = caller
        self._component = component
        self._release = release
        self._call = call
        self._passage: Passage | None = None

    async def __aenter__(self) -> Passage:
        passage = await self._gate.enter(self._caller, self._component, self._release, self._call)
        self._passage = passage
        return passage

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._passage is not None:
            self._gate.leave(self._passage, kind)
