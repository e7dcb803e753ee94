"""What the judge answers about a change, and how each of its reasons is told."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from gateway.access.reasons import Meaning
from gateway.errors import GatewayError


class ChangeReason(StrEnum):
    """Why an act on a change may not pass. In answers, Rego and documentation: never renamed."""

    NOT_UNDERSTOOD = "change_not_understood"
    CLOSED = "change_closed"
    NOT_APPLIED = "change_not_applied"
    STALE = "change_stale"
    ROLE_NOT_HELD = "role_not_held"
    ROLE_CANNOT_ACT = "role_cannot_act"
    MACHINE_CANNOT_AGREE = "machine_cannot_agree"
    KEY_TOO_NEW = "key_too_new"
    SELF_APPROVED = "self_approved"
    RELATED_TO_AUTHOR = "related_to_author"
    APPROVED_ALREADY = "approved_already"
    RELATED_TO_APPROVER = "related_to_approver"
    NO_REVIEW_DUE = "no_review_due"
    ACKNOWLEDGEMENT_MISSING = "acknowledgement_missing"
    SIGN_IN_STALE = "sign_in_stale"
    EVIDENCE_MOVED = "evidence_moved"
    APPROVALS_MISSING = "approvals_missing"
    PROVIDER_MISSING = "provider_missing"
    APPROVER_MISSING = "approver_missing"
    ANALYST_MISSING = "analyst_missing"
    COOLING_OFF = "cooling_off"


class ChangeDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly what a judge must answer about a change: anything else is a denial."""

    allow: bool
    reasons: tuple[ChangeReason, ...]
    """Empty exactly when allowed; the first is the one told first."""
    waits_s: int
    """How long after it was planned it can be applied at the earliest."""
    review_within_s: int | None
    """How soon after it is applied a second person must look at it; None where nobody has to."""


CHANGE_NOT_UNDERSTOOD = ChangeDecision(
    allow=False, reasons=(ChangeReason.NOT_UNDERSTOOD,), waits_s=0, review_within_s=None
)
"""What a sound policy set answers to a question about a change that makes no sense."""

_PLAN_AGAIN = "Plan it again: `gateway release plan FILE`."
_SEE = "See `gateway change show ID` for how it stands."
_SEE_BOTH = "See `gateway change show ID`, or `gateway release narrowings RELEASE`, for how it stands."
_ANOTHER = "Somebody else must do this, with a key of their own."

CHANGE_MEANINGS: dict[ChangeReason, Meaning] = {
    ChangeReason.NOT_UNDERSTOOD: Meaning(
        409, "The policies have no rule for this act on this change.", "Tell whoever keeps the policies."
    ),
    ChangeReason.CLOSED: Meaning(409, "The change has been applied or rejected already.", _SEE),
    ChangeReason.NOT_APPLIED: Meaning(409, "The change has not been applied, so it cannot be reviewed.", _SEE),
    ChangeReason.STALE: Meaning(
        409, "The change is stale: the version or the policies that it was planned against have moved.", _PLAN_AGAIN
    ),
    ChangeReason.ROLE_NOT_HELD: Meaning(
        403, "Your key does not hold the role that this would be done in.", "Name a role that your key holds."
    ),
    ChangeReason.ROLE_CANNOT_ACT: Meaning(403, "This is not done in that role.", _ANOTHER),
    ChangeReason.MACHINE_CANNOT_AGREE: Meaning(
        403, "A client or a workload agrees to nothing: that takes a person.", "Sign in, or use a key of your own."
    ),
    ChangeReason.KEY_TOO_NEW: Meaning(
        409,
        "Your key was issued after the change was planned, so it does not agree to it.",
        "Let somebody agree who was there, or sign in; or plan the change again.",
    ),
    ChangeReason.SELF_APPROVED: Meaning(409, "Nobody approves or reviews what they did themselves.", _ANOTHER),
    ChangeReason.RELATED_TO_AUTHOR: Meaning(
        409,
        "Your key and the author's issued one another or have one issuer, so they count as one person's.",
        _ANOTHER,
    ),
    ChangeReason.APPROVED_ALREADY: Meaning(409, "You have approved this change already: that counts once.", _ANOTHER),
    ChangeReason.RELATED_TO_APPROVER: Meaning(
        409,
        "Your key and an approver's issued one another or have one issuer, so they count as one person's.",
        _ANOTHER,
    ),
    ChangeReason.NO_REVIEW_DUE: Meaning(409, "Nobody has to review this, or somebody has.", _SEE_BOTH),
    ChangeReason.ACKNOWLEDGEMENT_MISSING: Meaning(
        409,
        "This agrees to what cannot be undone, and that was not acknowledged.",
        "Say that you know: `--cannot-be-undone`.",
    ),
    ChangeReason.SIGN_IN_STALE: Meaning(
        403,
        "This agrees to what cannot be undone, and you have not proved who you are within the last ten minutes.",
        "Sign in anew: `gateway login --fresh`, or `/control/session/start?fresh=true`. A key cannot approve it.",
    ),
    ChangeReason.EVIDENCE_MOVED: Meaning(
        409,
        "Approvals were given before the evidence for its stages changed, and no longer count.",
        "Have it approved again, on the evidence as it is: `gateway change approve ID`.",
    ),
    ChangeReason.APPROVALS_MISSING: Meaning(
        409, "The change widens access, and two people beside its author have not yet approved it.", _SEE
    ),
    ChangeReason.PROVIDER_MISSING: Meaning(
        409, "The change cannot be undone, and nobody has approved it as provider, the release's owner.", _SEE
    ),
    ChangeReason.APPROVER_MISSING: Meaning(
        409, "The change cannot be undone, and nobody has approved it as approver, the owner of its risk.", _SEE
    ),
    ChangeReason.ANALYST_MISSING: Meaning(
        409, "The change cannot be undone, and nobody has approved it as analyst, the owner of its security.", _SEE
    ),
    ChangeReason.COOLING_OFF: Meaning(
        409, "The change cannot be undone, and its time to think it over is not up.", "Wait until it is."
    ),
}


OF_A_STAGE = {
    **CHANGE_MEANINGS,
    ChangeReason.APPROVED_ALREADY: Meaning(409, "You have approved this stage already: that counts once.", _ANOTHER),
}
"""The same, where somebody agrees that a stage opens."""


class ChangeRefused(GatewayError):
    """An act on a change that may not pass, with every reason; its code is the first one's."""

    status = 409
    code = "change_refused"

    def __init__(
        self, reasons: Sequence[ChangeReason], meanings: Mapping[ChangeReason, Meaning] = CHANGE_MEANINGS
    ) -> None:
        meaning = meanings[reasons[0]]
        told = " ".join(dict.fromkeys(meanings[reason].message for reason in reasons))
        steps = " ".join(dict.fromkeys(meanings[reason].next_step for reason in reasons))
        super().__init__(told, code=reasons[0].value, next_step=steps)
        self.status = meaning.status
        self.reasons = tuple(reasons)
