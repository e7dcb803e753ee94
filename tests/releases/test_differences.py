"""What differs between two strategies, and that nothing that widens is ever taken for less."""

import os
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from gateway.access.decisions import Decision, Obligations
from gateway.access.grants import Holdings
from gateway.access.snapshot import InForce
from gateway.access.standing import Use, gather
from gateway.clock import DAY, at, text_from
from gateway.identity.callers import Caller
from gateway.releases.as_written import audience_line
from gateway.releases.caps import Cap
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.differences import differences, effect_of, is_irreversible
from gateway.releases.effects import Effect, instants
from gateway.releases.forms import FieldKind, FormField, RequestForm
from gateway.releases.narrowness import conditions_within
from gateway.releases.recorded import NOTHING_RECORDED, Recorded
from gateway.releases.requirements import Approvals, Below, Published, Requirement, Soak, Within
from gateway.releases.stage_dates import Review
from gateway.releases.strategies import (
    NOTHING_OPENED,
    AccessLevel,
    Conditions,
    InferenceTarget,
    Stage,
    Strategy,
    WeightsTarget,
)
from tests.access.judges.oracle import expected
from tests.randomly import NOW, callers, held, neighbours
from tests.releases.builders import a_stage, a_strategy, an_audience
from tests.releases.worlds import INSTANTS, World, gated_neighbours, openings, worlds

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 300

HERE = at(NOW)
PAST, SOON, LATER = NOW - DAY, NOW + DAY, NOW + 2 * DAY
OTHER = "sha256:" + "5" * 64
AUDIENCES = {
    "verified": an_audience(("kyc", ">=", "K2")),
    "well-known": an_audience(("kyc", ">=", "K3")),
    "neighbours": an_audience(("country", "in", ("DE", "FR"))),
    "staff": an_audience(("role", "=", "staff")),
}
MODEL = InferenceTarget("vllm", "m")
WEIGHTS = WeightsTarget("weights/a", {"a.bin": OTHER})


def strategy(*stages: Stage, **differences: Any) -> Strategy:
    return a_strategy(*stages, **{"audiences": AUDIENCES, "weights": WEIGHTS, "terms": {"aup": OTHER}} | differences)


def one(**differences: Any) -> Strategy:
    """A single stage that stands."""
    return strategy(a_stage(opens=PAST, **differences))


def limits(**conditions: Any) -> Strategy:
    return one(conditions=Conditions(**conditions))


def ladder(*requirements: Requirement, **differences: Any) -> Strategy:
    """A stage for some, and one for all that opens by these requirements."""
    wider = a_stage("all", PAST, opens_when=requirements, **differences)
    return strategy(a_stage("some", PAST - DAY, to=("verified",)), wider)


def evidence(**differences: Any) -> Within:
    return Within(**{"suite": "lm-eval", "task": "wmdp", "metric": "acc", "at_most": "0.35"} | differences)


def below(level: str) -> Below:
    return Below(framework="rsp", category="bio", below=level)


def canary(percent: int, salt: str = "2026") -> Strategy:
    return ladder(canary=Canary(percent=percent, salt=salt))


EVIDENCE = evidence()
LADDER = ladder()
OPEN = one()
FOR_SOME = one(access=AccessLevel.LIMITED, to=("verified",))


def known_by(asked: str, on_unknown: str = "deny") -> Strategy:
    """For whom this says K2 or more."""
    audience = an_audience((asked, ">=", "K2"), on_unknown=on_unknown)
    return strategy(*FOR_SOME.stages, audiences=AUDIENCES | {"verified": audience})


ALL_OUT = a_stage("all", SOON, access=AccessLevel.OPEN_WEIGHTS, offers=(Component.TEXT, Component.WEIGHTS))
WEIGHTS_OUT = a_stage("weights", SOON, access=AccessLevel.OPEN_WEIGHTS, offers=(Component.WEIGHTS,))

