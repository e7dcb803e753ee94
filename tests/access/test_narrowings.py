"""What narrowings do to answers, judged by the policies that ship: they take away, and their inverse gives back."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.access.decisions import Decision
from gateway.access.grants import Holdings
from gateway.access.judges.engine import Engine
from gateway.access.judges.entrypoints import ACCESS
from gateway.access.judges.policies import read_policy_set
from gateway.access.reasons import Reason
from gateway.access.snapshot import InForce
from gateway.access.standing import Use, gather
from gateway.clock import DAY, NEVER, Moment, at
from gateway.identity.as_text import text_of
from gateway.identity.attributes import standing
from gateway.identity.callers import Caller, Role
from gateway.identity.predicates import Facts, Predicate, Truth, truth_of
from gateway.identity.predicates import Test as Comparison
from gateway.releases.audiences import Audience
from gateway.releases.caps import Cap
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.lines import Left, Line
from gateway.releases.narrowed import remaining
from gateway.releases.narrowings import Narrowing, Verb, held_stage, in_effect
from gateway.releases.strategies import AccessLevel, Conditions, InferenceTarget, Stage, Strategy
from tests.builders import (
    PAST,
    a_caller,
    a_concurrence,
    a_grant,
    a_stage,
    a_strategy,
    an_acceptance,
    an_assertion,
    holdings,
    in_force,
)
from tests.identity.random_predicates import predicates, values

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 100
NOW = PAST + 100 * DAY
AUP = "sha256:" + "7" * 64

thorough = settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))

AUDIENCES = {
    "staff": Audience(tests=(Comparison(attribute="role", op="=", value="staff"),)),
    "testers": Audience(tests=(Comparison(attribute="grant", op="=", value="required"),)),
    "known": Audience(tests=(Comparison(attribute="kyc", op=">=", value="K3"),)),
    "trusted": Audience(tests=(Comparison(attribute="us_person", op="=", value=True),), on_unknown="allow"),
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The policies that ship, in the embedded engine."""
    return Engine(read_policy_set(Path(__file__).parents[2] / "policies"))


def judged(engine: Engine, use: Use, moment: Moment) -> Decision:
    return engine.judge(ACCESS, gather(use, moment).question)


offers = st.lists(st.sampled_from(list(Component)), max_size=3, unique=True).map(tuple)
audiences = st.lists(st.sampled_from(["public", *AUDIENCES]), min_size=1, max_size=2, unique=True).map(tuple)


@st.composite
def strategies(draw: st.DrawFn) -> Strategy:
    """Up to four stages that opened or open about now, at any level, for any audience."""
    opens = sorted({-4, *draw(st.sets(st.integers(-3, 3), min_size=1, max_size=3))})
    limits = st.none() | st.integers(0, 9)
    stages = [
        Stage(
            name=f"stage-{place}",
            opens=NOW + shift,
            closes=draw(st.sampled_from([*[NEVER] * 7, NOW + shift + 1])),
            access=draw(st.sampled_from([*AccessLevel, AccessLevel.API, AccessLevel.OPEN_WEIGHTS])),
            to=draw(st.sampled_from([("public",)] * 4) | audiences),
            canary=draw(st.sampled_from([None, None, Canary(percent=50, salt="a"), Canary(percent=90, salt="a")]))
            if place
            else None,
            offers=draw(st.sampled_from([tuple(Component)] * 4) | offers),
            conditions=Conditions(
                terms=draw(st.sampled_from([(), ("aup",)])),
                requests_per_minute=draw(limits),
                tokens_per_day=draw(limits),
                log=draw(st.sampled_from(["metadata", "metadata+hash"])),
            ),
        )
        for place, shift in enumerate(opens)
    ]
    facts: dict[str, Any] = {"audiences": AUDIENCES, "terms": {"aup": AUP}, "listed": draw(st.booleans())}
    facts["inference"] = InferenceTarget("simulated", draw(st.sampled_from(["atlas", "atlas", "titan"])))
    return a_strategy(*stages, **facts)


