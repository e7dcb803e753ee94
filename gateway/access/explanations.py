"""What is answered of one use at an instant: whether it is admitted, by what, until when, and what it would take."""

from enum import StrEnum

import msgspec

from gateway.access.decisions import Decision
from gateway.access.instants import AsOf
from gateway.access.reasons import Reason
from gateway.access.snapshot import InForce
from gateway.access.standing import Gathered, Use
from gateway.clock import NEVER, Instant


class Kind(StrEnum):
    """What would have to change."""

    GRANT = "grant"
    RESUMPTION = "resumption"
    RECERTIFICATION = "recertification"
    CONCURRENCE = "concurrence"
    PLACE = "place"
    REVIEW = "review"
    TERMS = "terms"
    FACT = "fact"
    DATE = "date"
    REQUIREMENTS = "requirements"
    NARROWING = "narrowing"
    VERSION = "version"
    KEY = "key"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would have to be otherwise."""

    kind: Kind
    subject: str
    """The text, the attribute, the grant, the authority, the stage or the narrowing that it is about."""
    says: str
    stages: tuple[str, ...] = ()
    """Stages whose dates or requirements it tells."""
    asked_by: tuple[str, ...] = ()
    """Stages of which any asks for what it tells."""
    not_before: Instant | None = None
    """The earliest that it can be; None where that is at once."""
    waits: tuple[str, ...] = ()
    """Stages whose requirements must be met."""
    missing: tuple[str, ...] = ()
    """Those of their requirements that were not met, each with what was said of it."""


Way = tuple[Step, ...]
"""Steps that together, and no fewer of them, get the use admitted."""


class Ended(msgspec.Struct, frozen=True):
    """Why the caller could ask for nothing at all, whatever the release."""

    reason: Reason
    says: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one use, with everything that it rests on."""

    as_of: AsOf
    release: str
    component: str
    organisation: str
    key: str
    """Public id; empty where an organisation was asked about, whatever its keys."""
    roles: tuple[str, ...]
    admitted: bool
    visible: bool
    """Whether the caller could know of the release."""
    reasons: tuple[Reason, ...]
    policy: str
    """Digest of the policy set that decided; empty where nothing had to be asked."""
    question: str = ""
    """Hash of the question, as entries of the ledger name it."""
    decision: Decision | None = None
    use: Use | None = None
    gathered: Gathered | None = None
    holds_until: Instant = NEVER
    """From when the answer is another by dates alone, as far as was known."""
    turns_at: Instant = NEVER
    """From when it is admitted and was not, or the other way round: another reason alone tells of others' stages."""
    ended: Ended | None = None
    ways: tuple[Way, ...] = ()
    all_ways: bool = True
    """Whether every way of a few steps was tried."""

    @property
    def in_force(self) -> InForce | None:
        """What was in force of the release; None where nothing was."""
        return None if self.use is None else self.use.in_force
