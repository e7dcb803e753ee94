"""What the judge answers about a request for access, and how each of its reasons is told."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from gateway.access.reasons import Meaning
from gateway.errors import GatewayError


class RequestReason(StrEnum):
    """Why an act on a request may not pass. In answers, Rego and documentation: never renamed."""

    NOT_UNDERSTOOD = "request_not_understood"
    NOT_POSSIBLE = "act_not_possible"
    NOT_TAKEN = "requests_not_taken"
    REJECTED_FINALLY = "rejected_finally"
    ALREADY_ASKED = "already_asked"
    NOT_THE_ASKERS = "not_the_askers"
    NOT_A_REVIEWER = "not_a_reviewer"
    MACHINE_CANNOT_AGREE = "machine_cannot_agree"
    REVIEWER_ASKED = "reviewer_asked"
    RELATED_TO_ASKER = "related_to_asker"
    REVIEWED_ALREADY = "reviewed_already"
    RELATED_TO_REVIEWER = "related_to_reviewer"
    CONCURRENCE_NOT_AWAITED = "concurrence_not_awaited"


class RequestDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly what a judge must answer about a request: anything else is a denial."""

    allow: bool
    reasons: tuple[RequestReason, ...]
    """Empty exactly when allowed; the first is the one told first."""
    leads_to: str | None
    """The state that an allowed act leads to; None where it is denied."""


REQUEST_NOT_UNDERSTOOD = RequestDecision(allow=False, reasons=(RequestReason.NOT_UNDERSTOOD,), leads_to=None)
"""What a sound policy set answers to a question about a request that makes no sense."""

_SEE = "See `gateway request show ID` for how it stands."
_ANOTHER = "Somebody else must do this, with a key of their own."

REQUEST_MEANINGS: dict[RequestReason, Meaning] = {
    RequestReason.NOT_UNDERSTOOD: Meaning(
        409, "The policies have no rule for this act on this request.", "Tell whoever keeps the policies."
    ),
    RequestReason.NOT_POSSIBLE: Meaning(409, "The request is not in a state in which this can be done.", _SEE),
    RequestReason.NOT_TAKEN: Meaning(
        409, "The release, as it is in force, takes no requests.", "Ask the model's provider for access."
    ),
    RequestReason.REJECTED_FINALLY: Meaning(
        403,
        "A request of your organisation for this release was rejected for good.",
        "See why with `gateway request list`; it cannot be asked for again.",
    ),
    RequestReason.ALREADY_ASKED: Meaning(
        409,
        "Your organisation has asked for this release already, and its request is under way.",
        "See it with `gateway request list`; withdraw it to ask anew.",
    ),
    RequestReason.NOT_THE_ASKERS: Meaning(403, "Only the organisation that asked does this.", _SEE),
    RequestReason.NOT_A_REVIEWER: Meaning(
        403, "Your key holds none of the roles that review requests for this release.", _ANOTHER
    ),
    RequestReason.MACHINE_CANNOT_AGREE: Meaning(
        403, "A client or a workload agrees to nothing: that takes a person.", "Sign in, or use a key of your own."
    ),
    RequestReason.REVIEWER_ASKED: Meaning(409, "Nobody reviews their own request.", _ANOTHER),
    RequestReason.RELATED_TO_ASKER: Meaning(
        409,
        "Your key and the asker's issued one another, or one hand issued both in one organisation: they count as one"
        " person's.",
        _ANOTHER,
    ),
    RequestReason.REVIEWED_ALREADY: Meaning(409, "You have approved this request already: that counts once.", _ANOTHER),
    RequestReason.RELATED_TO_REVIEWER: Meaning(
        409,
        "Your key and the first approver's issued one another or have one issuer, so they count as one person's.",
        _ANOTHER,
    ),
    RequestReason.CONCURRENCE_NOT_AWAITED: Meaning(409, "Nobody outside has to concur with this request.", _SEE),
}


class RequestRefused(GatewayError):
    """An act on a request for access may not pass; its code is the first reason's."""

    status = 409
    code = "request_refused"

    def __init__(self, reasons: Sequence[RequestReason]) -> None:
        meaning = REQUEST_MEANINGS[reasons[0]]
        told = " ".join(dict.fromkeys(REQUEST_MEANINGS[reason].message for reason in reasons))
        super().__init__(told, code=reasons[0].value, next_step=meaning.next_step)
        self.status = meaning.status
        self.reasons = tuple(reasons)