@st.composite
def callers(draw: st.DrawFn) -> Caller:
    """A customer's developer or the provider's own, about whom more or less is asserted."""
    names = draw(st.sets(st.sampled_from(["us_person", "residence_country", "citizenships", "kyc", "mau"])))
    role, organisation = draw(
        st.sampled_from([(Role.DEVELOPER, "acme"), (Role.DEVELOPER, "bolt"), (Role.STAFF, "provider")])
    )
    return a_caller(
        organisation=organisation,
        roles=(role,),
        attributes=tuple(
            an_assertion(name, draw(values | st.booleans()), assurance=draw(st.integers(0, 4)))
            for name in sorted(names)
        ),
    )


@st.composite
def held(draw: st.DrawFn) -> Holdings:
    grants = draw(st.sampled_from([[], [a_grant()], [a_grant(given_at=NOW)], [a_grant(starts_at=NOW)]]))
    accepted = (an_acceptance(digest=AUP),) if draw(st.integers(0, 3)) else ()
    return holdings(*grants, accepted=accepted)


@st.composite
def taken(draw: st.DrawFn, strategy: Strategy, number: int = 1) -> Narrowing:
    """Any verb but the inverse, with any scope, that leaves any stage."""
    plain = st.sampled_from(["", "us_person", "not us_person", "component = weights.final", "organisation = acme"])
    scope = draw(plain | predicates.map(text_of).filter(_is_readable))
    return a_narrowing(
        id=f"narrowing_{number}",
        number=number,
        verb=draw(st.sampled_from([verb for verb in Verb if verb is not Verb.RESTORE])),
        scope=scope,
        on_unknown=draw(st.sampled_from(["deny", "allow"])),
        strategy=strategy.digest(),
        stage=draw(st.sampled_from(["", *(stage.name for stage in strategy.stages)])),
        until=draw(st.sampled_from([NEVER, NEVER, NOW, NOW + 1])),
    )


def _is_readable(text: str) -> bool:
    try:
        return in_effect([a_narrowing(scope=text)]) != ()
    except Exception:
        return False


def a_narrowing(**differences: Any) -> Narrowing:
    facts: dict[str, Any] = {
        "id": "narrowing_1",
        "number": 1,
        "release": "acme/atlas-1",
        "verb": Verb.SUSPEND,
        "cause": "order",
        "taken_at": NOW,
        "taken_by": "Pro000000000",
    }
    return Narrowing(**facts | differences)


def restoring(narrowing: Narrowing, scope: str = "") -> Narrowing:
    return a_narrowing(id=f"{narrowing.id}_undone", number=99, verb=Verb.RESTORE, inverse_of=narrowing.id, scope=scope)


@st.composite
def uses(draw: st.DrawFn) -> tuple[Use, Strategy]:
    """A use of a release that nothing narrows, and an older version of it that a hold may have left."""
    strategy = draw(strategies())
    older = draw(st.just(strategy) | strategies())
    component = draw(st.sampled_from([*Component, Component.TEXT, Component.TEXT]))
    use = Use(draw(callers()), component, in_force(strategy), draw(held()))
    return use, older


def under(use: Use, older: Strategy, *rows: Narrowing) -> Use:
    """The same use, with these rows beside the strategy."""
    narrowings = in_effect(rows, [older, use.in_force.strategy])
    return msgspec.structs.replace(use, in_force=msgspec.structs.replace(use.in_force, narrowings=narrowings))


def facts_of(use: Use, moment: Moment) -> Facts:
    """What a scope may read of a use."""
    stands = standing(use.caller.attributes, moment).items()
    attributes, assurances = (
        {name: each.value for name, each in stands},
        {name: each.assurance for name, each in stands},
    )
    has_grant = use.holdings.grant_for("acme/atlas-1", moment) is not None
    return Facts(use.caller.roles, has_grant, attributes, use.caller.organisation, use.component, assurances)


moments = st.tuples(st.integers(-4, 4), st.integers(0, 1)).map(lambda d: Moment(NOW + d[0], NOW + d[0] + d[1]))


