"""`/control/requests`: asking for access to a limited release, and reviewing who asks."""

from collections.abc import Awaitable
from typing import Annotated, Literal

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody, QueryParameter

from gateway.access.requests.request import AccessRequest
from gateway.access.requests.reviewed import Reviewed, absent, may_read
from gateway.clock import Moment
from gateway.control.areas import Areas, Asking, InAreas, Now
from gateway.control.asked import (
    ShownRequest,
    WholeRequest,
    shown_request,
    states_of,
    whole_request,
)
from gateway.control.forms import check_known
from gateway.control.guards import open_to
from gateway.control.known import knows_of, those_known
from gateway.control.wire import (
    After,
    Body,
    Digest,
    Limit,
    Line,
    OrganisationFilter,
    RecordInPath,
    ReleaseFilter,
    ReleaseName,
    When,
    Words,
    instant_in,
)
from gateway.identity.callers import OVERSIGHT, Caller, Role

REVIEWING = (Role.PROVIDER, Role.APPROVER, Role.ANALYST)
"""Roles that may review where a form names them."""

Answer = bool | int | Annotated[str, msgspec.Meta(max_length=10_000)]
Answers = Annotated[
    dict[Annotated[str, msgspec.Meta(min_length=1, max_length=64)], Answer], msgspec.Meta(max_length=50)
]
Only = Literal[
    "open", "pending_review", "needs_info", "awaiting_second_approval", "awaiting_external_concurrence",
    "granted", "rejected", "withdrawn", "expired_unreviewed",
]  # fmt: skip


class NewRequest(Body, frozen=True):
    """What is asked for, and the form filled in. It is asked for one's own organisation."""

    release: ReleaseName
    answers: Answers
    """By name of the field."""


class MoreInfo(Body, frozen=True):
    """What a reviewer wanted to know. Answers that are not given stay as they were."""

    reply: Words
    answers: Answers = msgspec.field(default_factory=dict)


class Wanted(Body, frozen=True):
    """What a reviewer wants to know before they decide."""

    question: Words


class Reading(Body, frozen=True):
    """What was read and is approved."""

    commitment: Digest
    """Of the request, as it was shown."""


class Concurring(Body, frozen=True):
    """An authority's word as it was given."""

    reference: Line
    """Of a letter, a ticket, a decision. Kept in the ledger."""
    expires_at: When | None = None
    """The grant ends with it; left out where it does not expire."""


class Refusing(Body, frozen=True):
    """Why a request is rejected. Kept in the ledger."""

    reason: Line
    final: bool = False
    """Whether the organisation may never ask for this release again."""


class RequestPage(msgspec.Struct, frozen=True):
    """Some requests, from the newest backwards."""

    requests: list[ShownRequest]
    next: str | None
    """Where the next page begins; null on the last."""


