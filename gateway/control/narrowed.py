"""How narrowings are shown: as they stand, with the review that a second person gave or owes."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from gateway.clock import Moment, text_from
from gateway.control.areas import Areas
from gateway.control.wire import shown, when
from gateway.releases.narrowed import standing as lasting
from gateway.releases.narrowed import told
from gateway.releases.narrowings import InEffect, Narrowing, Verb
from gateway.releases.reviews.review import Review, Reviewed, review_state


class ShownNarrowing(msgspec.Struct, frozen=True, kw_only=True):
    """A narrowing, or the restoration of one, as it stands."""

    id: str
    release: str
    verb: str
    state: str
    """in force, over, restored; of a restoration, done."""
    scope: str
    """Empty for everybody."""
    on_unknown: str
    stage: str
    """The stage that a hold or a roll-back leaves; empty where it leaves none."""
    inverse_of: str
    restored_for: list[str]
    """Scopes for which it was restored while it is in force for others."""
    authority: str
    cause: str
    taken_at: datetime
    taken_by: str
    until: datetime | None
    review: str
    """A second person's: due, overdue, confirmed or undone; none where it is not needed, or no longer."""
    review_by: datetime | None
    reviewed_by: str | None
    reviewed_at: datetime | None


async def shown_narrowings(
    areas: Areas, release: str, narrowings: Sequence[Narrowing], moment: Moment
) -> list[ShownNarrowing]:
    """Narrowings of one release as they stand, with their reviews."""
    standing = {each.narrowing.id: each for each in await areas.restraint.standing(release)}
    reviews = await areas.reviewing.reviews([narrowing.id for narrowing in narrowings])
    return [_shown(each, standing.get(each.id), reviews.get(each.id), moment) for each in narrowings]


def _shown(narrowing: Narrowing, standing: InEffect | None, review: Review | None, moment: Moment) -> ShownNarrowing:
    restored = [] if standing is None else standing.restored_texts
    return ShownNarrowing(
        id=narrowing.id,
        release=narrowing.release,
        verb=narrowing.verb,
        state=_state(narrowing, standing, moment),
        scope=narrowing.scope,
        on_unknown=narrowing.on_unknown,
        stage=narrowing.stage,
        inverse_of=narrowing.inverse_of,
        restored_for=restored,
        authority=narrowing.authority,
        cause=narrowing.cause,
        taken_at=shown(narrowing.taken_at),
        taken_by=narrowing.taken_by,
        until=when(narrowing.until),
        review=review_state(_reviewed(narrowing, standing, review, moment), moment),
        review_by=when(narrowing.review_by),
        reviewed_by=None if review is None else review.reviewed_by,
        reviewed_at=None if review is None else shown(review.reviewed_at),
    )


def _reviewed(narrowing: Narrowing, standing: InEffect | None, review: Review | None, moment: Moment) -> Reviewed:
    return Reviewed(narrowing, standing is not None and not standing.is_over(moment), review)


async def told_narrowings(areas: Areas, standing: Sequence[InEffect], moment: Moment) -> list[str]:
    """What narrows a release now, each in one line, with how it stands with its review."""
    in_force = lasting(standing, moment)
    reviews = await areas.reviewing.reviews([each.narrowing.id for each in in_force])
    return [f"{told(each)} ({_review_told(each, reviews.get(each.narrowing.id), moment)})" for each in in_force]


def _review_told(each: InEffect, review: Review | None, moment: Moment) -> str:
    state = review_state(_reviewed(each.narrowing, each, review, moment), moment)
    by = each.narrowing.review_by
    if review is not None:
        return f"{state} by {review.reviewed_by}, {text_from(review.reviewed_at)}"
    return f"a second person's review is {state}: {text_from(by)}" if by is not None else "nobody has to review it"


def _state(narrowing: Narrowing, standing: InEffect | None, moment: Moment) -> str:
    if narrowing.verb is Verb.RESTORE:
        return "done"
    if moment.surely_reached(narrowing.until):
        return "over"
    return "restored" if standing is None else "in force"