EFFECTS = [
    ("a lower limit", OPEN, limits(requests_per_minute=5), Effect.NARROWING),
    ("a higher limit", limits(requests_per_minute=5), limits(requests_per_minute=6), Effect.WIDENING),
    ("terms more", OPEN, limits(terms=("aup",)), Effect.NARROWING),
    ("terms less", limits(terms=("aup",)), OPEN, Effect.WIDENING),
    (
        "other terms",
        one(conditions=Conditions(terms=("aup",))),
        strategy(a_stage(opens=PAST, conditions=Conditions(terms=("aup",))), terms={"aup": "sha256:" + "6" * 64}),
        Effect.WIDENING,
    ),
    ("less in the record", limits(log="metadata+hash"), OPEN, Effect.WIDENING),
    ("more in the record", OPEN, limits(log="metadata+hash"), Effect.NARROWING),
    ("kept for longer", OPEN, limits(retain_days=7), Effect.WIDENING),
    ("a component less", one(offers=(Component.EMBEDDINGS, Component.TEXT)), OPEN, Effect.NARROWING),
    ("a component more", OPEN, one(offers=(Component.EMBEDDINGS, Component.TEXT)), Effect.WIDENING),
    ("for some instead of all", OPEN, one(to=("verified",)), Effect.NARROWING),
    ("for all instead of some", one(to=("verified",)), OPEN, Effect.WIDENING),
    ("for the better known", FOR_SOME, one(access=AccessLevel.LIMITED, to=("well-known",)), Effect.NARROWING),
    ("for others", FOR_SOME, one(access=AccessLevel.LIMITED, to=("neighbours",)), Effect.WIDENING),
    ("closed", FOR_SOME, one(access=AccessLevel.CLOSED, to=("staff",)), Effect.WIDENING),
    ("closed to whom it was open", OPEN, one(access=AccessLevel.CLOSED, to=("staff",)), Effect.NARROWING),
    (
        "an audience asks more",
        FOR_SOME,
        strategy(*FOR_SOME.stages, audiences=AUDIENCES | {"verified": AUDIENCES["well-known"]}),
        Effect.NARROWING,
    ),
    (
        "an audience asks less",
        FOR_SOME,
        strategy(*FOR_SOME.stages, audiences=AUDIENCES | {"verified": an_audience(("kyc", ">=", "K1"))}),
        Effect.WIDENING,
    ),
    ("an audience asks more surely", FOR_SOME, known_by("kyc@2"), Effect.NARROWING),
    ("an audience asks more surely still", known_by("kyc@2"), known_by("kyc@3"), Effect.NARROWING),
    ("an audience asks less surely", known_by("kyc@2"), FOR_SOME, Effect.WIDENING),
    (
        "more surely, and whoever is unknown is let in",
        known_by("kyc", "allow"),
        known_by("kyc@2", "allow"),
        Effect.WIDENING,
    ),
    (
        "less surely, and whoever is unknown is let in",
        known_by("kyc@2", "allow"),
        known_by("kyc", "allow"),
        Effect.WIDENING,
    ),
    ("hidden", OPEN, msgspec.structs.replace(OPEN, listed=False), Effect.NARROWING),
    ("told of", msgspec.structs.replace(OPEN, listed=False), OPEN, Effect.WIDENING),
    (
        "another model",
        OPEN,
        msgspec.structs.replace(OPEN, inference=msgspec.structs.replace(OPEN.inference, model="b")),
        Effect.WIDENING,
    ),
    ("described otherwise", OPEN, msgspec.structs.replace(OPEN, parameters=7, modality=("text",)), Effect.NEUTRAL),
    ("an end", OPEN, one(closes=SOON), Effect.NARROWING),
    ("no end", one(closes=SOON), OPEN, Effect.WIDENING),
    ("later", strategy(a_stage(opens=SOON)), strategy(a_stage(opens=LATER)), Effect.NARROWING),
    ("sooner", strategy(a_stage(opens=LATER)), strategy(a_stage(opens=SOON)), Effect.WIDENING),
    (
        "the narrower stage later",
        strategy(a_stage("all", PAST), a_stage("some", SOON, to=("verified",))),
        strategy(a_stage("all", PAST), a_stage("some", LATER, to=("verified",))),
        Effect.WIDENING,
    ),
    (
        "the narrower stage sooner",
        strategy(a_stage("all", PAST), a_stage("some", LATER, to=("verified",))),
        strategy(a_stage("all", PAST), a_stage("some", SOON, to=("verified",))),
        Effect.NARROWING,
    ),
    ("a stage renamed", OPEN, strategy(a_stage("anew", PAST)), Effect.NARROWING),
    (
        "a stage that is over forgotten",
        strategy(a_stage("old", PAST - DAY, to=("verified",)), a_stage(opens=PAST)),
        OPEN,
        Effect.NEUTRAL,
    ),
    (
        "a stage that is over retold",
        strategy(a_stage("old", PAST - DAY, to=("verified",)), a_stage(opens=PAST)),
        strategy(a_stage("old", PAST - DAY), a_stage(opens=PAST)),
        Effect.NEUTRAL,
    ),
    (
        "a closed release that ends",
        one(access=AccessLevel.CLOSED, to=("staff",)),
        one(access=AccessLevel.CLOSED, to=("staff",), closes=SOON),
        Effect.WIDENING,
    ),
    (
        "a stage to come told to others",
        strategy(a_stage("some", SOON, to=("verified",)), listed=False),
        strategy(a_stage("others", SOON, to=("neighbours",)), listed=False),
        Effect.WIDENING,
    ),
    ("a requirement more", LADDER, ladder(EVIDENCE), Effect.NARROWING),
    ("a requirement less", ladder(EVIDENCE), LADDER, Effect.WIDENING),
    ("other evidence", ladder(EVIDENCE), ladder(Published(name="card")), Effect.WIDENING),
    ("a lower bound", ladder(EVIDENCE), ladder(evidence(at_most="0.3")), Effect.NARROWING),
    ("a higher bound", ladder(EVIDENCE), ladder(evidence(at_most="0.40")), Effect.WIDENING),
    ("a margin", ladder(EVIDENCE), ladder(evidence(margin="0.01")), Effect.NARROWING),
    (
        "a margin for a bound",
        ladder(evidence(at_most="0.3")),
        ladder(evidence(at_most="0.35", margin="0.05")),
        Effect.NARROWING,
    ),
    (
        "a margin too small for a bound",
        ladder(EVIDENCE),
        ladder(evidence(at_most="0.4", margin="0.04")),
        Effect.WIDENING,
    ),
    ("fresher evidence", ladder(evidence(max_age_days=9)), ladder(evidence(max_age_days=8)), Effect.NARROWING),
    ("evidence of any age", ladder(evidence(max_age_days=9)), ladder(EVIDENCE), Effect.WIDENING),
    ("a lower level", ladder(below("high")), ladder(below("medium")), Effect.NARROWING),
    ("a higher level", ladder(below("medium")), ladder(below("high")), Effect.WIDENING),
    ("more approvals", ladder(Approvals(people=2)), ladder(Approvals(people=3)), Effect.NARROWING),
    ("fewer approvals", ladder(Approvals(people=3)), ladder(Approvals(people=2)), Effect.WIDENING),
    ("a longer soak", ladder(Soak(days=2, calls=5)), ladder(Soak(days=3, calls=5)), Effect.NARROWING),
    ("a longer soak of fewer calls", ladder(Soak(days=2, calls=5)), ladder(Soak(days=3)), Effect.WIDENING),
    (
        "a requirement more, where the stage before is for more",
        strategy(a_stage("all", PAST - DAY), a_stage("some", PAST, to=("verified",))),
        strategy(a_stage("all", PAST - DAY), a_stage("some", PAST, to=("verified",), opens_when=(EVIDENCE,))),
        Effect.WIDENING,
    ),
    (
        "a stage that others waited for is left out",
        strategy(
            a_stage("some", PAST - DAY, to=("verified",)),
            a_stage("gate", PAST, to=("verified",), opens_when=(EVIDENCE,)),
            a_stage("all", SOON),
        ),
        strategy(a_stage("some", PAST - DAY, to=("verified",)), a_stage("all", SOON)),
        Effect.WIDENING,
    ),
    (
        "what waits is for more, behind the stage that its date would have ended",
        strategy(a_stage("some", PAST - DAY, to=("verified",)), a_stage("all", PAST, opens_when=(EVIDENCE,))),
        strategy(a_stage("some", PAST - DAY), a_stage("all", PAST, opens_when=(EVIDENCE,))),
        Effect.WIDENING,
    ),
    ("a smaller share", canary(20), canary(10), Effect.NARROWING),
    ("a larger share", canary(10), canary(20), Effect.WIDENING),
    ("all instead of a share", canary(10), LADDER, Effect.WIDENING),
    ("a share instead of all", LADDER, canary(10), Effect.NARROWING),
    ("another salt", canary(10), canary(10, "other"), Effect.WIDENING),
    ("a smaller share by another salt", canary(20), canary(10, "other"), Effect.WIDENING),
    ("a cap", OPEN, one(cap=Cap(organisations=5)), Effect.NARROWING),
    ("no cap", one(cap=Cap(organisations=5)), OPEN, Effect.WIDENING),
    ("a lower cap", one(cap=Cap(organisations=5)), one(cap=Cap(organisations=4)), Effect.NARROWING),
    ("a higher cap", one(cap=Cap(organisations=5)), one(cap=Cap(organisations=6)), Effect.WIDENING),
    ("another line", one(cap=Cap(organisations=5)), one(cap=Cap(organisations=4, line="other")), Effect.WIDENING),
    ("an authority asked", OPEN, limits(concurrence="Commerce"), Effect.NARROWING),
    ("no authority asked", limits(concurrence="Commerce"), OPEN, Effect.WIDENING),
    ("another authority", limits(concurrence="Commerce"), limits(concurrence="Energy"), Effect.WIDENING),
    ("to be reviewed", OPEN, one(review=Review(by=SOON)), Effect.NARROWING),
    ("reviewed sooner", one(review=Review(by=LATER)), one(review=Review(by=SOON)), Effect.NARROWING),
    ("reviewed later", one(review=Review(by=SOON)), one(review=Review(by=LATER)), Effect.WIDENING),
    ("no longer reviewed", one(review=Review(by=SOON)), OPEN, Effect.WIDENING),
    (
        "frozen if overdue",
        one(cap=Cap(organisations=5), review=Review(by=SOON)),
        one(cap=Cap(organisations=5), review=Review(by=SOON, if_overdue="freeze")),
        Effect.NARROWING,
    ),
    (
        "only warned if overdue",
        one(cap=Cap(organisations=5), review=Review(by=SOON, if_overdue="freeze")),
        one(cap=Cap(organisations=5), review=Review(by=SOON)),
        Effect.WIDENING,
    ),
    ("said to be perpetual", OPEN, one(perpetual=True), Effect.NEUTRAL),
    ("weights withdrawn", strategy(a_stage(opens=PAST), ALL_OUT), OPEN, Effect.NARROWING),
]


