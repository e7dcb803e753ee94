"""Acts on requests: each function is the inside of one transaction, with what the ledger says of it.

Whether an act may pass was judged before, on what was read then. Here that is read again behind the
ledger's lock: where anything has moved in between, nothing is written, and it must be judged anew.
What people wrote is never in an entry: only a salted commitment to it is.
"""

import msgspec
from sqlalchemy import Connection

from gateway.access.requests import store
from gateway.access.requests.granting import granted
from gateway.access.requests.moving import entered
from gateway.access.requests.request import AccessRequest, RequestApproval, RequestState
from gateway.access.requests.reviewed import Reviewed, read_asking, read_request
from gateway.clock import Moment, text_from
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor

Detail = dict[str, str | int | bool | list[str]]


class Moved(Exception):
    """What an act was judged on is no longer so."""


class Judged(msgspec.Struct, frozen=True):
    """An act that may pass: who does it, on what it was judged, and where it leads."""

    actor: Actor
    reviewed: Reviewed
    leads_to: RequestState
    moment: Moment


def ask(connection: Connection, judged: Judged, request: AccessRequest) -> tuple[AccessRequest, list[Act]]:
    """Write a request down, screen it, and put it before whoever reviews. Raises Moved."""
    moment, screening = judged.moment, judged.reviewed.screening
    now = read_asking(connection, request.organisation, request.release, request.asked_by, moment)
    if now.basis != judged.reviewed.basis:
        raise Moved
    pending = entered(request, RequestState.PENDING_REVIEW, moment.latest)
    store.add_request(connection, pending)
    submitted: Detail = {"commitment": pending.commitment.digest, "fields": len(pending.answers or {})}
    screened: Detail = {
        "unknown": list(screening.unknown),
        "audiences": [f"{name}: {truth}" for name, truth in sorted(screening.audiences.items())],
        "earlier": [f"{each.id}: {each.state}" for each in judged.reviewed.earlier[:10]],
    }
    return pending, [
        act_on(Event.REQUEST_SUBMITTED, request, submitted),
        act_on(Event.REQUEST_SCREENED, pending, screened | _limits(pending)),
    ]


def move(
    connection: Connection, judged: Judged, event: Event, becomes: AccessRequest, detail: Detail
) -> tuple[AccessRequest, list[Act]]:
    """Bring a request into the state that the act leads to. Raises Moved."""
    held = _unmoved(connection, judged)
    moved = entered(becomes, judged.leads_to, judged.moment.latest, judged.actor.key)
    if not store.move_request(connection, moved, held.acts):
        raise Moved
    return moved, [act_on(event, moved, detail | _limits(moved))]


def approve(connection: Connection, judged: Judged, approval: RequestApproval) -> tuple[AccessRequest, list[Act]]:
    """Write a reviewer's word; where nothing is missing any more, the grant is given by it. Raises Moved."""
    held = _unmoved(connection, judged)
    store.add_approval(connection, held.id, approval)
    becomes = _awaiting(msgspec.structs.replace(held, approvals=(*held.approvals, approval)), judged)
    detail: Detail = {"role": approval.role, "commitment": approval.commitment}
    return _agreed(connection, judged, Event.REQUEST_APPROVED, becomes, detail)


def concur(connection: Connection, judged: Judged, becomes: AccessRequest) -> tuple[AccessRequest, list[Act]]:
    """Write down an authority's word. Raises Moved."""
    until = becomes.concurs_until
    detail: Detail = {
        "authority": becomes.authority,
        "reference": becomes.concurrence,
        "until": "" if until is None else text_from(until),
    }
    _unmoved(connection, judged)
    return _agreed(connection, judged, Event.REQUEST_CONCURRED, becomes, detail)


def act_on(event: Event, request: AccessRequest, detail: Detail) -> Act:
    """What the ledger says of an act on a request."""
    return Act(
        event=event,
        subject=request.id,
        organisation=request.organisation,
        release=request.release,
        detail={"state": request.state.value, **detail},
    )


def _agreed(
    connection: Connection, judged: Judged, event: Event, becomes: AccessRequest, detail: Detail
) -> tuple[AccessRequest, list[Act]]:
    held, now = becomes.acts, judged.moment.latest
    moved = entered(becomes, judged.leads_to, now, judged.actor.key)
    acts = [act_on(event, moved, detail | _limits(moved))]
    if moved.state is RequestState.GRANTED:
        strategy = judged.reviewed.strategy
        assert strategy is not None and strategy.requests is not None, "what is not asked for is not granted"
        grant, given = granted(connection, judged.actor, moved, strategy, judged.moment)
        moved = msgspec.structs.replace(moved, grant=grant.id)
        acts += [act_on(Event.REQUEST_GRANTED, moved, {"grant": grant.id}), *given]
    if not store.move_request(connection, moved, held):
        raise Moved
    return moved, acts


def _awaiting(request: AccessRequest, judged: Judged) -> AccessRequest:
    """The request with the authority that must concur by the form in force; another's word is not carried over."""
    form = judged.reviewed.form
    if form is None or not form.concurrence or form.concurrence == request.authority:
        return request
    return msgspec.structs.replace(request, authority=form.concurrence, concurrence="", concurs_until=None)


def _unmoved(connection: Connection, judged: Judged) -> AccessRequest:
    request = judged.reviewed.request
    assert request is not None, "an act is about a request"
    now = read_request(connection, request.id, judged.moment)
    if now.basis != judged.reviewed.basis or now.request is None or now.request.acts != request.acts:
        raise Moved
    return now.request


def _limits(request: AccessRequest) -> Detail:
    limits = {"review_by": request.review_by, "expires_at": request.expires_at, "drop_at": request.drop_at}
    return {name: text_from(instant) for name, instant in limits.items() if instant is not None}
