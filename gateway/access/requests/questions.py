"""What is put to the judge about a request for access: who asked, who acts, who agreed, what the release wants."""

import msgspec

from gateway.access.change_questions import Party

_encoder = msgspec.json.Encoder(order="sorted")


class Reviewer(Party, frozen=True):
    """Somebody who approved, in one role."""

    role: str


class RequestQuestion(msgspec.Struct, frozen=True):
    """Whether an act on a request may pass. Times are already worked out: nothing here is an instant."""

    act: str
    """ask, need_info, answer, approve, concur, reject or withdraw."""
    state: str
    """Empty where it is only asked now."""
    takes_requests: bool
    """Whether the release, as it is in force, has a form."""
    reviewers: tuple[str, ...]
    """Roles that review, as it is in force."""
    second_approval: bool
    concurrence_missing: bool
    """Whether an authority outside must concur and has not."""
    asker: Party
    actor: Party
    actor_roles: tuple[str, ...]
    """Every role that the actor's key holds."""
    same_organisation: bool
    """Whether the actor is of the organisation that asks."""
    approvals: tuple[Reviewer, ...]
    """About the answers as they are now, in order."""
    has_open_request: bool
    """Whether the organisation has another request for the release under way."""
    rejected_finally: bool
    """Whether one was rejected for good."""

    def canonical(self) -> bytes:
        """RFC 8785 bytes."""
        return _encoder.encode(self)