@pytest.mark.soak
@thorough
@given(drawn=uses(), moment=moments, data=st.data())
def test_a_narrowing_admits_and_uncovers_nothing_that_was_not_so_before(
    engine: Engine, drawn: tuple[Use, Strategy], moment: Moment, data: st.DataObject
) -> None:
    use, older = drawn
    rows = [data.draw(taken(older, number)) for number in range(1, data.draw(st.integers(1, 3)) + 1)]

    before, after = judged(engine, use, moment), judged(engine, under(use, older, *rows), moment)

    assert after.allow <= before.allow and after.visible <= before.visible
    if after.obligations is not None and before.obligations is not None:
        assert set(after.obligations.components) <= set(before.obligations.components)
        for name in ("requests_per_minute", "tokens_per_day", "max_output_tokens"):
            least, limit = getattr(after.obligations, name), getattr(before.obligations, name)
            assert limit is None or (least is not None and least <= limit)


@pytest.mark.soak
@thorough
@given(drawn=uses(), later=moments)
def test_a_hold_takes_nothing_from_whoever_is_admitted_and_gives_nobody_more_later(
    engine: Engine, drawn: tuple[Use, Strategy], later: Moment
) -> None:
    use, older = drawn
    here = at(NOW)
    before = msgspec.structs.replace(use, in_force=in_force(older))
    hold = a_narrowing(verb=Verb.HOLD, strategy=older.digest(), stage=held_stage(older, here))

    then, held = judged(engine, before, at(NOW - 1)), judged(engine, under(before, older, hold), here)
    was, since = judged(engine, before, here), judged(engine, under(use, older, hold), later)

    has_grants = set(use.holdings.grants.get("acme/atlas-1", ()))
    if all(grant.admits_since < NOW for grant in has_grants):
        assert held.allow == was.allow, "whoever had it has it"
        assert was.allow or not since.allow or later.earliest < NOW
    elif not then.allow:
        assert not held.allow or _without_grants(engine, before, here), "nobody is admitted anew"
    if since.allow:
        assert use.in_force.strategy.gives(use.component) == older.gives(use.component)


def _without_grants(engine: Engine, use: Use, moment: Moment) -> bool:
    bare = msgspec.structs.replace(use.holdings, grants={})
    return judged(engine, msgspec.structs.replace(use, holdings=bare), moment).allow


@pytest.mark.soak
@thorough
@given(drawn=uses(), moment=moments, data=st.data())
def test_a_narrowing_and_its_inverse_leave_every_answer_as_it_was(
    engine: Engine, drawn: tuple[Use, Strategy], moment: Moment, data: st.DataObject
) -> None:
    use, older = drawn
    others = [data.draw(taken(older, number)) for number in range(1, data.draw(st.integers(0, 2)) + 1)]
    narrowing = data.draw(taken(older, 7))
    partly = restoring(narrowing, data.draw(st.just("us_person") | st.just("not us_person")))

    was = under(use, older, *others)
    narrowed = under(use, older, narrowing, *others)
    undone = under(use, older, narrowing, *others, partly, restoring(narrowing))

    assert undone.in_force == was.in_force
    assert gather(undone, moment) == gather(was, moment)
    assert judged(engine, undone, moment) == judged(engine, was, moment)
    assert judged(engine, narrowed, moment).allow <= judged(engine, was, moment).allow


@pytest.mark.soak
@thorough
@given(drawn=uses(), moment=moments, data=st.data(), predicate=predicates.filter(lambda p: _is_readable(text_of(p))))
def test_a_partial_restoration_admits_exactly_those_who_surely_are_in_its_scope(
    engine: Engine, drawn: tuple[Use, Strategy], moment: Moment, data: st.DataObject, predicate: Predicate
) -> None:
    use, older = drawn
    narrowing = data.draw(taken(older))

    before = judged(engine, use, moment)
    narrowed = judged(engine, under(use, older, narrowing), moment)
    restored = judged(engine, under(use, older, narrowing, restoring(narrowing, text_of(predicate))), moment)

    is_restored = truth_of(predicate, facts_of(use, moment)) is Truth.YES
    assert restored.allow == (before.allow if is_restored else narrowed.allow)
    assert restored.reasons == (before.reasons if is_restored else narrowed.reasons)


