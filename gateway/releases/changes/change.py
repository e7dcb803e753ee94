"""A change: a proposed version of a strategy, bound to what it was planned against, and the agreement it has found.

Frozen values; whether an act on one may pass is the judge's to say (policies/changes/).

NOTE: a change's digest is recorded with every approval. What it is taken of may never change.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from gateway.clock import SECOND, Instant, Moment, text_from
from gateway.releases.differences import Difference, differences, effect_of, is_irreversible
from gateway.releases.effects import Effect
from gateway.releases.recorded import Recorded
from gateway.releases.strategies import Stage, Strategy, digest_of


class ChangeState(StrEnum):
    """How far a change has come. That it is stale is seen by what is in force, not written."""

    PLANNED = "planned"
    APPROVED = "approved"
    APPLIED = "applied"
    REJECTED = "rejected"


OPEN = (ChangeState.PLANNED, ChangeState.APPROVED)


class Base(msgspec.Struct, frozen=True):
    """The version that a change was planned against."""

    number: int
    """0 where there was none."""
    digest: str
    """Empty where there was none."""


NOTHING = Base(0, "")
"""Before the first version."""


class Approval(msgspec.Struct, frozen=True):
    """One person's agreement, in one role, to exactly one digest."""

    key: str
    """Public id."""
    role: str
    digest: str
    """Of the change, as the approver saw it."""
    given_at: Instant
    acknowledged: bool
    """Whether the approver said to know that it cannot be undone."""
    after: bool = False
    """Whether it was given after the change was applied: a review."""
    grounds: str = ""
    """Digest of the evidence that it was given on (grounds.py); empty where no stage reads any."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One proposed version of a release's strategy."""

    id: str
    release: str
    state: ChangeState
    file: bytes
    """The release file, as it was sent."""
    strategy: Strategy
    base: Base
    policy: str
    """Digest of the policy set in force when it was planned."""
    adopt: bool
    """Whether a first version may say what had opened before."""
    author: str
    """Public id of the key that planned it."""
    planned_at: Instant
    planned_surely_at: Instant
    """The latest instant at which it may have been planned: waiting is counted from here."""
    acts: int = 0
    """How often it was acted on: what was judged on an older count is judged again."""
    closed_at: Instant | None = None
    closed_by: str = ""
    cause: str = ""
    """Why it was rejected."""
    review_by: Instant | None = None
    """Until when a second person must have looked at what one has narrowed; None where nobody has to."""
    approvals: tuple[Approval, ...] = ()

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of release, base, new strategy, policies, and when it was planned by whom."""
        named = {
            "adopt": self.adopt,
            "author": self.author,
            "base": self.base.digest,
            "base_number": self.base.number,
            "id": self.id,
            "planned_at": self.planned_at,
            "policy": self.policy,
            "release": self.release,
            "strategy": self.strategy.digest(),
        }
        return digest_of(msgspec.json.encode(named, order="sorted"))

    @property
    def consents(self) -> tuple[Approval, ...]:
        """Approvals of exactly this change, whatever they were given on."""
        return tuple(approval for approval in self.approvals if approval.digest == self.digest)

    def consents_on(self, grounds: str) -> tuple[Approval, ...]:
        """Those given on this evidence: others are void. A review is of what was applied, and stays."""
        return tuple(approval for approval in self.consents if approval.after or approval.grounds == grounds)

    def waited_s(self, moment: Moment) -> int:
        """Whole seconds that have surely passed since it was planned."""
        return max(0, moment.earliest - self.planned_surely_at) // SECOND

    def is_current(self, in_force: Base, policy: str) -> bool:
        """Whether what it was planned against is what is in force."""
        return self.base == in_force and self.policy == policy

    def is_review_overdue(self, moment: Moment) -> bool:
        """Whether a second person should have looked at it by now, and none has."""
        return self.review_by is not None and not self.reviews and moment.surely_reached(self.review_by)

    @property
    def reviews(self) -> tuple[Approval, ...]:
        """What second persons said after it was applied."""
        return tuple(approval for approval in self.consents if approval.after)


class Weighed(msgspec.Struct, frozen=True):
    """What a change does, found from what it was planned against, and until it is closed from what is recorded."""

    differences: tuple[Difference, ...]
    effect: Effect
    irreversible: bool
    recorded: Recorded
    """By what was recorded when it was weighed: where more is, it is weighed again."""


def weigh(change: Change, base: Strategy | None, recorded: Recorded) -> Weighed:
    """What a change does to the version that it was planned against, by what was recorded of the stages of either."""
    found = differences(base, change.strategy, Moment(change.planned_at, change.planned_surely_at), recorded)
    return Weighed(found, effect_of(found), is_irreversible(found), recorded)


def late_dates(change: Change, in_force: Strategy | None, moment: Moment) -> list[tuple[str, str, Instant]]:
    """Dates of stages that have passed since they were planned: a new date lies ahead when it comes into force.

    Where a first version says which stages had opened already, that is what had by the time it was planned.
    """
    known = set() if in_force is None else set(_dates(in_force.stages))
    told = change.planned_surely_at if change.adopt and in_force is None else 0
    return [
        date
        for date in _dates(change.strategy.stages)
        if date not in known and date[2] > told and moment.maybe_reached(date[2])
    ]


def late_words(name: str, field: str, instant: Instant) -> str:
    """What is said of such a date."""
    return f"`{name}` {field} at {text_from(instant)}, which has passed since the change was planned."


def _dates(stages: Sequence[Stage]) -> list[tuple[str, str, Instant]]:
    return [(stage.name, field, getattr(stage, field)) for stage in stages for field in ("opens", "closes")]
