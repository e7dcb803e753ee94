"""What stands between an admitted caller and a stage: a place in line, an authority's word, a review missed. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.access.concurrences.records import OwnConcurrence
from gateway.access.grants import Grant
from gateway.access.questions import StageFact
from gateway.clock import NEVER, Instant, Moment
from gateway.releases.lines import NOBODY, Left, Line
from gateway.releases.strategies import Stage


class Entering(msgspec.Struct, frozen=True):
    """Who wants to enter a stage of a release, and when."""

    organisation: str
    lines: Mapping[str, Line]
    """Of the release, by name."""
    concurrences: Sequence[OwnConcurrence]
    """With this organisation's use of the release."""
    moment: Moment
    grants: Sequence[Grant] = ()
    """For the release."""
    admitted_by: Instant = NEVER
    """Whom a hold leaves a stage had to be admitted to it before this: later words and places do not count."""

    def as_of(self, instant: Instant) -> "Entering":
        """The same as to a stage that was left at an instant."""
        return msgspec.structs.replace(self, admitted_by=instant)

    def had_grant(self, instant: Instant) -> bool:
        """Whether a grant that is active admitted before an instant."""
        return any(grant.is_active(self.moment) and grant.admits_since < instant for grant in self.grants)

    def fact(self, stage: Stage | None) -> StageFact | None:
        """What a question says of a stage, for whoever wants to enter it."""
        if stage is None:
            return None
        return StageFact(
            name=stage.name,
            access=stage.access,
            offers=stage.offers,
            conditions=stage.conditions,
            place=self._place(stage),
            concurrence=self._concurrence(stage.conditions.concurrence),
            overdue=stage.review is not None and stage.review.is_overdue(self.moment),
            if_overdue=stage.review.if_overdue if stage.review is not None else "warn",
        )

    def _place(self, stage: Stage) -> str:
        if stage.cap is None:
            return "not_needed"
        line = stage.line if self.admitted_by == NEVER else Left(stage, self.admitted_by).line
        return self.lines.get(line, NOBODY).place_of(self.organisation, stage.cap.organisations)

    def _concurrence(self, authority: str) -> str:
        if not authority:
            return "not_needed"
        own = [each for each in self.concurrences if each.authority == authority]
        had = any(each.given_at < self.admitted_by < each.expires_at and each.withdrawn_at is None for each in own)
        if any(each.stands(self.moment) for each in own) and (had or self.admitted_by == NEVER):
            return "standing"
        return "ended" if own else "none"
