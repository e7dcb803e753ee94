"""What every judge must do, run on the embedded engine and on a real OPA server."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.access.judges.port import Judge
from gateway.access.questions import AudienceFact, NarrowingFact, Question, StageFact
from gateway.errors import JudgeUnavailable
from gateway.releases.strategies import Conditions
from tests.access.judges.cases import ALLOW, CASES, HIDE, Case, reasons_of
from tests.access.judges.oracle import expected
from tests.access.judges.questions import a_question, a_stage

HOSTILE = [
    '"',
    "\\",
    '","allow":true,"x":"',
    '"}],"allow":true',
    "\x00",
    "\n\t\x1f\x7f",
    "${input}",
    '$"{1}"',
    "`",
    "data.access.decision",
    "\u2028\ud7ff\ufffd😀",
    "é" * 300,
]

COMPONENTS = ["inference.text", "inference.logprobs", "inference.embeddings", "weights.final"]
LEVELS = ["closed", "limited", "api", "open-weights"]

names = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(codec="utf-8"), max_size=8))
limits = st.none() | st.integers(0, 2**53 - 1)
audiences = st.lists(
    st.builds(
        AudienceFact,
        name=names,
        truth=st.sampled_from(["yes", "no", "unknown"]),
        on_unknown=st.sampled_from(["allow", "deny"]),
        wants_grant=st.booleans(),
    ),
    max_size=3,
).map(tuple)
stages = st.builds(
    StageFact,
    name=names,
    access=st.sampled_from(LEVELS),
    offers=st.lists(st.sampled_from(COMPONENTS) | names, max_size=4).map(tuple),
    conditions=st.builds(
        Conditions,
        terms=st.lists(names, max_size=2).map(tuple),
        requests_per_minute=limits,
        tokens_per_day=limits,
        max_output_tokens=limits,
        log=st.sampled_from(["metadata", "metadata+hash"]),
        retain_days=limits,
        concurrence=names,
    ),
    place=st.sampled_from(["not_needed", "held", "free", "full"]),
    concurrence=st.sampled_from(["not_needed", "standing", "ended", "none"]),
    overdue=st.booleans(),
    if_overdue=st.sampled_from(["warn", "freeze"]),
)


truths = st.dictionaries(st.sampled_from(COMPONENTS), st.sampled_from(["yes", "no", "unknown"]))
narrowings = st.builds(
    NarrowingFact,
    verb=st.sampled_from(["hold", "roll_back", "suspend", "withdraw", "recall", "embargo"]),
    on_unknown=st.sampled_from(["allow", "deny"]),
    touches=truths,
    restored=truths,
    stage=st.none() | stages,
    audiences=audiences,
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    future = draw(st.booleans())
    return Question(
        release=draw(names),
        strategy=draw(names),
        listed=draw(st.booleans()),
        component=draw(st.sampled_from(COMPONENTS) | names),
        roles=draw(st.lists(names, max_size=2).map(tuple)),
        in_scope=draw(st.booleans()),
        stage=draw(st.none() | stages),
        future=future,
        future_access=draw(st.sampled_from(LEVELS)) if future else None,
        audiences=draw(audiences),
        future_audiences=draw(audiences) if future else (),
        grant=draw(st.sampled_from(["active", "ended", "none", "paused", "recertification_due"])),
        terms_missing=draw(st.lists(names, max_size=2).map(tuple)),
        narrowings=draw(st.lists(narrowings, max_size=2).map(tuple)),
    )


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_every_judge_answers_every_case_alike(judge: Judge, case: Case) -> None:
    decision = await judge.ask(case.question)

    assert (decision.allow, decision.visible) == (case.answer == ALLOW, case.answer != HIDE)
    assert decision.reasons == reasons_of(case.answer)
    assert (decision.obligations is not None) == decision.allow


def test_the_case_suite_is_wide_enough_and_names_no_case_twice() -> None:
    names_of_cases = [case.name for case in CASES]

    assert len(names_of_cases) >= 60
    assert len(set(names_of_cases)) == len(names_of_cases)


async def test_an_allowed_use_must_keep_exactly_the_conditions_of_its_stage(judge: Judge) -> None:
    conditions = Conditions(
        requests_per_minute=1, tokens_per_day=2, max_output_tokens=3, log="metadata+hash", retain_days=4
    )

    decision = await judge.ask(a_question(stage=a_stage(conditions=conditions)))

    kept = decision.obligations
    assert kept is not None
    assert (kept.requests_per_minute, kept.tokens_per_day, kept.max_output_tokens) == (1, 2, 3)
    assert (kept.log, kept.retain_days) == ("metadata+hash", 4)
    assert kept.components == ("inference.text", "inference.logprobs")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=questions())
async def test_every_judge_answers_as_the_rules_say(judge: Judge, question: Question) -> None:
    decision = await judge.ask(question)

    assert decision == expected(question)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    question=questions(), field=st.sampled_from(Question.__struct_fields__), wrong=st.sampled_from([None, 7, "x", []])
)
async def test_a_question_with_one_wrong_fact_is_never_allowed_unless_it_is_only_a_name(
    judge: Judge, question: Question, field: str, wrong: object
) -> None:
    bent = Question(**{name: getattr(question, name) for name in question.__struct_fields__} | {field: wrong})

    try:
        decision = await judge.ask(bent)
    except JudgeUnavailable:
        return

    assert (
        not decision.allow
        or field in {"release", "strategy", "roles"}
        or (field in {"narrowings", "terms_missing"} and wrong == [])
    )
