"""Why a call is refused: stable public codes, each with its status and what to do about it."""

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Public reason codes. They are in entries, answers, Rego and documentation: never renamed."""

    MODEL_NOT_FOUND = "model_not_found"
    RECALLED = "recalled"
    WITHDRAWN = "withdrawn"
    SUSPENDED = "suspended"
    HELD = "held"
    STAGE_NOT_OPEN = "stage_not_open"
    STAGE_CLOSED = "stage_closed"
    GRANT_REQUIRED = "grant_required"
    GRANT_ENDED = "grant_ended"
    GRANT_PAUSED = "grant_paused"
    GRANT_RECERTIFICATION_DUE = "grant_recertification_due"
    AUDIENCE_NOT_ADMITTED = "audience_not_admitted"
    ATTRIBUTE_UNKNOWN = "attribute_unknown"
    CONCURRENCE_REQUIRED = "concurrence_required"
    CONCURRENCE_ENDED = "concurrence_ended"
    STAGE_FULL = "stage_full"
    STAGE_FROZEN = "stage_frozen"
    TERMS_NOT_ACCEPTED = "terms_not_accepted"
    COMPONENT_NOT_OFFERED = "component_not_offered"
    SCOPE_TOO_NARROW = "scope_too_narrow"
    PARAMETER_NOT_ALLOWED = "parameter_not_allowed"
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    INSUFFICIENT_QUOTA = "insufficient_quota"
    ACCESS_ENDED = "access_ended"
    KEY_REVOKED = "key_revoked"
    KEY_EXPIRED = "key_expired"


class Meaning(NamedTuple):
    """How a reason is told."""

    status: int
    message: str
    next_step: str


MEANINGS: dict[Reason, Meaning] = {
    Reason.MODEL_NOT_FOUND: Meaning(
        404,
        "The model does not exist or you do not have access to it.",
        "List the models you can use with GET /v1/models.",
    ),
    Reason.RECALLED: Meaning(
        403,
        "The provider has recalled this model: it is neither served nor given out, and should not be used any more.",
        "Stop using copies of it; ask the model's provider what takes its place.",
    ),
    Reason.WITHDRAWN: Meaning(
        403, "The provider no longer offers this model.", "List the models you can use with GET /v1/models."
    ),
    Reason.SUSPENDED: Meaning(
        403,
        "The provider has suspended this model for you.",
        "See GET /control/me for what you may use; it comes back when the provider restores it.",
    ),
    Reason.HELD: Meaning(
        403,
        "The provider holds this model at an earlier stage, which does not give you this.",
        "See GET /control/me for what you may use; it comes back when the provider restores it.",
    ),
    Reason.STAGE_NOT_OPEN: Meaning(
        403, "This model is not open to you yet.", "See GET /control/me for what opens when."
    ),
    Reason.STAGE_CLOSED: Meaning(
        403, "The stage that offered this model has closed.", "See GET /control/me for what is open."
    ),
    Reason.GRANT_REQUIRED: Meaning(
        403,
        "This model is in limited access and your organisation holds no grant for it.",
        "Ask the model's provider for access, naming your organisation and the model.",
    ),
    Reason.GRANT_ENDED: Meaning(
        403, "Your organisation's grant for this model has ended.", "Ask the model's provider to renew it."
    ),
    Reason.GRANT_PAUSED: Meaning(
        403,
        "Your organisation's grant for this model is paused.",
        "See why with `gateway grant list`; it comes back when the model's provider resumes it.",
    ),
    Reason.GRANT_RECERTIFICATION_DUE: Meaning(
        403,
        "Your organisation's grant for this model had to be looked at again by now, and was not.",
        "Ask the model's provider to recertify it.",
    ),
    Reason.AUDIENCE_NOT_ADMITTED: Meaning(
        403, "The stage now open does not admit your organisation.", "See GET /control/me for what you may use."
    ),
    Reason.ATTRIBUTE_UNKNOWN: Meaning(
        403,
        "Whether your organisation is admitted depends on a fact that nobody has asserted, or not as surely as asked.",
        "Ask the model's provider to verify your organisation.",
    ),
    Reason.CONCURRENCE_REQUIRED: Meaning(
        403,
        "An authority outside must agree to your organisation's use of this model, and has not.",
        "Ask the model's provider to obtain it, naming your organisation and the model.",
    ),
    Reason.CONCURRENCE_ENDED: Meaning(
        403,
        "The agreement of an authority outside to your organisation's use of this model has ended.",
        "Ask the model's provider to renew it.",
    ),
    Reason.STAGE_FULL: Meaning(
        403,
        "The stage now open admits only so many organisations, and every place is taken.",
        "See GET /control/me for where your organisation stands in line; it is let in as places come free.",
    ),
    Reason.STAGE_FROZEN: Meaning(
        403,
        "The stage now open takes nobody new until the provider has reviewed it.",
        "Try again later, or ask the model's provider when it will be reviewed.",
    ),
    Reason.TERMS_NOT_ACCEPTED: Meaning(
        403,
        "The terms of this model, as they stand now, have not been accepted for your organisation.",
        "Read and accept them: `gateway terms show MODEL`, then `gateway terms accept MODEL`.",
    ),
    Reason.COMPONENT_NOT_OFFERED: Meaning(
        403,
        "The stage now open does not offer what this call asks of the model.",
        "See GET /control/me for what is offered.",
    ),
    Reason.SCOPE_TOO_NARROW: Meaning(403, "Your key's scopes do not reach this.", "Use a key with a wider scope."),
    Reason.PARAMETER_NOT_ALLOWED: Meaning(
        403, "A parameter of this call is outside what your access allows.", "Lower or leave out the parameter named."
    ),
    Reason.RATE_LIMIT_EXCEEDED: Meaning(429, "Too many requests in the last minute.", "Wait as `retry-after` says."),
    Reason.INSUFFICIENT_QUOTA: Meaning(
        429,
        "The tokens left for today do not cover this call.",
        "Ask for fewer tokens, or wait until the quota resets.",
    ),
    Reason.ACCESS_ENDED: Meaning(403, "Your access ended while this answer was under way.", "See GET /control/me."),
    Reason.KEY_REVOKED: Meaning(401, "This key has been revoked.", "Use another key."),
    Reason.KEY_EXPIRED: Meaning(401, "This key has expired.", "Issue a new one, or rotate before the end next time."),
}