@pytest.mark.soak
@thorough
@given(drawn=uses(), moment=moments, data=st.data())
def test_whoever_is_surely_outside_the_scope_is_asked_the_very_same_question(
    drawn: tuple[Use, Strategy], moment: Moment, data: st.DataObject
) -> None:
    use, older = drawn
    narrowing = data.draw(taken(older))
    [scope] = [each.scope for each in in_effect([narrowing])]
    facts = facts_of(use, moment)
    answers = {truth_of(scope, msgspec.structs.replace(facts, component=name)) for name in Component}

    question = gather(under(use, older, narrowing), moment).question

    if answers == {Truth.NO} or moment.surely_reached(narrowing.until):
        assert question == gather(use, moment).question


@pytest.mark.soak
@thorough
@given(drawn=uses(), moment=moments, data=st.data())
def test_what_is_shown_as_taken_from_everybody_nobody_is_given(
    engine: Engine, drawn: tuple[Use, Strategy], moment: Moment, data: st.DataObject
) -> None:
    use, older = drawn
    rows = [data.draw(taken(older, number)) for number in range(1, data.draw(st.integers(1, 3)) + 1)]
    rows += [restoring(row, "us_person") for row in rows if data.draw(st.booleans())]
    narrowed = under(use, older, *rows)
    stage = use.in_force.strategy.stage_at(moment)
    if stage is None:
        return

    left = remaining(stage, narrowed.in_force.narrowings, moment)

    # Of a stage for a share: what the others have by the stage before it is not shown as taken.
    if use.component in stage.offers and (left.stage is None or use.component not in left.stage.offers):
        assert not judged(engine, narrowed, moment).allow
    if left.stage is not None:
        levels = list(AccessLevel)
        assert levels.index(left.stage.access) <= levels.index(stage.access)


# One by one: what each verb means.

STAGES = (
    a_stage(name="internal", opens=PAST, access=AccessLevel.CLOSED, to=("staff",)),
    a_stage(name="trusted", opens=NOW - 10, access=AccessLevel.LIMITED, to=("staff", "testers")),
    a_stage(name="general", opens=NOW + 10),
)
STORY = a_strategy(*STAGES, audiences=AUDIENCES)


def a_use(*rows: Narrowing, **differences: Any) -> Use:
    held_to = in_effect(rows, [STORY])
    return Use(
        differences.pop("caller", a_caller()),
        differences.pop("component", Component.TEXT),
        InForce(STORY, STORY.digest(), narrowings=held_to),
        differences.pop("held", holdings()),
    )


def reasons(engine: Engine, use: Use, instant: int) -> tuple[Reason, ...]:
    return judged(engine, use, at(instant)).reasons


def test_a_hold_opens_no_later_stage_and_takes_nothing_from_those_already_admitted(engine: Engine) -> None:
    held = a_narrowing(verb=Verb.HOLD, strategy=STORY.digest(), stage="trusted")
    tester = {"held": holdings(a_grant())}

    assert reasons(engine, a_use(held, **tester), NOW) == ()
    assert reasons(engine, a_use(held), NOW) == (Reason.GRANT_REQUIRED,)
    assert reasons(engine, a_use(held, **tester), NOW + 10) == ()
    assert reasons(engine, a_use(held), NOW + 10) == (Reason.HELD,)
    assert reasons(engine, a_use(), NOW + 10) == ()


def test_a_hold_promises_nobody_an_opening_that_it_prevents() -> None:
    held = a_narrowing(verb=Verb.HOLD, strategy=STORY.digest(), stage="trusted")
    shorter = msgspec.structs.replace(held, until=NOW + 5)

    coming = [gather(a_use(*rows), at(NOW)).coming for rows in ([], [held], [shorter])]

    assert [stage and stage.name for stage in coming] == ["general", None, "general"]


def test_a_hold_taken_before_any_stage_was_open_opens_none(engine: Engine) -> None:
    held = a_narrowing(verb=Verb.HOLD, strategy=STORY.digest(), stage="")

    assert reasons(engine, a_use(held, held=holdings(a_grant())), NOW) == (Reason.HELD,)


def test_a_hold_leaves_the_stage_as_it_stood_though_a_new_version_widens_it(engine: Engine) -> None:
    held = a_narrowing(verb=Verb.HOLD, strategy=STORY.digest(), stage="trusted")
    wider = a_strategy(a_stage(name="trusted", opens=PAST), audiences=AUDIENCES)
    held_back = InForce(wider, wider.digest(), narrowings=in_effect([held], [STORY]))
    use = Use(a_caller(), Component.TEXT, held_back, holdings())

    assert reasons(engine, use, NOW) == (Reason.HELD,)


