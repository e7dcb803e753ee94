"""Access asked for, reviewed and granted: the judge says whether, acting.py writes.

The judge cannot be asked inside a transaction. So it is asked on what was read, and the write goes
through only while all of that still stands; else it is read and judged again.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from gateway.access.judges.port import Judge
from gateway.access.requests import acting, store
from gateway.access.requests.acting import Judged, Moved
from gateway.access.requests.decisions import RequestRefused
from gateway.access.requests.filling import check_answers
from gateway.access.requests.moving import filled, form_of, written_form
from gateway.access.requests.request import (
    OF_THE_ASKER,
    AccessRequest,
    Answers,
    Commitments,
    RequestAct,
    RequestApproval,
    RequestState,
    possible,
)
from gateway.access.requests.reviewed import Reviewed, question, read_asking, read_request
from gateway.clock import Instant, Moment
from gateway.database.engine import Readable
from gateway.errors import Conflict, Invalid, JudgeUnavailable
from gateway.identity.callers import Caller
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Ledger
from gateway.releases.evidence.records import A_LATER_END
from gateway.releases.forms import RequestForm

T = TypeVar("T")
Work = Callable[[Connection], tuple[AccessRequest, Sequence[Act]]]

TRIES_MAX = 8
"""How often an act is judged anew because what it was judged on moved meanwhile."""

PAGE_MAX = 200


class Requests:
    """Everything that is done about requests for access."""

    def __init__(self, database: Readable, ledger: Ledger, judge: Judge) -> None:
        self._database = database
        self._ledger = ledger
        self._judge = judge

    async def ask(self, caller: Caller, release: str, answers: Answers, moment: Moment) -> AccessRequest:
        """Ask for access for one's own organisation. Raises Invalid for answers that do not fit, RequestRefused."""

        def read(connection: Connection) -> Reviewed:
            return read_asking(connection, caller.organisation, release, caller.key, moment)

        async def judged(reviewed: Reviewed) -> Work:
            judged = await self._judged(RequestAct.ASK, reviewed, caller, moment)
            assert reviewed.form is not None, "no policy may let ask where there is no form: see _judged"
            return partial(acting.ask, judged=judged, request=_asked(caller, release, reviewed.form, answers, moment))

        return await self._act(caller, read, judged)

    async def answer(self, caller: Caller, request: str, answers: Answers, reply: str, moment: Moment) -> AccessRequest:
        """Answer what a reviewer wanted to know; fields that are not given stay as they were."""

        def becomes(held: AccessRequest) -> AccessRequest:
            merged = check_answers(form_of(held), {**(held.answers or {}), **answers})
            return filled(held, merged, reply)

        return await self._moved(
            RequestAct.ANSWER, Event.REQUEST_ANSWERED, caller=caller, request=request, moment=moment, becomes=becomes
        )

    async def need_info(self, caller: Caller, request: str, wanted: str, moment: Moment) -> AccessRequest:
        """Ask something back; what was approved so far counts again only where the answers stay the same."""

        def becomes(held: AccessRequest) -> AccessRequest:
            return msgspec.structs.replace(held, question=wanted)

        return await self._moved(
            RequestAct.NEED_INFO,
            Event.REQUEST_INFO_NEEDED,
            caller=caller,
            request=request,
            moment=moment,
            becomes=becomes,
        )

    async def reject(
        self, caller: Caller, request: str, reason: str, moment: Moment, *, final: bool = False
    ) -> AccessRequest:
        """Say no: for good, or so that it may be asked for again."""

        def becomes(held: AccessRequest) -> AccessRequest:
            return msgspec.structs.replace(held, reason=reason, is_final=final)

        detail: acting.Detail = {"cause": reason, "final": final}
        return await self._moved(
            RequestAct.REJECT,
            Event.REQUEST_REJECTED,
            caller=caller,
            request=request,
            moment=moment,
            becomes=becomes,
            detail=detail,
        )

    async def withdraw(self, caller: Caller, request: str, moment: Moment) -> AccessRequest:
        """Take one's own organisation's request back."""
        return await self._moved(
            RequestAct.WITHDRAW, Event.REQUEST_WITHDRAWN, caller=caller, request=request, moment=moment
        )

    async def approve(self, caller: Caller, request: str, commitment: str, moment: Moment) -> AccessRequest:
        """Approve what was read, which the commitment names; it is granted once nothing is missing."""

        async def judged(reviewed: Reviewed) -> Work:
            if reviewed.request is not None and reviewed.request.commitment.digest != commitment:
                raise Conflict(
                    "What you mean to approve is not what the request says now: its answers are others.",
                    code="request_differs",
                    next_step="Look at it again with `gateway request show`, and name the commitment that you saw.",
                )
            judged = await self._judged(RequestAct.APPROVE, reviewed, caller, moment)
            approval = RequestApproval(caller.key, _role(caller, reviewed.form), commitment, moment.latest)
            return partial(acting.approve, judged=judged, approval=approval)

        return await self._on(caller, request, moment, judged)

    async def concur(
        self, caller: Caller, request: str, reference: str, until: Instant | None, moment: Moment
    ) -> AccessRequest:
        """Record that the authority outside concurs; the grant lasts no longer than its word."""
        if until is not None and moment.maybe_reached(until):
            raise Invalid("The concurrence would have expired already.", param="expires_at", next_step=A_LATER_END)

        async def judged(reviewed: Reviewed) -> Work:
            judged = await self._judged(RequestAct.CONCUR, reviewed, caller, moment)
            held = reviewed.request
            assert held is not None
            authority = (reviewed.form.concurrence if reviewed.form is not None else "") or held.authority
            said = msgspec.structs.replace(held, authority=authority, concurrence=reference, concurs_until=until)
            return partial(acting.concur, judged=judged, becomes=said)

        return await self._on(caller, request, moment, judged)

    async def get(self, request: str, moment: Moment) -> Reviewed:
        """A request as it stands. Raises NotFound."""
        return await self._database.read(lambda connection: read_request(connection, request, moment))

    async def page(
        self, *, organisation: str, release: str, states: Sequence[RequestState], before: str, limit: int
    ) -> list[AccessRequest]:
        """Requests from the newest backwards."""
        most = max(1, min(limit, PAGE_MAX))
        return await self._database.read(
            lambda connection: store.requests(
                connection, organisation=organisation, release=release, states=states, before=before, limit=most
            )
        )

    async def _moved(
        self,
        act: RequestAct,
        event: Event,
        *,
        caller: Caller,
        request: str,
        moment: Moment,
        becomes: Callable[[AccessRequest], AccessRequest] = lambda held: held,
        detail: acting.Detail | None = None,
    ) -> AccessRequest:
        async def judged(reviewed: Reviewed) -> Work:
            judged = await self._judged(act, reviewed, caller, moment)
            held = reviewed.request
            assert held is not None
            moved = becomes(held)
            said: acting.Detail = {"commitment": moved.commitment.digest, **(detail or {})}
            return partial(acting.move, judged=judged, event=event, becomes=moved, detail=said)

        return await self._on(caller, request, moment, judged)

    async def _on(
        self, caller: Caller, request: str, moment: Moment, judged: Callable[[Reviewed], Awaitable[Work]]
    ) -> AccessRequest:
        def read(connection: Connection) -> Reviewed:
            return read_request(connection, request, moment, caller.key)

        return await self._act(caller, read, judged)

    async def _act(
        self,
        caller: Caller,
        read: Callable[[Connection], Reviewed],
        judged: Callable[[Reviewed], Awaitable[Work]],
    ) -> AccessRequest:
        """Judge and write, until nothing moves in between."""
        actor = caller.actor
        for _ in range(TRIES_MAX):
            work = await judged(await self._database.read(read))
            try:
                return await self._ledger.administer(actor, work)
            except Moved:
                continue
        raise Conflict(
            "The request moves faster than it can be judged.",
            code="request_contended",
            next_step="See how it stands with `gateway request show`, and try again.",
        )

    async def _judged(self, act: RequestAct, reviewed: Reviewed, caller: Caller, moment: Moment) -> Judged:
        """The act, if it may pass. Raises Conflict with what is possible, or RequestRefused."""
        request = reviewed.request
        if request is not None and act not in possible(request.state):
            raise _impossible(request)
        decision = await self._judge.ask_request(question(act, reviewed, caller))
        if not decision.allow or decision.leads_to is None:
            raise RequestRefused(decision.reasons)
        if reviewed.form is None and act not in (RequestAct.REJECT, RequestAct.WITHDRAW):
            raise JudgeUnavailable("The policies let something pass that the release has no form for.")
        actor = caller.actor
        return Judged(actor, reviewed, RequestState(decision.leads_to), moment)


