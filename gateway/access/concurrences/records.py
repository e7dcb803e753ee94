"""What is kept of an authority's concurrence with one organisation: a frozen fact."""

import msgspec

from gateway.clock import Instant, Moment


class OwnConcurrence(msgspec.Struct, frozen=True, kw_only=True):
    """That an authority outside agrees to one organisation's use of a release."""

    id: str
    organisation: str
    release: str
    authority: str
    """As the stage's condition names it."""
    reference: str
    """Where it can be looked up: a letter, a ticket."""
    expires_at: Instant
    given_at: Instant
    given_by: str
    withdrawn_at: Instant | None = None
    withdrawn_cause: str | None = None

    def stands(self, moment: Moment) -> bool:
        """Whether it was not withdrawn and has surely not expired."""
        return self.withdrawn_at is None and not moment.maybe_reached(self.expires_at)

    def state(self, moment: Moment) -> str:
        """standing, expired or withdrawn."""
        if self.withdrawn_at is not None:
            return "withdrawn"
        return "standing" if self.stands(moment) else "expired"