def test_a_hold_of_a_version_that_is_not_to_be_found_lets_nothing_pass(engine: Engine) -> None:
    held = a_narrowing(verb=Verb.HOLD, strategy="sha256:" + "0" * 64, stage="trusted")

    assert reasons(engine, a_use(held, held=holdings(a_grant())), NOW) == (Reason.HELD,)


def test_a_roll_back_leaves_the_earlier_stage_and_hides_nothing_that_was_known(engine: Engine) -> None:
    back = a_narrowing(verb=Verb.ROLL_BACK, strategy=STORY.digest(), stage="internal")
    staff = a_caller(organisation="provider", roles=(Role.STAFF,))

    assert reasons(engine, a_use(back, caller=staff), NOW) == ()
    assert reasons(engine, a_use(back, held=holdings(a_grant())), NOW) == (Reason.HELD,)


SALT = next(
    f"salt-{place}"
    for place in range(1000)
    if Canary(percent=50, salt=f"salt-{place}").reaches("acme")
    and not Canary(percent=90, salt=f"salt-{place}").reaches("bolt")
)
BY_SHARES = a_strategy(
    a_stage(name="trusted", opens=PAST, access=AccessLevel.LIMITED, to=("testers",)),
    a_stage(name="some", opens=NOW - 10, canary=Canary(percent=50, salt=SALT)),
    a_stage(name="general", opens=NOW + 10),
    audiences=AUDIENCES,
)
TO_SOME = {"strategy": BY_SHARES.digest(), "stage": "some"}


def a_shared_use(narrowing: Narrowing, organisation: str, *grants: Any, now: Strategy = BY_SHARES) -> Use:
    beside = InForce(now, now.digest(), narrowings=in_effect([narrowing], [BY_SHARES]))
    return Use(a_caller(organisation=organisation), Component.TEXT, beside, holdings(*grants))


@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.ROLL_BACK])
def test_what_is_held_at_a_share_leaves_the_others_the_stage_that_they_had(engine: Engine, verb: Verb) -> None:
    held = a_narrowing(verb=verb, **TO_SOME)

    assert reasons(engine, a_shared_use(held, "acme"), NOW + 10) == ()
    assert reasons(engine, a_shared_use(held, "bolt"), NOW + 10) == (Reason.HELD,)
    assert reasons(engine, a_shared_use(held, "bolt", a_grant(organisation="bolt")), NOW + 10) == ()


def test_a_larger_share_in_a_new_version_is_not_the_stage_that_was_held(engine: Engine) -> None:
    wider = a_strategy(
        BY_SHARES.stages[0],
        msgspec.structs.replace(BY_SHARES.stages[1], canary=None),
        audiences=AUDIENCES,
    )
    held = a_narrowing(verb=Verb.HOLD, **TO_SOME)

    assert reasons(engine, a_shared_use(held, "bolt", now=wider), NOW) == (Reason.HELD,)
    assert reasons(engine, a_shared_use(held, "acme", now=wider), NOW) == ()


def test_a_hold_does_not_give_the_others_a_stage_that_was_over_when_it_was_taken(engine: Engine) -> None:
    over = msgspec.structs.replace(BY_SHARES.stages[0], closes=NOW - 1, access=AccessLevel.API, to=("public",))
    ended = msgspec.structs.replace(BY_SHARES, stages=(over, *BY_SHARES.stages[1:]))
    held = a_narrowing(verb=Verb.HOLD, strategy=ended.digest(), stage="some")
    beside = InForce(ended, ended.digest(), narrowings=in_effect([held], [ended]))
    use = Use(a_caller(organisation="bolt"), Component.TEXT, beside, holdings())

    assert reasons(engine, use, NOW + 10) == (Reason.HELD,)