@pytest.mark.parametrize(
    ("before", "after", "effect"), [case[1:] for case in EFFECTS], ids=[case[0] for case in EFFECTS]
)
def test_what_cannot_be_shown_to_narrow_only_widens(before: Strategy, after: Strategy, effect: Effect) -> None:
    assert effect_of(differences(before, after, HERE)) is effect


def test_a_difference_names_its_place_and_both_values() -> None:
    found = differences(limits(requests_per_minute=5), limits(requests_per_minute=9), HERE)

    assert [(each.path, each.before, each.after) for each in found] == [
        ("stages.general.conditions.requests_per_minute", 5, 9)
    ]


def test_a_gate_is_digested_no_more_often_for_many_dates_than_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    digested: list[str] = []
    digest = Strategy.stage_digest

    def counted(self: Strategy, stage: Stage) -> str:
        digested.append(stage.name)
        return digest(self, stage)

    monkeypatch.setattr(Strategy, "stage_digest", counted)

    def often(plain: int) -> int:
        """How often, where so many stages without requirements follow one that has some."""
        gate = a_stage("gate", PAST, to=("verified",), opens_when=(EVIDENCE, Soak(days=1)))
        later = [a_stage(f"later-{number}", SOON + number * DAY) for number in range(plain)]
        before = strategy(a_stage("some", PAST - DAY, to=("verified",)), gate, *later)
        digested.clear()
        differences(before, msgspec.structs.replace(before, listed=False), HERE)
        return len(digested)

    assert 0 < often(1) == often(12)


