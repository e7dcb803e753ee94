"""When everybody was narrowed: what overlaps is one time, what is for some is none, what is restored for some lasts."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import NEVER, at
from gateway.releases.components import Component
from gateway.releases.narrowings import Narrowing, Verb
from gateway.releases.pauses import Pause, between, paused_since, pauses, without

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 300


OFFERED = (Component.TEXT, Component.EMBEDDINGS)


def taken(number: int, at_instant: int, verb: Verb = Verb.SUSPEND, **differences: object) -> Narrowing:
    return Narrowing(
        id=f"narrowing_{number}", number=number, release="acme/atlas-1", verb=verb, cause="", taken_at=at_instant,
        taken_by="key", **differences,  # type: ignore[arg-type]
    )  # fmt: skip


def back(of: int, at_instant: int, scope: str = "") -> Narrowing:
    return taken(of + 100, at_instant, Verb.RESTORE, inverse_of=f"narrowing_{of}", scope=scope)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([], ()),
        ([taken(1, 10)], ((10, NEVER),)),
        ([taken(1, 10, until=20)], ((10, 20),)),
        ([taken(1, 10), back(1, 15)], ((10, 15),)),
        ([taken(1, 10), back(1, 15, "us_person")], ((10, NEVER),)),
        ([taken(1, 10, scope="us_person")], ()),
        ([taken(1, 10, scope="component = inference.text")], ((10, NEVER),)),
        ([taken(1, 10, scope="component in [inference.embeddings, weights.final]")], ((10, NEVER),)),
        ([taken(1, 10, scope="component = weights.final")], ()),
        ([taken(1, 10, scope="not component = weights.final")], ((10, NEVER),)),
        ([taken(1, 10, scope="component = inference.text or us_person")], ((10, NEVER),)),
        ([taken(1, 10, scope="component = inference.text and us_person")], ()),
        ([taken(1, 10, scope="component = inference.text and not grant")], ()),
        ([taken(1, 10, scope="organisation != acme")], ()),
        ([taken(1, 10), back(1, 15, "component = weights.final")], ((10, NEVER),)),
        ([taken(1, 10), back(1, 15, "component = inference.text")], ((10, NEVER),)),
        ([taken(1, 10), back(1, 15, "not component = weights.final")], ((10, 15),)),
        (
            [taken(1, 10), back(1, 15, "component = inference.text"), taken(2, 12, until=14)],
            ((10, NEVER),),
        ),
        (
            [taken(1, 10, Verb.HOLD), back(1, 15), taken(2, 12), back(2, 30), taken(3, 40, until=50)],
            ((10, 30), (40, 50)),
        ),
    ],
)
def test_when_everybody_was_narrowed(rows: list[Narrowing], found: tuple[Pause, ...]) -> None:
    assert pauses(rows, OFFERED) == found


def test_what_a_stage_offers_nothing_of_pauses_nothing() -> None:
    assert pauses([taken(1, 10)], ()) == ()


spans = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30) | st.just(NEVER)), max_size=5)


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(spans, st.integers(0, 30), st.integers(0, 30))
def test_a_time_is_counted_without_each_instant_at_which_anything_narrowed(
    drawn: list[tuple[int, int]], since: int, until: int
) -> None:
    rows = [taken(number, begins, until=ends) for number, (begins, ends) in enumerate(drawn)]

    found = pauses(rows, OFFERED)

    narrowed = [any(begins <= t < ends for begins, ends in drawn) for t in range(31)]
    assert without(found, since, until) == sum(not narrowed[t] for t in range(since, until))
    left = [t for begins, ends in between(found, since, until) for t in range(begins, ends)]
    assert left == [t for t in range(since, until) if not narrowed[t]]
    assert [paused_since(found, at(t)) is not None for t in range(31)] == narrowed
