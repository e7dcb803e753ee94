"""Which words for opening a stage may let go of what cannot be undone."""

from typing import Any

import msgspec
import pytest

from gateway.releases.letting_go import lets_go
from gateway.releases.requirements import Approvals, Concurs, IncidentFree, Soak
from tests.releases.builders import a_stage, a_strategy

PEOPLE, EVIDENCE = (Approvals(people=2),), (IncidentFree(), Soak(days=30))


@pytest.mark.parametrize(
    ("asks", "opened", "expected"),
    [
        # What each of three stages asks; the last lets weights out. Then, what opening the first and the second may do.
        ((PEOPLE, (), ()), {}, (True, True)),
        ((PEOPLE, PEOPLE, ()), {}, (False, True)),
        ((PEOPLE, EVIDENCE, ()), {}, (True, True)),
        ((PEOPLE, (), EVIDENCE), {}, (True, True)),
        ((PEOPLE, (), PEOPLE), {}, (False, False)),
        ((PEOPLE, (), (Concurs(authority="CAISI"),)), {}, (False, False)),
        ((PEOPLE, (), PEOPLE), {"third": 5}, (True, True)),
        ((PEOPLE, PEOPLE, EVIDENCE), {"second": 5}, (True, True)),
    ],
)
def test_opening_a_stage_may_let_go_of_what_nobody_else_is_asked_about(
    asks: tuple[tuple[Any, ...], ...], opened: dict[str, int], expected: tuple[bool, bool]
) -> None:
    names = ("first", "second", "third")
    stages = [a_stage(name, place, opens_when=asks[place]) for place, name in enumerate(names)]
    stages[2] = msgspec.structs.replace(stages[2], irreversible=True)
    strategy = a_strategy(*stages)

    assert tuple(lets_go(strategy, stage, opened) for stage in strategy.stages[:2]) == expected
    assert lets_go(strategy, strategy.stages[2], opened)
    assert not lets_go(a_strategy(*stages[:2]), stages[0], opened)
