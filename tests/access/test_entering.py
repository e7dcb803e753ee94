"""What stands between an admitted caller and a stage, and properties of lines, canaries and caps together."""

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access.concurrences.records import OwnConcurrence
from gateway.access.entering import Entering
from gateway.access.snapshot import InForce
from gateway.access.standing import Use, gather
from gateway.clock import DAY, Moment, at
from gateway.releases.caps import Cap
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.lines import Line, longest
from gateway.releases.stage_dates import Review
from gateway.releases.strategies import Conditions, Stage
from tests.builders import PAST, a_caller, a_concurrence, a_stage, a_strategy, holdings

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 300
NOW = at(PAST + 100 * DAY)
ORGANISATIONS = [f"org-{number}" for number in range(40)]


def entering(*line: str, organisation: str = "acme", moment: Moment = NOW, **given: object) -> Entering:
    facts = {"organisation": organisation, "lines": {"general": Line.of(line)}, "concurrences": (), "moment": moment}
    return Entering(**facts | given)  # type: ignore[arg-type]


def place(stage: Stage, *line: str) -> str:
    fact = entering(*line).fact(stage)
    assert fact is not None
    return fact.place


def test_a_place_is_held_by_the_first_free_while_there_are_fewer_and_else_the_line_is_full() -> None:
    capped = a_stage(cap=Cap(organisations=2))

    assert place(a_stage()) == "not_needed"
    assert place(capped) == "free"
    assert place(capped, "bolt") == "free"
    assert place(capped, "bolt", "acme") == "held"
    assert place(capped, "bolt", "cleo") == "full"
    assert place(capped, "bolt", "cleo", "acme") == "full"


def test_a_line_that_nobody_has_read_is_empty_and_not_full() -> None:
    assert entering(lines={}).fact(a_stage(cap=Cap(organisations=1))).place == "free"  # type: ignore[union-attr]


def concurrence(*given: OwnConcurrence, moment: Moment = NOW) -> str:
    asked = a_stage(conditions=Conditions(concurrence="Commerce"))
    fact = entering(concurrences=given, moment=moment).fact(asked)
    assert fact is not None
    return fact.concurrence


def test_an_authority_concurs_until_it_expires_or_is_withdrawn_and_for_no_other_authority() -> None:
    assert concurrence() == "none"
    assert concurrence(a_concurrence()) == "standing"
    assert concurrence(a_concurrence(authority="Energy")) == "none"
    assert concurrence(a_concurrence(withdrawn_at=PAST)) == "ended"
    assert concurrence(a_concurrence(withdrawn_at=PAST), a_concurrence()) == "standing"
    ending = a_concurrence(expires_at=NOW.latest + DAY)
    assert concurrence(ending, moment=at(NOW.latest + DAY)) == "ended"
    assert concurrence(ending, moment=Moment(NOW.latest, NOW.latest + DAY)) == "ended", "in doubt it has"


def test_what_stands_about_a_use_ends_as_the_concurrence_does() -> None:
    strategy = a_strategy(a_stage(conditions=Conditions(concurrence="Commerce")))
    held = holdings()
    agreed = type(held).of("acme", (), (), [a_concurrence(expires_at=NOW.latest + DAY)])
    use = Use(a_caller(), Component.TEXT, InForce(strategy, strategy.digest()), agreed)

    assert gather(use, NOW).holds_until == NOW.latest + DAY
    assert gather(use, NOW).question.stage.concurrence == "standing"  # type: ignore[union-attr]


def test_what_stands_about_a_use_ends_as_a_review_is_due() -> None:
    strategy = a_strategy(a_stage(review=Review(by=NOW.latest + DAY)))
    use = Use(a_caller(), Component.TEXT, InForce(strategy, strategy.digest()), holdings())

    before, after = gather(use, NOW), gather(use, at(NOW.latest + DAY))

    assert before.holds_until == NOW.latest + DAY
    assert (before.question.stage.overdue, after.question.stage.overdue) == (False, True)  # type: ignore[union-attr]


caps = st.integers(1, 40)
percents = st.integers(1, 99)
lines_of = st.lists(st.sampled_from(ORGANISATIONS), unique=True, max_size=40)


def admitted(line: list[str], cap: int, percent: int, salt: str) -> set[str]:
    """Whom a stage admits by its canary and its cap: whoever is reached, and holds a place."""
    stage = a_stage(cap=Cap(organisations=cap), canary=Canary(percent=percent, salt=salt))
    known = Line.of(line[: longest([stage])[stage.line]])
    return {name for name in ORGANISATIONS if stage.reaches(name) and known.place_of(name, cap) == "held"}


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(line=lines_of, cap=caps, more=st.integers(0, 40), percent=percents, wider=st.integers(0, 99), salt=st.text())
def test_a_higher_cap_and_a_wider_share_keep_everybody_whom_they_had(
    line: list[str], cap: int, more: int, percent: int, wider: int, salt: str
) -> None:
    narrow = admitted(line, cap, percent, salt)
    wide = admitted(line, cap + more, min(99, percent + wider), salt)

    assert narrow <= wide
    assert len(narrow) <= cap and len(wide) <= cap + more


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(cap=caps, seed=st.integers())
def test_in_any_order_of_asking_and_leaving_the_first_hold_places_and_nobody_is_overtaken(cap: int, seed: int) -> None:
    """The rule by itself: a line is a list, asking appends, leaving removes, the first so many are admitted."""
    drawn, line, held_before = random.Random(seed), list[str](), set[str]()
    for _ in range(60):
        name = drawn.choice(ORGANISATIONS)
        left = name in line and drawn.random() < 0.4
        if left:
            line.remove(name)
        elif name not in line:
            line.append(name)
        known = Line.of(line[:cap])
        held = {each for each in ORGANISATIONS if known.place_of(each, cap) == "held"}
        assert held == set(line[:cap])
        assert held_before - ({name} if left else set()) <= held, "a place is kept until its holder leaves"
        assert ("free" in {known.place_of(each, cap) for each in ORGANISATIONS}) == (len(line) < cap)
        held_before = held
