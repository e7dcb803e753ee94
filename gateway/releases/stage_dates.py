"""How long a stage may stand: a review date and what follows where it is missed, or the word that it has no end."""

from collections.abc import Mapping

import msgspec

from gateway.clock import NEVER, Instant, Moment
from gateway.releases import values
from gateway.releases.nodes import Faults, Node

IF_OVERDUE = ("warn", "freeze")


class Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When somebody must have looked at a stage again. NOTE: part of a strategy's canonical bytes."""

    by: Instant
    if_overdue: str = "warn"
    """warn, or freeze: nobody takes a place in the stage until it has another date."""

    def is_overdue(self, moment: Moment) -> bool:
        """Whether the date may have passed: in doubt nobody new is let in."""
        return moment.maybe_reached(self.by)


def read_review(
    fields: Mapping[str, Node], opens: Instant | None, closes: Instant | None, faults: Faults
) -> tuple[Review | None, bool]:
    """The review of a stage, and whether it is perpetual."""
    by = values.instant(fields.get("review_by"), faults)
    if_overdue = values.choice(fields.get("if_overdue"), faults, IF_OVERDUE)
    perpetual = values.truth(fields.get("perpetual"), faults)
    if perpetual is False:
        faults.add(fields["perpetual"], "a stage is perpetual or says when it ends: write `true`, or take it out")
    if perpetual and "review_by" in fields:
        faults.add(fields["perpetual"], "a stage that is reviewed is not perpetual: keep one of the two")
    if perpetual and closes is not None and closes < NEVER:
        faults.add(fields["perpetual"], "this stage closes, so it is not perpetual: keep one of the two")
    if "if_overdue" in fields and "review_by" not in fields:
        faults.add(fields["if_overdue"], "nothing is overdue without a date: write `review_by`")
    if if_overdue == "freeze" and "cap" not in fields:
        faults.add(
            fields["if_overdue"],
            "only a stage with a `cap` knows who is new: give it one, or write `warn`",
        )
    if by is None:
        return None, bool(perpetual)
    if opens is not None and by <= opens:
        faults.add(fields["review_by"], "this is before the stage opens: there would be nothing to review")
    if closes is not None and by >= closes:
        faults.add(fields["review_by"], "the stage has closed by then: leave `review_by` out")
    return Review(by=by, if_overdue=if_overdue or "warn"), bool(perpetual)
