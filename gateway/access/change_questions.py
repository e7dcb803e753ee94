"""What is put to the judge about a change: who planned it, who agreed, who acts now, and what it comes to."""

from enum import StrEnum

import msgspec

_encoder = msgspec.json.Encoder(order="sorted")


class ActOnChange(StrEnum):
    """What somebody wants to do about a change."""

    APPROVE = "approve"
    REJECT = "reject"
    APPLY = "apply"
    REVIEW = "review"
    """Look over, afterwards, what was applied on one person's word."""
    REVIEW_NARROWING = "review_narrowing"
    """Confirm or undo what one person took away beside the strategy."""
    APPROVE_STAGE = "approve_stage"
    CONCUR_STAGE = "concur_stage"
    """Record that an authority outside concurs with it."""
    OPEN_STAGE = "open_stage"
    """What the gateway does once everything is met: nobody asks for it."""


class Party(msgspec.Struct, frozen=True):
    """Somebody as far as keys tell people apart (docs/decisions/0010)."""

    person: str
    """Public id of the first key of a chain of rotations: those are one holder's."""
    issuers: tuple[str, ...]
    """Persons who issued or rotated one of its keys, and theirs, upwards."""
    founders: tuple[str, ...]
    """Those of the issuers who run the installation: whom they issued keys to are as many people."""
    is_machine: bool
    """Whether it is a client or a workload, that acts without anybody."""


class Consent(Party, frozen=True):
    """Somebody's agreement, given in one role; or the wish to act, in the role it would be done in."""

    role: str
    acknowledged: bool
    """Whether they said that they know it cannot be undone."""
    is_late: bool
    """Whether their first key was issued after the change was planned; of a stage and a narrowing, never."""


class ChangeQuestion(msgspec.Struct, frozen=True):
    """Whether an act on a change may pass. Times are already worked out: nothing here is an instant."""

    act: str
    state: str
    """planned, approved, applied or rejected; of a narrowing, in_force or over; of a stage, waiting."""
    is_current: bool
    """Whether what it was planned against, version and policies, is still what is in force."""
    effect: str
    """widening, narrowing or neutral."""
    irreversible: bool
    authors: tuple[Party, ...]
    """Who planned it or took it away; of a stage, also who brought it into force."""
    actor: Consent | None
    """None where a stage opens."""
    actor_roles: tuple[str, ...]
    """Every role that the actor's key holds."""
    consents: tuple[Consent, ...]
    """Given so far, in order, on the evidence as it is now."""
    consents_needed: int
    """How many a stage asks for that is to open; of all else the policies say how many."""
    consents_void: int
    """Given on other evidence: they count for nothing."""
    planned_for_s: int
    """Whole seconds that have surely passed since it was planned."""
    asks_sign_in: bool
    """Whether people sign in at this gateway, so that the actor could have."""
    signed_in_s: int | None
    """Whole seconds that may have passed since the actor last proved themself; None where nobody says when."""

    def canonical(self) -> bytes:
        """RFC 8785 bytes."""
        return _encoder.encode(self)
