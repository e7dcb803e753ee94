"""A request for access and the states that it goes through: a pure table of what may follow what.

Whether an act may pass is the judge's to say (policies/requests/); what it could lead to at all stands here.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

from gateway.clock import Instant, Moment

Answers = dict[str, str | int | bool]
"""What was filled in, by name of the field."""


class RequestState(StrEnum):
    """Where a request stands. In the database, in answers and in the ledger: never renamed."""

    SUBMITTED = "submitted"
    PENDING_REVIEW = "pending_review"
    NEEDS_INFO = "needs_info"
    AWAITING_SECOND_APPROVAL = "awaiting_second_approval"
    AWAITING_EXTERNAL_CONCURRENCE = "awaiting_external_concurrence"
    GRANTED = "granted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED_UNREVIEWED = "expired_unreviewed"


class RequestAct(StrEnum):
    """What is done about a request; `screen` and `expire` the gateway does by itself."""

    ASK = "ask"
    SCREEN = "screen"
    NEED_INFO = "need_info"
    ANSWER = "answer"
    APPROVE = "approve"
    CONCUR = "concur"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"

    @property
    def command(self) -> str:
        """As it is typed after `gateway request`."""
        return "needs-info" if self is RequestAct.NEED_INFO else self.value


OF_THE_ASKER = (RequestAct.ANSWER, RequestAct.WITHDRAW)
"""What only whoever asked does; all else is for those who review."""

_AFTER_APPROVAL = frozenset(
    {RequestState.AWAITING_SECOND_APPROVAL, RequestState.AWAITING_EXTERNAL_CONCURRENCE, RequestState.GRANTED}
)
_AT_ANY_TIME = {
    RequestAct.REJECT: frozenset({RequestState.REJECTED}),
    RequestAct.WITHDRAW: frozenset({RequestState.WITHDRAWN}),
    RequestAct.EXPIRE: frozenset({RequestState.EXPIRED_UNREVIEWED}),
}
_NEED_INFO = {RequestAct.NEED_INFO: frozenset({RequestState.NEEDS_INFO})}

TRANSITIONS: Mapping[RequestState, Mapping[RequestAct, frozenset[RequestState]]] = MappingProxyType(
    {
        RequestState.SUBMITTED: {RequestAct.SCREEN: frozenset({RequestState.PENDING_REVIEW})},
        RequestState.PENDING_REVIEW: {RequestAct.APPROVE: _AFTER_APPROVAL, **_NEED_INFO, **_AT_ANY_TIME},
        RequestState.NEEDS_INFO: {RequestAct.ANSWER: frozenset({RequestState.PENDING_REVIEW}), **_AT_ANY_TIME},
        RequestState.AWAITING_SECOND_APPROVAL: {RequestAct.APPROVE: _AFTER_APPROVAL, **_NEED_INFO, **_AT_ANY_TIME},
        RequestState.AWAITING_EXTERNAL_CONCURRENCE: {RequestAct.CONCUR: _AFTER_APPROVAL, **_AT_ANY_TIME},
    }
)
"""By state, what can be done and where each may lead. A state that is not here is the end."""

OPEN = tuple(TRANSITIONS)
"""States in which something is still to come."""
REVIEWED = (RequestState.PENDING_REVIEW, RequestState.AWAITING_SECOND_APPROVAL)
"""States in which a request waits for a reviewer, and is late when nobody comes."""
DECIDED = (RequestState.GRANTED, RequestState.REJECTED)
"""States in which somebody has said yes or no."""


def possible(state: RequestState) -> tuple[RequestAct, ...]:
    """What people can do about a request in a state; empty where it is closed."""
    return tuple(act for act in TRANSITIONS.get(state, {}) if act not in (RequestAct.SCREEN, RequestAct.EXPIRE))


def may_lead(state: str, act: str, to: str) -> bool:
    """Whether an act in a state may lead to another; asking begins in none."""
    if act == RequestAct.ASK:
        return state == "" and to == RequestState.SUBMITTED
    try:
        return RequestState(to) in TRANSITIONS[RequestState(state)][RequestAct(act)]
    except (KeyError, ValueError):
        return False


class RequestApproval(msgspec.Struct, frozen=True):
    """One reviewer's word, about exactly the answers that they read."""

    key: str
    role: str
    commitment: str
    """To the answers."""
    given_at: Instant


class Commitments(msgspec.Struct, frozen=True):
    """What the ledger knows of the answers, and what opens it."""

    digest: str
    salt: bytes | None
    """None once the answers were dropped: nobody can then tie the digest to anything."""


class AccessRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One organisation's request to be admitted to one release."""

    id: str
    organisation: str
    release: str
    state: RequestState
    form: bytes
    """The form as it was when it was filled in, canonical."""
    answers: Answers | None
    """None once dropped."""
    commitment: Commitments
    asked_at: Instant
    asked_by: str
    """Public id of the key."""
    acts: int = 0
    """How often it was acted on: what was judged on one count is not written on another."""
    touched_at: Instant = 0
    """When it came into its state."""
    review_by: Instant | None = None
    """When its review is overdue; None where it waits for no reviewer."""
    expires_at: Instant | None = None
    """When it is over if nobody does anything; None once closed."""
    late_since: Instant | None = None
    """When it was noticed that its review is overdue."""
    question: str = ""
    """What a reviewer wants to know."""
    reply: str = ""
    """What the asker says to that."""
    authority: str = ""
    """Who must concur, or did."""
    concurrence: str = ""
    """Reference of the authority's word; empty while it is awaited."""
    concurs_until: Instant | None = None
    closed_at: Instant | None = None
    closed_by: str = ""
    reason: str = ""
    """Of a rejection: at most 200 characters, as the Hub has it."""
    is_final: bool = False
    """Whether it was rejected for good."""
    grant: str = ""
    drop_at: Instant | None = None
    """When the answers are dropped; None while it is open."""
    approvals: tuple[RequestApproval, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether something is still to come."""
        return self.state in TRANSITIONS

    @property
    def consents(self) -> tuple[RequestApproval, ...]:
        """The approvals that are about the answers as they are now."""
        return tuple(each for each in self.approvals if each.commitment == self.commitment.digest)

    def is_late(self, moment: Moment) -> bool:
        """Whether a reviewer should have come by now."""
        return self.state in REVIEWED and self.review_by is not None and moment.maybe_reached(self.review_by)
