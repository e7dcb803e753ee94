"""The review of a narrowing: a second person confirms what one has taken away, or undoes it.

A narrowing stays in force until then: narrow is safe. That nobody looked at it in time is noticed and recorded.
Frozen values; whether somebody may review is the judge's to say (policies/changes/narrowings.rego).
"""

from enum import StrEnum

import msgspec

from gateway.clock import Instant, Moment
from gateway.releases.narrowings import Narrowing, Verb


class Verdict(StrEnum):
    """What a second person makes of a narrowing."""

    CONFIRM = "confirm"
    UNDO = "undo"


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One person's review of what another has narrowed. There is one of each at most, and it stays."""

    narrowing: str
    verdict: Verdict
    role: str
    cause: str
    restoration: str = ""
    """Id of the restoration by which it was undone."""
    reviewed_at: Instant
    reviewed_by: str
    """Public id of a key."""


class Reviewed(msgspec.Struct, frozen=True):
    """A narrowing, whether it is in force, and the review it was given."""

    narrowing: Narrowing
    in_force: bool
    """Neither restored whole nor over."""
    review: Review | None


def review_state(reviewed: Reviewed, moment: Moment) -> str:
    """none, due, overdue, confirmed or undone. What is over, or was restored whole, is due no longer."""
    narrowing, review = reviewed.narrowing, reviewed.review
    if review is not None:
        return {Verdict.CONFIRM: "confirmed", Verdict.UNDO: "undone"}[review.verdict]
    if narrowing.review_by is None or narrowing.verb is Verb.RESTORE or not reviewed.in_force:
        return "none"
    return "overdue" if moment.surely_reached(narrowing.review_by) else "due"