class RequestsForAccess(Controller):
    """Requests: asked by an organisation, reviewed by the provider's people."""

    path = "/requests"
    tags = ("requests",)

    @get("/", **open_to(*OVERSIGHT, Role.DEVELOPER))
    async def index(
        self,
        *,
        areas: InAreas,
        caller: Asking,
        moment: Now,
        organisation: OrganisationFilter = None,
        release: ReleaseFilter = None,
        only: Annotated[Only | None, QueryParameter()] = None,
        after: After = None,
        limit: Limit = 50,
    ) -> RequestPage:
        """Requests from the newest backwards. A developer sees those of its own organisation."""
        if not caller.has(*OVERSIGHT):
            if organisation not in {None, caller.organisation}:
                return RequestPage([], None)
            organisation = caller.organisation
        found = await areas.requests.page(
            organisation=organisation or "",
            release=release or "",
            states=states_of(only),
            before=after or "",
            limit=limit,
        )
        last = found[-1].id if len(found) == limit else None
        known = await those_known(areas, caller, found, lambda request: request.release)
        return RequestPage([shown_request(each, moment) for each in known], last)

    @post("/", **open_to(Role.DEVELOPER))
    async def ask(self, data: JSONBody[NewRequest], areas: InAreas, caller: Asking, moment: Now) -> ShownRequest:
        """Ask for access for my organisation; `GET …/request-form` of the release says what is asked."""
        await check_known(areas, caller, data.release)
        return shown_request(await areas.requests.ask(caller, data.release, data.answers, moment), moment)

    @get("/{request_id:str}", **open_to(*OVERSIGHT, Role.DEVELOPER))
    async def show(self, request_id: RecordInPath, areas: InAreas, caller: Asking, moment: Now) -> WholeRequest:
        """A request as it stands. What people wrote is shown to who asked and to who reviews."""
        return _whole(await _seen(areas, caller, request_id, moment), caller, moment)

    @post("/{request_id:str}/withdraw", status_code=200, **open_to(Role.DEVELOPER))
    async def withdraw(self, request_id: RecordInPath, areas: InAreas, caller: Asking, moment: Now) -> ShownRequest:
        """Take a request of my organisation back."""
        await _seen(areas, caller, request_id, moment)
        return shown_request(await areas.requests.withdraw(caller, request_id, moment), moment)

    @post("/{request_id:str}/answer", status_code=200, **open_to(Role.DEVELOPER))
    async def answer(
        self, request_id: RecordInPath, data: JSONBody[MoreInfo], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownRequest:
        """Answer what a reviewer wanted to know."""
        await _seen(areas, caller, request_id, moment)
        answered = await areas.requests.answer(caller, request_id, data.answers, data.reply, moment)
        return shown_request(answered, moment)

    @post("/{request_id:str}/need-info", status_code=200, **open_to(*REVIEWING))
    async def need_info(
        self, request_id: RecordInPath, data: JSONBody[Wanted], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownRequest:
        """Ask something back before deciding."""
        return await _told(areas.requests.need_info(caller, request_id, data.question, moment), moment)

    @post("/{request_id:str}/approve", status_code=200, **open_to(*REVIEWING))
    async def approve(
        self, request_id: RecordInPath, data: JSONBody[Reading], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownRequest:
        """Approve what was read. Once nothing is missing the grant is given, in force within a second."""
        return await _told(areas.requests.approve(caller, request_id, data.commitment, moment), moment)

    @post("/{request_id:str}/concur", status_code=200, **open_to(*REVIEWING))
    async def concur(
        self, request_id: RecordInPath, data: JSONBody[Concurring], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownRequest:
        """Record that the authority outside concurs."""
        until = instant_in(data.expires_at, "expires_at")
        return await _told(areas.requests.concur(caller, request_id, data.reference, until, moment), moment)

    @post("/{request_id:str}/reject", status_code=200, **open_to(*REVIEWING))
    async def reject(
        self, request_id: RecordInPath, data: JSONBody[Refusing], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownRequest:
        """Say no, with a reason that the asker reads: for good, or so that it may be asked for again."""
        return await _told(areas.requests.reject(caller, request_id, data.reason, moment, final=data.final), moment)


async def _told(acting: Awaitable[AccessRequest], moment: Moment) -> ShownRequest:
    return shown_request(await acting, moment)


async def _seen(areas: Areas, caller: Caller, request_id: str, moment: Moment) -> Reviewed:
    """The request, if this caller may know of it. Raises NotFound alike where there is none and where it may not."""
    reviewed = await areas.requests.get(request_id, moment)
    request = reviewed.request
    if request is None or not (caller.has(*OVERSIGHT) or request.organisation == caller.organisation):
        raise absent(request_id)
    if not await knows_of(areas, caller, request.release):
        raise absent(request_id)
    return reviewed


def _whole(reviewed: Reviewed, caller: Caller, moment: Moment) -> WholeRequest:
    form = reviewed.form
    reviews = form is not None and caller.has(*form.reviewers)
    return whole_request(reviewed, moment, reads=may_read(caller, reviewed), reviews=reviews)