def test_strategies_that_are_equal_differ_in_nothing() -> None:
    assert differences(OPEN, one(), HERE) == ()


def test_an_audience_is_written_as_a_release_file_has_it() -> None:
    assert audience_line(an_audience(("us_person", "=", True))) == "us_person = true and unknown: deny"


def test_a_first_version_widens_and_is_told_whole() -> None:
    found = differences(None, OPEN, HERE)

    assert (found[0].path, found[0].before, found[0].effect) == ("release", None, Effect.WIDENING)
    assert {"stages.general.access", "stages.general.to"} <= {each.path for each in found}


def test_a_first_version_shows_all_that_is_agreed_to() -> None:
    form = RequestForm(fields=(FormField(name="purpose", kind=FieldKind.TEXT),), second_approval=True)
    first = strategy(
        a_stage(opens=PAST, closes=SOON), snapshot=OTHER, listed=False, parameters=7, requests=form, inference=MODEL
    )

    told = {each.path: each for each in differences(None, first, HERE)}

    assert {path: each.after for path, each in told.items() if path.count(".") < 2 and "weights" not in path} == {
        "release": first.release,
        "listed": False,
        "serves.inference": "m at vllm",
        "parameters": 7,
        "snapshot": OTHER,
        "terms.aup": OTHER,
        **{f"audiences.{name}": audience_line(audience) for name, audience in AUDIENCES.items()},
        "requests": ["purpose"],
        "requests.reviewers": ["approver"],
        "requests.second_approval": True,
        "requests.review_within_days": 14,
        "requests.expires_after_days": 28,
        "requests.grant_days": 90,
        "requests.retain_days": 400,
    }
    assert told["serves.weights.files.a.bin"].after == OTHER
    assert told["stages.general.opens"].after == text_from(PAST)
    assert told["stages.general.closes"].after == text_from(SOON)
    assert {each.effect for path, each in told.items() if path != "release"} == {Effect.NEUTRAL}
    assert {each.before for each in told.values()} == {None}


