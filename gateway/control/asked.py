"""How forms and requests for access are shown: to everybody who may see them, and whole to whom they are for."""

from datetime import datetime

import msgspec

from gateway.access.requests.moving import form_of
from gateway.access.requests.request import AccessRequest, RequestState, possible
from gateway.access.requests.reviewed import Reviewed
from gateway.clock import Moment
from gateway.control.wire import shown, when
from gateway.releases.forms import FormField, RequestForm


class ShownField(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is asked."""

    name: str
    kind: str
    """text, choice, number, yes-no or url."""
    question: str
    required: bool
    help: str
    choices: list[str]
    at_least: int | None
    at_most: int | None
    longest: int | None
    """Of a text."""


class ShownForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a release asks of whoever wants access, and what becomes of a request."""

    release: str
    fields: list[ShownField]
    reviewers: list[str]
    second_approval: bool
    concurrence: str | None
    """The authority outside that must concur; null for none."""
    review_within_days: int
    expires_after_days: int
    grant_days: int
    recertify_every_days: int | None
    retain_days: int
    """How long answers are kept once a request is closed."""


class ShownRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it stands, without what people wrote."""

    id: str
    organisation: str
    release: str
    state: str
    late: bool
    """Whether its review is overdue."""
    asked_at: datetime
    asked_by: str
    review_by: datetime | None
    expires_at: datetime | None
    """When it is over if nobody does anything."""
    approvals: int
    """How many approved it as it is now."""
    possible: list[str]
    """What can be done about it; empty once it is closed."""
    closed_at: datetime | None
    reason: str
    """Of a rejection."""
    final: bool
    """Whether it was rejected for good."""
    grant: str | None


class ShownAnswer(msgspec.Struct, frozen=True):
    """One answer beside its question."""

    name: str
    question: str
    answer: str | int | bool | None


class ShownReview(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's approval."""

    key: str
    role: str
    given_at: datetime
    counts: bool
    """Whether it is about the answers as they are now."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the organisation, for those who review."""

    audiences: dict[str, str]
    """How each audience that asks for a grant would answer with one: yes, no or unknown."""
    unknown: list[str]
    """Facts that those audiences read and nobody has asserted, or not as surely as is asked: `kyc`, `kyc@2`."""
    earlier: list[ShownRequest]
    """Other requests of the organisation for the release, the newest first."""


class WholeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request with everything that who asks may see of it."""

    request: ShownRequest
    commitment: str
    """What an approval names: it stands in the ledger for the answers."""
    answers: list[ShownAnswer] | None
    """null for who may not read them, and once they were dropped."""
    asked_back: str | None
    """What a reviewer wants to know."""
    reply: str | None
    authority: str | None
    concurrence: str | None
    concurs_until: datetime | None
    reviews: list[ShownReview]
    known: Known | None
    """null for who does not review."""


def shown_form(release: str, form: RequestForm) -> ShownForm:
    """A form, to be filled in."""
    return ShownForm(
        release=release,
        fields=[_field(field) for field in form.fields],
        reviewers=[role.value for role in form.reviewers],
        second_approval=form.second_approval,
        concurrence=form.concurrence or None,
        review_within_days=form.review_within_days,
        expires_after_days=form.expires_after_days,
        grant_days=form.grant_days,
        recertify_every_days=form.recertify_every_days or None,
        retain_days=form.retain_days,
    )


def shown_request(request: AccessRequest, moment: Moment) -> ShownRequest:
    """A request as it stands at a moment."""
    return ShownRequest(
        id=request.id,
        organisation=request.organisation,
        release=request.release,
        state=request.state.value,
        late=request.is_late(moment),
        asked_at=shown(request.asked_at),
        asked_by=request.asked_by,
        review_by=when(request.review_by),
        expires_at=when(request.expires_at),
        approvals=len(request.consents),
        possible=[act.value for act in possible(request.state)],
        closed_at=when(request.closed_at),
        reason=request.reason,
        final=request.is_final,
        grant=request.grant or None,
    )


def whole_request(reviewed: Reviewed, moment: Moment, *, reads: bool, reviews: bool) -> WholeRequest:
    """A request to somebody who reads what people wrote, or does not; and who reviews, or does not."""
    request = reviewed.request
    assert request is not None
    return WholeRequest(
        request=shown_request(request, moment),
        commitment=request.commitment.digest,
        answers=_answers(request) if reads else None,
        asked_back=request.question or None if reads else None,
        reply=request.reply or None if reads else None,
        authority=request.authority or None,
        concurrence=request.concurrence or None if reviews else None,
        concurs_until=when(request.concurs_until),
        reviews=[
            ShownReview(key=each.key, role=each.role, given_at=shown(each.given_at), counts=each in request.consents)
            for each in request.approvals
        ],
        known=_known(reviewed, moment) if reviews else None,
    )


def states_of(only: str | None) -> list[RequestState]:
    """The states that a word of a query stands for; none for all."""
    if only is None:
        return []
    return [state for state in RequestState if possible(state)] if only == "open" else [RequestState(only)]


def _answers(request: AccessRequest) -> list[ShownAnswer] | None:
    given = request.answers
    if given is None:
        return None
    return [ShownAnswer(field.name, field.question, given.get(field.name)) for field in form_of(request).fields]


def _known(reviewed: Reviewed, moment: Moment) -> Known:
    screening = reviewed.screening
    return Known(
        audiences=dict(screening.audiences),
        unknown=list(screening.unknown),
        earlier=[shown_request(each, moment) for each in reviewed.earlier[:20]],
    )


def _field(field: FormField) -> ShownField:
    return ShownField(
        name=field.name,
        kind=field.kind.value,
        question=field.question,
        required=field.required,
        help=field.help,
        choices=list(field.choices),
        at_least=field.at_least,
        at_most=field.at_most,
        longest=field.longest if field.kind == "text" else None,
    )