def test_a_hold_gives_no_other_model_by_the_same_name(engine: Engine) -> None:
    held = a_narrowing(verb=Verb.HOLD, strategy=STORY.digest(), stage="trusted")
    other = msgspec.structs.replace(STORY, inference=InferenceTarget("simulated", "titan"))
    elsewhere = msgspec.structs.replace(STORY, inference=InferenceTarget("another", "atlas"))
    told = [
        reasons(engine, Use(a_caller(), Component.TEXT, beside, holdings(a_grant())), NOW)
        for now in (other, elsewhere)
        if (beside := InForce(now, now.digest(), narrowings=in_effect([held], [STORY])))
    ]

    assert told == [(Reason.HELD,), ()]


def test_a_grant_given_under_a_hold_admits_nobody_until_it_is_restored(engine: Engine) -> None:
    held = a_narrowing(verb=Verb.HOLD, strategy=STORY.digest(), stage="trusted")
    since = a_grant(given_at=NOW + 1, starts_at=PAST)
    renewed = since.following([a_grant(ends_at=NOW + 5)], at(NOW + 1))

    assert reasons(engine, a_use(held, held=holdings(since)), NOW + 2) == (Reason.HELD,)
    assert reasons(engine, a_use(held, held=holdings(renewed)), NOW + 6) == ()
    assert reasons(engine, a_use(held, restoring(held), held=holdings(since)), NOW + 2) == ()


def test_an_authority_that_agrees_under_a_hold_lets_nobody_new_in(engine: Engine) -> None:
    asked = a_strategy(a_stage(conditions=Conditions(concurrence="Commerce")))
    held = a_narrowing(verb=Verb.HOLD, strategy=asked.digest(), stage="general")
    beside = InForce(asked, asked.digest(), narrowings=in_effect([held], [asked]))
    before, since = a_concurrence(expires_at=NOW + 5), a_concurrence(given_at=NOW + 1)

    told = [
        reasons(engine, Use(a_caller(), Component.TEXT, beside, Holdings.of("acme", (), (), agreed)), NOW + 6)
        for agreed in ([since], [before, since])
    ]

    assert told == [(Reason.HELD,), ()]


def test_nobody_takes_a_place_under_a_hold(engine: Engine) -> None:
    capped = a_strategy(a_stage(cap=Cap(organisations=2)))
    held = a_narrowing(verb=Verb.HOLD, strategy=capped.digest(), stage="general")
    left = Left(capped.stages[0], NOW).line
    lines = {"general": Line.of(["acme", "bolt"]), left: Line({"acme": 1}, 2)}
    beside = InForce(capped, capped.digest(), narrowings=in_effect([held], [capped]), lines=lines)
    free = msgspec.structs.replace(beside, lines={"general": Line.of(["acme"]), left: Line({"acme": 1}, 2)})

    told = [
        reasons(engine, Use(a_caller(organisation=organisation), Component.TEXT, stands, holdings()), NOW)
        for organisation, stands in (("acme", beside), ("bolt", beside), ("bolt", free))
    ]

    assert told == [(), (Reason.HELD,), (Reason.HELD,)]


def test_a_component_that_is_suspended_is_not_drawn_on_by_another() -> None:
    narrowing = a_narrowing(scope="component = inference.logprobs")
    both = a_strategy(a_stage(offers=(Component.TEXT, Component.LOGPROBS)))
    use = Use(a_caller(), Component.TEXT, InForce(both, both.digest(), narrowings=in_effect([narrowing])), holdings())
    engine = Engine(read_policy_set(Path(__file__).parents[2] / "policies"))

    decision = judged(engine, use, at(NOW))

    assert decision.obligations is not None
    assert decision.obligations.components == (Component.TEXT,)


def test_a_narrowing_ends_when_it_surely_has_and_the_answer_is_not_kept_beyond() -> None:
    use = a_use(a_narrowing(until=NOW + 3))

    assert gather(use, at(NOW)).holds_until == NOW + 3
    assert gather(use, Moment(NOW + 2, NOW + 4)).question.narrowings
    assert not gather(use, at(NOW + 3)).question.narrowings


def test_the_record_names_the_narrowings_and_what_their_scopes_read() -> None:
    caller = a_caller(attributes=(an_assertion("us_person", False),))
    gathered = gather(a_use(a_narrowing(scope="not us_person"), caller=caller), at(NOW))

    assert gathered.narrowings == ["narrowing_1"]
    assert gathered.assertions == ["attr_us_person"]
