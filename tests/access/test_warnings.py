"""Warnings of a plan that follow from the file alone."""

import pytest

from gateway.access.warnings import without_end
from gateway.clock import DAY
from gateway.releases.cohorts import Canary
from gateway.releases.requirements import Approvals
from gateway.releases.stage_dates import Review
from gateway.releases.strategies import Stage
from tests.builders import PAST, a_stage, a_strategy

LATER = PAST + DAY


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        ([a_stage()], ["general"]),
        ([a_stage(closes=LATER)], []),
        ([a_stage(review=Review(by=LATER))], []),
        ([a_stage(perpetual=True)], []),
        ([a_stage(name="first"), a_stage(opens=LATER, perpetual=True)], []),
        ([a_stage(name="first"), a_stage(opens=LATER)], ["general"]),
        (
            [
                a_stage(name="first"),
                a_stage(opens=LATER, canary=Canary(percent=5, salt="x"), opens_when=(Approvals(people=1),)),
            ],
            ["first", "general"],
        ),
    ],
)
def test_a_stage_without_end_is_one_that_nothing_ends_reviews_or_says_to_be_perpetual(
    stages: list[Stage], told: list[str]
) -> None:
    assert without_end(a_strategy(*stages)) == told