@pytest.mark.parametrize(
    ("before", "after", "lasting"),
    [
        (None, strategy(a_stage(opens=PAST), WEIGHTS_OUT), True),
        (None, OPEN, False),
        (OPEN, strategy(a_stage(opens=PAST), WEIGHTS_OUT), True),
        (strategy(a_stage(opens=PAST), WEIGHTS_OUT), OPEN, False),
        (strategy(WEIGHTS_OUT), strategy(WEIGHTS_OUT, weights=WeightsTarget("weights/a", {"b.bin": OTHER})), True),
        (OPEN, msgspec.structs.replace(OPEN, weights=None), False),
        (
            strategy(WEIGHTS_OUT),
            strategy(msgspec.structs.replace(WEIGHTS_OUT, conditions=Conditions(retain_days=1))),
            False,
        ),
        (
            strategy(msgspec.structs.replace(WEIGHTS_OUT, to=("verified",))),
            strategy(msgspec.structs.replace(WEIGHTS_OUT, to=("public",))),
            True,
        ),
    ],
    ids=["first", "first without", "added", "taken back", "another file", "none served", "kept longer", "for all"],
)
def test_what_lets_weights_out_cannot_be_undone(before: Strategy | None, after: Strategy, lasting: bool) -> None:
    assert is_irreversible(differences(before, after, HERE)) is lasting


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(pair=neighbours(), caller=callers(), holdings=held())
def test_a_change_that_does_not_widen_lets_nobody_through_who_was_not(
    pair: tuple[Strategy, Strategy], caller: Caller, holdings: Holdings
) -> None:
    before, after = pair
    effect = effect_of(differences(before, after, HERE))

    for instant in instants(pair, HERE):
        for component in Component:
            was, becomes = (answer(each, caller, holdings, component, instant) for each in pair)
            if effect is Effect.NEUTRAL:
                assert becomes == was
            elif effect is Effect.NARROWING:
                assert was.allow >= becomes.allow and was.visible >= becomes.visible
                assert not becomes.allow or binds_as_much(becomes.obligations, was.obligations)


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None)
@given(pair=neighbours())
def test_strategies_differ_exactly_where_their_digests_do(pair: tuple[Strategy, Strategy]) -> None:
    before, after = pair

    assert bool(differences(before, after, HERE)) == (before.digest() != after.digest())


