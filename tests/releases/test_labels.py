"""The label of a release at an instant, in three vocabularies, and why."""

from typing import Any

import pytest

from gateway.clock import at, text_from
from gateway.releases.caps import Cap
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.labels import CLASS_III, Gradient, label_of
from gateway.releases.strategies import AccessLevel, Conditions, Strategy
from tests.releases.builders import a_stage, a_strategy

STAGED: Strategy = a_strategy(
    a_stage("internal", 10, access=AccessLevel.CLOSED, to=("staff",)),
    a_stage("trusted", 20, access=AccessLevel.LIMITED, to=("testers",), closes=25),
    a_stage("general", 30),
    a_stage("weights", 40, access=AccessLevel.OPEN_WEIGHTS, offers=(Component.TEXT, Component.WEIGHTS)),
)


@pytest.mark.parametrize(
    ("instant", "access", "solaiman", "mof"),
    [
        (9, "closed", "fully closed", "none"),
        (10, "closed", "fully closed", "none"),
        (20, "limited", "gradual/staged", "none"),
        (24, "limited", "gradual/staged", "none"),
        (25, "closed", "fully closed", "none"),
        (30, "api", "cloud-based/API", "none"),
        (40, "open-weights", "downloadable", "unknown"),
    ],
)
def test_the_label_follows_the_stage_in_force(instant: int, access: str, solaiman: str, mof: str) -> None:
    label = label_of(STAGED, at(instant))

    assert (label.access.label, label.solaiman.label, label.mof.label) == (access, solaiman, mof)
    assert label.as_of == text_from(instant)


def test_between_stages_nothing_is_in_force_and_the_label_says_so() -> None:
    label = label_of(STAGED, at(25))

    assert label.stage is None
    assert "nobody is admitted" in label.access.because and label.solaiman.because == "No stage is in force."


def test_a_limited_release_says_how_many_stages_are_to_come() -> None:
    assert label_of(STAGED, at(20)).solaiman.because == "Only named audiences are admitted, with 2 stages to come."


def test_weights_for_some_only_are_told_as_that() -> None:
    stage = a_stage(access=AccessLevel.OPEN_WEIGHTS, offers=(Component.WEIGHTS,), to=("researchers",))

    assert "by researchers only" in label_of(a_strategy(stage), at(1)).solaiman.because


def test_what_no_strategy_tells_is_unknown_and_named() -> None:
    because = label_of(STAGED, at(40)).mof.because

    assert all(component in because for component in CLASS_III if component != "weights.final")
    assert "licences the strategy tells nothing" in because


def test_neither_hosted_nor_fully_open_is_ever_claimed() -> None:
    """Nothing that a strategy says could show them."""
    told = {label_of(STAGED, at(instant)).solaiman.label for instant in range(50)}

    assert told == set(Gradient) - {Gradient.HOSTED, Gradient.FULLY_OPEN}


FEW = [
    ({"cap": Cap(organisations=4)}, "only the first 4 organisations in line"),
    ({"canary": Canary(percent=1, salt="x")}, "only 1 % of organisations"),
    ({"conditions": Conditions(concurrence="Commerce")}, "only those to which Commerce agrees"),
]


@pytest.mark.parametrize(("parts", "whom"), FEW)
def test_a_stage_for_few_of_those_it_names_is_no_open_api(parts: dict[str, Any], whom: str) -> None:
    label = label_of(a_strategy(a_stage(opens=1, access=AccessLevel.API, to=("public",), **parts)), at(2))

    assert (label.access.label, label.solaiman.label) == ("limited", Gradient.STAGED)
    assert whom in label.access.because and whom in label.solaiman.because


def test_weights_that_few_may_take_have_left_all_the_same() -> None:
    stage = a_stage(
        opens=1, access=AccessLevel.OPEN_WEIGHTS, to=("public",), offers=(Component.WEIGHTS,), cap=Cap(organisations=4)
    )

    label = label_of(a_strategy(stage), at(2))

    assert (label.access.label, label.solaiman.label) == ("open-weights", Gradient.DOWNLOADABLE)
    assert "only the first 4 organisations" in label.solaiman.because
