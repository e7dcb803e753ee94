"""How access to a release is asked for: the form, who reviews it, and how long what is granted lasts.

NOTE: a part of the strategy, so that its digest covers it (strategies.py). A field may be added with a default;
none may change its meaning, its name, its form or its default.
"""

from enum import StrEnum

import msgspec

from gateway.clock import DAY, Instant
from gateway.identity.callers import Role

REVIEWERS = (Role.APPROVER, Role.PROVIDER, Role.ANALYST)
"""Roles that can review requests."""

LONGEST_DEFAULT = 2_000
"""Characters of a text, where the form does not say."""
REVIEW_DAYS = 14
GRANT_DAYS = 90
RETAIN_DAYS = 400
"""Longer than any grant lasts: what was asked stays at hand while it counts."""


class FieldKind(StrEnum):
    """What is asked for in one field."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    YES_NO = "yes-no"
    URL = "url"


class FormField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is asked."""

    name: str
    kind: FieldKind
    label: str = ""
    """The question in words; empty: its name has to do."""
    required: bool = True
    help: str = ""
    choices: tuple[str, ...] = ()
    at_least: int | None = None
    at_most: int | None = None
    longest: int = LONGEST_DEFAULT

    @property
    def question(self) -> str:
        """How people are asked."""
        return self.label or self.name


class RequestForm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a release wants to know of whoever asks for access, and what becomes of a request."""

    fields: tuple[FormField, ...]
    """In the order in which they are asked."""
    reviewers: tuple[Role, ...] = (Role.APPROVER,)
    """Whoever holds one of these roles may review. Sorted."""
    second_approval: bool = False
    """Whether two people must approve."""
    concurrence: str = ""
    """The authority outside that must concur with each grant; empty for none."""
    review_within_days: int = REVIEW_DAYS
    """After so long without a decision a review is overdue."""
    expires_after_days: int = 2 * REVIEW_DAYS
    """After so long in which nobody did anything a request is over."""
    grant_days: int = GRANT_DAYS
    recertify_every_days: int = 0
    """How often somebody must look at a grant again; 0: never."""
    retain_days: int = RETAIN_DAYS
    """How long answers are kept once a request is closed."""

    def review_due(self, since: Instant) -> Instant:
        """When a review that could begin at an instant is overdue."""
        return since + self.review_within_days * DAY

    def expiry(self, since: Instant) -> Instant:
        """When a request that nobody touches from an instant on is over."""
        return since + self.expires_after_days * DAY

    def recertification(self, since: Instant) -> Instant | None:
        """When a grant that was looked at at an instant must be looked at again; None: never."""
        return since + self.recertify_every_days * DAY if self.recertify_every_days else None
