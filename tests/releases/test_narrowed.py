"""What narrowings leave of a stage, and what labels, states and timelines then say."""

from typing import Any

import pytest

from gateway.clock import DAY, NEVER, at
from gateway.releases.components import Component
from gateway.releases.labels import ReleaseLabel, label_of
from gateway.releases.narrowed import in_words, told
from gateway.releases.narrowings import InEffect, Narrowing, Verb, in_effect
from gateway.releases.requirements import Approvals
from gateway.releases.stage_states import states
from gateway.releases.strategies import AccessLevel
from gateway.releases.timelines import layout
from tests.releases.builders import a_stage, a_strategy

NOW = 10 * DAY
STORY = a_strategy(
    a_stage("trusted", 2 * DAY, access=AccessLevel.LIMITED, to=("testers",)),
    a_stage("general", 5 * DAY, offers=(Component.TEXT, Component.LOGPROBS)),
    a_stage("weights", 8 * DAY, access=AccessLevel.OPEN_WEIGHTS, offers=(Component.TEXT, Component.WEIGHTS)),
)


def narrowing(verb: Verb = Verb.SUSPEND, **differences: Any) -> tuple[InEffect, ...]:
    """One narrowing of the story, in force since yesterday; `restored` for those in a scope."""
    restored = differences.pop("restored", "")
    facts = {
        "id": "narrowing_1",
        "number": 1,
        "release": STORY.release,
        "verb": verb,
        "strategy": STORY.digest(),
        "cause": "order 7",
        "taken_at": NOW - DAY,
        "taken_by": "Pro000000000",
    }
    rows = [Narrowing(**facts | differences)]
    if restored:
        rows.append(Narrowing(**facts | {"verb": Verb.RESTORE, "inverse_of": "narrowing_1", "scope": restored}))
    return in_effect(rows, [STORY])


def labelled(*narrowings: InEffect) -> ReleaseLabel:
    """The label of the story now."""
    return label_of(STORY, at(NOW), narrowings=narrowings)


def labels(label: ReleaseLabel) -> tuple[str, str, str]:
    """In the three vocabularies."""
    return label.access.label, label.solaiman.label, label.mof.label


OPEN = ("open-weights", "downloadable", "unknown")


@pytest.mark.parametrize(
    ("narrowings", "expected", "said"),
    [
        ((), OPEN, "says so."),
        (narrowing(), ("closed", "fully closed", "none"), "is suspended for everybody."),
        (narrowing(Verb.WITHDRAW), ("closed", "fully closed", "none"), "is withdrawn for everybody."),
        (narrowing(Verb.HOLD, stage=""), ("closed", "fully closed", "none"), "is held for everybody."),
        (narrowing(Verb.HOLD, stage="general"), ("api", "cloud-based/API", "none"), "and is held at general."),
        (narrowing(Verb.ROLL_BACK, stage="trusted"), ("limited", "gradual/staged", "none"), "rolled back at trusted."),
        (narrowing(Verb.HOLD, stage="weights"), OPEN, "says so, but it is narrowed."),
        (narrowing(scope="not us_person"), OPEN, "says so, but it is narrowed."),
        (narrowing(scope="component = weights.final"), ("api", "cloud-based/API", "none"), "as to weights.final"),
        (narrowing(restored="us_person"), ("limited", "gradual/staged", "unknown"), "for everybody but some."),
        (narrowing(until=NOW), OPEN, "says so."),
    ],
)
def test_a_label_says_what_is_left(narrowings: tuple[InEffect, ...], expected: tuple[str, str, str], said: str) -> None:
    label = labelled(*narrowings)

    assert labels(label) == expected
    assert label.access.because.endswith(f"{said}") or said in label.access.because
    assert label.stage == "weights"


def test_of_several_narrowings_the_label_says_what_they_leave_together() -> None:
    held = narrowing(Verb.HOLD, stage="general")
    of_a_part = narrowing(scope="component = inference.logprobs")

    both = labelled(*held, *of_a_part, *narrowing())

    assert labels(labelled(*of_a_part, *held)) == ("api", "cloud-based/API", "none")
    assert labels(both) == ("closed", "fully closed", "none") and len(both.narrowings) == 3


def test_a_recall_is_told_whatever_took_the_release_before() -> None:
    withdrawn, recalled = narrowing(Verb.WITHDRAW), narrowing(Verb.RECALL, id="narrowing_2", number=2)
    some = narrowing(Verb.RECALL, id="narrowing_2", number=2, scope="organisation = acme")

    for both in (withdrawn + recalled, recalled + withdrawn):
        assert in_words(STORY.stages[2], iter(both), at(NOW)) == "recalled for everybody"
        assert states(STORY, at(NOW), narrowings=both)[2] == "recalled"
    assert in_words(STORY.stages[2], withdrawn + some, at(NOW)) == "withdrawn for everybody"


