"""Warnings of a plan that follow from the file alone."""

from typing import Any

import msgspec
import pytest

from gateway.access.consequences import Consequences, Unknown
from gateway.access.proposed import Proposed
from gateway.access.warnings import warnings_of, without_end
from gateway.clock import DAY, at, text_from
from gateway.releases.changes.change import NOTHING, Change, ChangeState, weigh
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.recorded import NOTHING_RECORDED
from gateway.releases.requirements import Approvals, Soak
from gateway.releases.stage_dates import Review
from gateway.releases.strategies import AccessLevel, Conditions, Stage, Strategy
from tests.builders import PAST, a_stage, a_strategy
from tests.releases.builders import an_audience

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


def changed(strategy: Strategy, **differences: Any) -> Proposed:
    """A first version as it is planned."""
    change = Change(
        id="change_1", release=strategy.release, state=ChangeState.PLANNED, file=b"", strategy=strategy, base=NOTHING,
        policy="", author="Pro000000000", planned_at=LATER, planned_surely_at=LATER, **{"adopt": True} | differences,
    )  # fmt: skip
    return Proposed(change, None, NOTHING, weigh(change, None, NOTHING_RECORDED), "", {})


def codes(proposed: Proposed) -> dict[str, str]:
    nothing = Consequences(steps=(), unknown=(), unreached=(), is_complete=True)
    return {each.code: each.message for each in warnings_of(proposed, nothing, at(LATER))}


def test_a_soak_that_an_adopted_version_counts_by_its_own_word_is_warned_of() -> None:
    first = a_stage(name="preview", opens=PAST)
    soaked = a_strategy(first, a_stage(opens=LATER + DAY, opens_when=(Soak(days=30),)))
    plain = a_strategy(first, a_stage(opens=LATER + DAY, opens_when=(Approvals(people=2),)))

    assert text_from(PAST) in codes(changed(soaked))["soak_adopted"]
    assert "soak_adopted" not in codes(changed(soaked, adopt=False))
    assert "soak_adopted" not in codes(changed(plain))


@pytest.mark.parametrize(
    ("limits", "dead"),
    [
        ({"tokens_per_day": 512, "max_output_tokens": 1_000_000}, "max_output_tokens"),
        ({"tokens_per_day": 512, "requests_per_minute": 513}, "requests_per_minute"),
        ({"tokens_per_day": 512, "max_output_tokens": 512, "requests_per_minute": 512}, ""),
        ({"max_output_tokens": 1_000_000, "requests_per_minute": 60}, ""),
    ],
)
def test_a_limit_that_another_comes_before_is_warned_of(limits: dict[str, int], dead: str) -> None:
    found = codes(changed(a_strategy(a_stage(conditions=Conditions(**limits)))))

    assert ("condition_dead" in found) is bool(dead)
    assert dead in found.get("condition_dead", "")


def test_roles_as_which_nobody_is_counted_are_warned_of_and_their_stage_is_not_called_unreached() -> None:
    audiences = {
        "reviewers": an_audience(("role", "in", ("analyst", "auditor"))),
        "inside": an_audience(("role", "in", ("staff", "provider")), ("kyc", ">=", "K3")),
        "known": an_audience(("kyc", ">=", "K3")),
    }
    stages = [a_stage(name="looked", to=("reviewers",)), a_stage(name="all", opens=LATER, to=("inside", "known"))]
    nobody = Consequences(steps=(), unknown=(), unreached=("looked",), is_complete=True)

    found = warnings_of(changed(a_strategy(*stages, audiences=audiences)), nobody, at(LATER))
    told = [each.message for each in found if each.code == "role_not_counted"]

    assert "stage_unreached" not in {each.code for each in found}
    assert ["`reviewers` of `looked` is for the roles analyst, auditor" in told[0], "role provider" in told[1]] == [
        True
    ] * 2
    assert len(told) == 2


@pytest.mark.parametrize(("asked", "more"), [("kyc", ""), ("kyc@2", ", or not as surely as it asks")])
def test_whom_an_audience_does_not_know_is_told_with_why(asked: str, more: str) -> None:
    stage = a_stage(name="known", to=("known",))
    proposed = changed(a_strategy(stage, audiences={"known": an_audience((asked, ">=", "K3"))}))
    doubted = (Unknown("known", "known", 3),)
    consequences = Consequences(steps=(), unknown=doubted, unreached=(), is_complete=True)

    [said] = [
        each.message for each in warnings_of(proposed, consequences, at(LATER)) if each.code == "audience_unknown"
    ]
    assert (
        f"3 organisations belong to `known` of `known` is unknown, because nobody has asserted what it asks{more}:"
        in said
    )


def test_what_lets_weights_out_is_warned_of_once() -> None:
    before = a_strategy(a_stage())
    weights = a_stage(
        name="weights",
        opens=LATER + DAY,
        access=AccessLevel.OPEN_WEIGHTS,
        offers=(Component.WEIGHTS,),
        irreversible=True,
    )
    proposed = changed(msgspec.structs.replace(before, stages=(*before.stages, weights)), adopt=False)
    weighed = weigh(proposed.change, before, NOTHING_RECORDED)
    found = warnings_of(
        msgspec.structs.replace(proposed, base=before, weighed=weighed),
        Consequences(steps=(), unknown=(), unreached=(), is_complete=True),
        at(LATER),
    )

    assert weighed.irreversible
    [told] = [each.message for each in found if each.code == "irreversible"]
    assert "`stages.weights`" in told
    assert "by `stages.weights`:" in codes(changed(a_strategy(a_stage(), weights)))["irreversible"], "a first version"
