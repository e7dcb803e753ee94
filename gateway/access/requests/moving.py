"""A request on its way from one state to the next, with the time limits that each state brings. Pure."""

import msgspec

from gateway.access.requests.request import (
    REVIEWED,
    TRANSITIONS,
    AccessRequest,
    Answers,
    Commitments,
    RequestState,
)
from gateway.clock import DAY, Instant
from gateway.ledger.commitments import commit
from gateway.releases.forms import RequestForm

_form = msgspec.json.Decoder(RequestForm)
_encoder = msgspec.json.Encoder(order="sorted")


def form_of(request: AccessRequest) -> RequestForm:
    """The form that was filled in: its time limits were promised to whoever asked."""
    return _form.decode(request.form)


def written_form(form: RequestForm) -> bytes:
    """A form as a request keeps it."""
    return _encoder.encode(form)


def entered(request: AccessRequest, state: RequestState, now: Instant, by: str = "") -> AccessRequest:
    """The request as it comes into a state at an instant: what it waits for from now on, and how long."""
    form = form_of(request)
    is_closed = state not in TRANSITIONS
    return msgspec.structs.replace(
        request,
        state=state,
        acts=request.acts + 1,
        touched_at=now,
        late_since=None,
        review_by=form.review_due(now) if state in REVIEWED else None,
        expires_at=None if is_closed else form.expiry(now),
        closed_at=now if is_closed else None,
        closed_by=by if is_closed else "",
        drop_at=now + form.retain_days * DAY if is_closed else None,
    )


def filled(request: AccessRequest, answers: Answers, reply: str) -> AccessRequest:
    """The request with these answers; whoever agreed before agreed to others, and that counts no more."""
    content = _encoder.encode({"answers": answers, "reply": reply})
    digest, salt = commit(content)
    return msgspec.structs.replace(
        request,
        answers=answers,
        reply=reply,
        commitment=Commitments(f"sha256:{digest}", salt),
        concurrence="",
        concurs_until=None,
    )


def emptied(request: AccessRequest) -> AccessRequest:
    """The request without what people wrote, and without what could tie a commitment to it."""
    return msgspec.structs.replace(
        request,
        acts=request.acts + 1,
        answers=None,
        question="",
        reply="",
        commitment=Commitments(request.commitment.digest, None),
        drop_at=None,
    )