def answer(
    strategy: Strategy,
    caller: Caller,
    holdings: Holdings,
    component: Component,
    instant: int,
    opened: Mapping[str, int] = NOTHING_OPENED,
) -> Decision:
    """What the rules say about a use at an instant."""
    use = Use(caller, component, InForce(strategy, strategy.digest(), openings=opened), holdings)
    return expected(gather(use, at(instant)).question)


def binds_as_much(inner: Obligations | None, outer: Obligations | None) -> bool:
    assert inner is not None and outer is not None
    kept = [
        Conditions(
            requests_per_minute=each.requests_per_minute,
            tokens_per_day=each.tokens_per_day,
            log=each.log,
            retain_days=each.retain_days,
        )
        for each in (inner, outer)
    ]
    return set(inner.components) <= set(outer.components) and conditions_within(kept[0], {}, kept[1], {})


class LaterConditions(Conditions, frozen=True, kw_only=True):
    """Conditions as a later release of the gateway may know them."""

    geography: str | None = None


class LaterStage(Stage, frozen=True, kw_only=True):
    """A stage of that release."""

    waits_for: tuple[str, ...] = ()


class LaterStrategy(Strategy, frozen=True, kw_only=True):
    """A strategy of that release."""

    embargo: bool = False


def later(**differences: Any) -> LaterStage:
    """A stage that stands, with what is new about it."""
    stage = OPEN.stages[0]
    return LaterStage(**{name: getattr(stage, name) for name in stage.__struct_fields__} | differences)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("stages.general.waits_for", strategy(later()), strategy(later(waits_for=("evidence",)))),
        (
            "stages.general.conditions.geography",
            strategy(later(conditions=LaterConditions())),
            strategy(later(conditions=LaterConditions(geography="EU"))),
        ),
        ("stages.anew.opens", strategy(later()), strategy(later(name="anew", waits_for=("evidence",)))),
    ],
    ids=["of a stage", "of its conditions", "of another stage in its place"],
)
def test_what_no_rule_knows_of_yet_widens(path: str, before: Strategy, after: Strategy) -> None:
    found = differences(before, after, HERE)

    assert [each.effect for each in found if each.path == path] == [Effect.WIDENING]


def test_that_nobody_is_told_of_a_stage_to_come_any_more_narrows() -> None:
    """One that missed its end unopened is told of until another version: without its requirements it is over."""
    missed = {"to": ("verified",), "access": AccessLevel.LIMITED, "closes": NOW - 1}
    before, after = (
        strategy(a_stage(opens=PAST, opens_when=requirements, **missed), listed=False)
        for requirements in ((EVIDENCE,), ())
    )

    assert effect_of(differences(before, after, HERE)) is Effect.NARROWING


def test_what_no_rule_knows_of_the_whole_widens() -> None:
    fields = {name: getattr(OPEN, name) for name in OPEN.__struct_fields__}

    found = differences(LaterStrategy(**fields), LaterStrategy(**fields, embargo=True), HERE)

    assert [(each.path, each.effect) for each in found] == [("embargo", Effect.WIDENING)]


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(pair=gated_neighbours(), world=worlds, caller=callers(), holdings=held(), comes_back=st.booleans())
def test_a_change_that_does_not_widen_does_not_whatever_becomes_of_its_requirements_and_canaries(
    pair: tuple[Strategy, Strategy], world: World, caller: Caller, holdings: Holdings, comes_back: bool
) -> None:
    before, after = pair
    # A version that comes back finds open what it had opened.
    earlier = {d: i for d, i in openings(after, world, INSTANTS[0], {}).items() if i < NOW} if comes_back else {}
    found = {digest for digest, instant in openings(before, world, INSTANTS[0], earlier).items() if instant < NOW}
    effect = effect_of(differences(before, after, HERE, Recorded(frozenset(found))))
    event(effect.value)
    if effect is Effect.WIDENING:
        return
    was = openings(before, world, INSTANTS[0], earlier)
    by_now = {digest: instant for digest, instant in was.items() if instant < NOW}
    becomes = openings(after, world, NOW, by_now, before)

    for instant in [each for each in INSTANTS if each >= NOW]:
        for component in (Component.TEXT, Component.WEIGHTS):
            old, new = (
                answer(each, caller, holdings, component, instant, each.opened(opened))
                for each, opened in ((before, was), (after, becomes))
            )
            if effect is Effect.NEUTRAL:
                assert (new.allow, new.visible, new.obligations) == (old.allow, old.visible, old.obligations)
            else:
                assert old.allow >= new.allow and old.visible >= new.visible
                assert not new.allow or binds_as_much(new.obligations, old.obligations)