def test_a_narrowing_is_told_with_its_scope_its_date_its_author_and_its_cause() -> None:
    [each] = narrowing(scope="not us_person", authority="Bureau 9", until=NOW + DAY, restored="organisation = acme")

    assert told(each) == (
        "suspended since 1970-01-10T00:00:00Z, until 1970-01-12T00:00:00Z, for those in `not us_person` or of whom it"
        " is unknown, but for `organisation = acme`, by Pro000000000, on the word of Bureau 9: order 7"
    )


@pytest.mark.parametrize(
    ("narrowings", "expected", "in_short"),
    [
        ((), "open", None),
        (narrowing(), "suspended", "suspended for everybody"),
        (narrowing(Verb.HOLD, stage="general"), "held", "held at general"),
        (narrowing(scope="hq_country = DE"), "open", "suspended for some"),
        (narrowing(scope="component = weights.final"), "open", "suspended as to weights.final for everybody"),
        (narrowing(restored="us_person"), "open", "suspended for everybody but some"),
        (narrowing(Verb.HOLD, stage="weights"), "open", "held"),
        (
            (*narrowing(scope="hq_country = DE"), *narrowing(Verb.HOLD, stage="weights")),
            "open",
            "suspended for some, held",
        ),
    ],
)
def test_the_stage_in_force_is_shown_as_what_was_done_to_all_of_it(
    narrowings: tuple[InEffect, ...], expected: str, in_short: str | None
) -> None:
    before = "open" if in_short == "held at general" else "past"
    assert states(STORY, at(NOW), narrowings=narrowings) == ["past", before, expected]
    assert in_words(STORY.stages[2], narrowings, at(NOW)) == in_short


def test_a_timeline_draws_what_narrows_from_when_to_when() -> None:
    drawn = layout(STORY, at(NOW), narrowings=narrowing(until=NOW + DAY))

    [band] = drawn.narrowings
    assert (drawn.stands, drawn.bars[2].state) == ("weights is suspended for everybody", "suspended")
    assert band.start < drawn.now < band.end < 1 and (band.done, band.scope) == ("suspended", "")
    assert layout(STORY, at(NOW), narrowings=narrowing(scope="hq_country = DE")).stands == (
        "weights is open; suspended for some"
    )


GATED = a_strategy(
    a_stage("trusted", 2 * DAY),
    a_stage("general", 5 * DAY, opens_when=(Approvals(people=1),)),
    a_stage("later", 20 * DAY, closes=30 * DAY),
)


def test_a_bar_begins_where_its_opening_was_recorded_and_not_at_its_date() -> None:
    trusted, general, later = layout(GATED, at(NOW), {"general": 7 * DAY}).bars

    assert (trusted.ends, general.opens, general.ends) == (7 * DAY, 7 * DAY, 20 * DAY)
    assert (trusted.ends_later, general.waits, later.waits) == (False, False, False)
    assert trusted.end == general.start and general.end == later.start


def test_a_stage_that_waits_is_drawn_not_before_now_and_what_comes_behind_it_neither() -> None:
    drawn = layout(GATED, at(NOW))

    trusted, general, later = drawn.bars
    assert (trusted.state, general.state, later.state) == ("open", "waiting", "to come")
    assert trusted.end == drawn.now == general.start and trusted.ends_later
    assert (general.opens, general.waits, general.ends) == (5 * DAY, True, 20 * DAY)
    assert (later.opens, later.waits, later.ends) == (20 * DAY, True, 30 * DAY)


def test_an_opening_is_not_known_before_it_was_recorded() -> None:
    as_it_was = layout(GATED, at(6 * DAY), {"general": 7 * DAY})

    assert as_it_was == layout(GATED, at(6 * DAY))
    assert [bar.state for bar in as_it_was.bars] == ["open", "waiting", "to come"]


def test_what_waits_is_passed_over_by_the_end_of_a_release() -> None:
    ended = a_strategy(
        a_stage("general", 5 * DAY, opens_when=(Approvals(people=1),)),
        a_stage("end", 8 * DAY, access=AccessLevel.CLOSED, to=("staff",)),
    )

    general, end = layout(ended, at(NOW)).bars

    assert general.start == general.end == end.start and end.ends == NEVER
