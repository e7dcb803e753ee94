"""What stands between an admitted caller and a stage: a place in line, an authority's word, a review missed. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.access.concurrences.records import OwnConcurrence
from gateway.access.questions import StageFact
from gateway.clock import Moment
from gateway.releases.lines import NOBODY, Line
from gateway.releases.strategies import Stage


class Entering(msgspec.Struct, frozen=True):
    """Who wants to enter a stage of a release, and when."""

    organisation: str
    lines: Mapping[str, Line]
    """Of the release, by name."""
    concurrences: Sequence[OwnConcurrence]
    """With this organisation's use of the release."""
    moment: Moment

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
        return self.lines.get(stage.line, NOBODY).place_of(self.organisation, stage.cap.organisations)

    def _concurrence(self, authority: str) -> str:
        if not authority:
            return "not_needed"
        own = [each for each in self.concurrences if each.authority == authority]
        if any(each.stands(self.moment) for each in own):
            return "standing"
        return "ended" if own else "none"
