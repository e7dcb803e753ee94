"""What is put to the judge: only what stands about a use, nothing of a single call."""

import hashlib

import msgspec

from gateway.releases.strategies import Conditions

_encoder = msgspec.json.Encoder(order="sorted")


class AudienceFact(msgspec.Struct, frozen=True):
    """How one audience of the stage answers for this caller."""

    name: str
    truth: str
    """yes, no or unknown."""
    on_unknown: str
    wants_grant: bool
    """Whether membership asks for a grant."""


class StageFact(msgspec.Struct, frozen=True):
    """The stage in force."""

    name: str
    access: str
    offers: tuple[str, ...]
    conditions: Conditions
    place: str
    """Of the caller's organisation in the stage's line: not_needed, held, free or full."""
    concurrence: str
    """Of the authority that must agree to the caller's organisation: not_needed, standing, ended or none."""
    overdue: bool
    """Whether the stage was to be looked at again, and was not."""
    if_overdue: str
    """What follows: warn or freeze."""


class NarrowingFact(msgspec.Struct, frozen=True):
    """One narrowing that may touch this use, by component: that asked for, and every one the stage offers."""

    verb: str
    """hold, roll_back, suspend, withdraw, recall or embargo."""
    on_unknown: str
    touches: dict[str, str]
    """Whether the use is in its scope: yes, no or unknown."""
    restored: dict[str, str]
    """Whether the use is among those for whom it was restored."""
    stage: StageFact | None
    """The stage that it leaves; None where it leaves none."""
    audiences: tuple[AudienceFact, ...]
    """Those the stage that it leaves is for."""


class Question(msgspec.Struct, frozen=True):
    """The standing facts of one kind of use. Times are already worked out: nothing here is an instant.

    NOTE: its canonical bytes are hashed into ledger entries.
    """

    release: str
    strategy: str
    """Digest."""
    listed: bool
    component: str
    roles: tuple[str, ...]
    in_scope: bool
    """Whether the key's scopes reach this release by this door."""
    stage: StageFact | None
    """The stage open now; None where none is."""
    future: bool
    """Whether a stage is still to open."""
    future_access: str | None
    """Access level of the next stage; None where none is to open."""
    audiences: tuple[AudienceFact, ...]
    """Those the stage is for, in its order."""
    future_audiences: tuple[AudienceFact, ...]
    """Those the next stage is for: who will be admitted may know of it."""
    grant: str
    """active, paused, recertification_due, ended or none."""
    terms_missing: tuple[str, ...]
    """Names of required terms not accepted as they stand."""
    narrowings: tuple[NarrowingFact, ...]
    """Those that may touch this use, in the order in which they were taken; alike ones once."""

    def canonical(self) -> bytes:
        """RFC 8785 bytes (strings, booleans, integers, null, arrays and objects only)."""
        return _encoder.encode(self)

    def hash(self) -> str:
        """SHA-256 of the canonical bytes, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()