def _asked(caller: Caller, release: str, form: RequestForm, answers: Answers, moment: Moment) -> AccessRequest:
    request = AccessRequest(
        id=f"request_{moment.earliest:014x}{secrets.token_hex(5)}",
        organisation=caller.organisation,
        release=release,
        state=RequestState.SUBMITTED,
        form=written_form(form),
        answers=None,
        commitment=Commitments("", None),
        asked_at=moment.latest,
        asked_by=caller.key,
        authority=form.concurrence,
    )
    return filled(request, check_answers(form, answers), "")


def _impossible(request: AccessRequest) -> Conflict:
    acts: dict[str, list[str]] = {"Reviewers": [], "Whoever asked": []}
    for act in possible(request.state):
        acts["Whoever asked" if act in OF_THE_ASKER else "Reviewers"].append(act.command)
    told = " ".join(f"{who} can: {', '.join(names)}." for who, names in acts.items() if names)
    return Conflict(
        f"The request is {request.state}: this cannot be done now.",
        code="act_not_possible",
        next_step=told or "It is closed: nothing more can be done about it.",
    )


def _role(caller: Caller, form: RequestForm | None) -> str:
    """The role that somebody reviews in: the first that they hold of those that may."""
    reviewers = () if form is None else form.reviewers
    return next((role.value for role in reviewers if role in caller.roles), "")