def test_a_gated_stage_that_says_anything_else_needs_its_requirements_met_anew_and_the_plan_says_so() -> None:
    limited = ladder(EVIDENCE, conditions=Conditions(requests_per_minute=5))

    found = {each.path: (each.before, each.after, each.effect) for each in differences(ladder(EVIDENCE), limited, HERE)}

    assert found["stages.all.opening"] == ("its requirements met", "its requirements met anew", Effect.NARROWING)
    assert effect_of(differences(ladder(EVIDENCE), limited, HERE)) is Effect.NARROWING


STRONG, WEAK = ladder(EVIDENCE, Approvals(people=2)), ladder(EVIDENCE, Approvals(people=1))


@pytest.mark.parametrize(
    ("recorded", "effect"),
    [
        (NOTHING_RECORDED, Effect.NARROWING),
        (Recorded(opened=frozenset({WEAK.opening_digest(WEAK.stages[1])})), Effect.NARROWING),
        (Recorded(opened=frozenset({STRONG.opening_digest(STRONG.stages[1])})), Effect.WIDENING),
        (Recorded(agreed=frozenset({STRONG.stage_digest(STRONG.stages[1])})), Effect.WIDENING),
        (Recorded(opened=frozenset(each.opening_digest(each.stages[1]) for each in (WEAK, STRONG))), Effect.NEUTRAL),
    ],
)
def test_asking_more_narrows_unless_the_stage_finds_open_what_it_had_opened(recorded: Recorded, effect: Effect) -> None:
    found = {each.path: each.effect for each in differences(WEAK, STRONG, HERE, recorded)}

    assert found["stages.all.opens_when"] is effect


def test_weights_that_a_review_would_have_frozen_and_a_later_one_does_not_cannot_be_called_back() -> None:
    def frozen_at(by: int) -> Strategy:
        review = Review(by=by, if_overdue="freeze")
        out = a_stage(
            "out", PAST, access=AccessLevel.OPEN_WEIGHTS, offers=(Component.WEIGHTS,), cap=Cap(organisations=5),
            review=review,
        )  # fmt: skip
        return strategy(out)

    found = differences(frozen_at(PAST + 1), frozen_at(LATER), HERE)

    assert [(each.path, each.effect, each.irreversible) for each in found] == [
        ("stages.out.review", Effect.WIDENING, True)
    ]


def test_requirements_and_shares_are_told_in_words() -> None:
    shared = Canary(percent=10, salt="2026")
    found = {each.path: each.after for each in differences(LADDER, ladder(EVIDENCE, canary=shared), HERE)}

    assert found["stages.all.opens_when"] == ["lm-eval wmdp acc at most 0.35"]
    assert found["stages.all.canary"] == "10 % of organisations, by the salt 2026"


def test_more_gates_and_canaries_than_can_be_gone_through_widen_at_once() -> None:
    stages = [
        a_stage(f"s{i}", PAST + i, opens_when=(EVIDENCE,), canary=Canary(percent=i + 1, salt=str(i))) for i in range(50)
    ]

    found = differences(strategy(*stages), strategy(*stages[:-1]), HERE)

    assert effect_of(found) is Effect.WIDENING
