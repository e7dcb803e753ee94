"""What every judge must say about changes, run on the embedded engine and on a real OPA server."""

import json
import os
from collections.abc import Sequence
from itertools import combinations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.access.change_decisions import CHANGE_MEANINGS, ChangeReason
from gateway.access.change_questions import ChangeQuestion, Consent, Party
from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import Policy, PolicySet, policy_set
from gateway.access.judges.port import Judge
from gateway.errors import JudgeUnavailable, SettingsInvalid
from tests.access.judges.change_questions import CHANGE_CASES, DAY_S, ChangeCase, a_change_question
from tests.access.judges.conftest import POLICIES

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 200

PEOPLE = ["ada", "ben", "cyd", "dan", "root"]
ROLES = ["provider", "approver", "analyst", "auditor"]
NO = '{"allow": false, "reasons": ["change_not_understood"], "waits_s": 0, "review_within_s": null}'

persons = st.sampled_from(PEOPLE)
issuers = st.lists(st.sampled_from(PEOPLE), max_size=2).map(tuple)
founders = st.sampled_from([(), ("root",), ("root",)])
machines = st.sampled_from([False, False, False, True])
parties = st.builds(Party, person=persons, issuers=issuers, founders=founders, is_machine=machines)
consents = st.builds(
    Consent,
    person=persons,
    issuers=issuers,
    founders=founders,
    is_machine=machines,
    role=st.sampled_from(ROLES),
    acknowledged=st.booleans(),
    is_late=machines,
)


@st.composite
def applications(draw: st.DrawFn) -> ChangeQuestion:
    """Somebody wants to apply a change that widens, agreed to by anybody."""
    actor = draw(consents)
    return ChangeQuestion(
        act="apply",
        state=draw(st.sampled_from(["planned", "approved", "applied", "rejected"])),
        is_current=draw(st.sampled_from([True, True, False])),
        effect="widening",
        irreversible=draw(st.booleans()),
        authors=tuple(draw(st.lists(parties, min_size=1, max_size=2))),
        actor=actor,
        actor_roles=(*draw(st.lists(st.sampled_from(ROLES), max_size=2)), actor.role),
        consents=tuple(draw(st.lists(consents, max_size=4))),
        consents_needed=0,
        consents_void=draw(st.integers(0, 2)),
        planned_for_s=draw(st.sampled_from([0, DAY_S - 1, DAY_S, 10 * DAY_S])),
        asks_sign_in=draw(st.booleans()),
        signed_in_s=draw(st.sampled_from([None, 0, 601])),
    )


def are_two(one: Party, other: Party) -> bool:
    apart = one.person != other.person and one.person not in other.issuers and other.person not in one.issuers
    return apart and set(one.issuers) & set(other.issuers) <= set(one.founders) & set(other.founders)


def is_another(consent: Consent, question: ChangeQuestion) -> bool:
    return not (consent.is_machine or consent.is_late) and all(are_two(consent, author) for author in question.authors)


def may_be_applied(question: ChangeQuestion) -> bool:
    """The rules for widening a second time, in Python and on their own."""
    given: Sequence[Consent] = question.consents
    apart = all(is_another(one, question) for one in given) and all(are_two(*two) for two in combinations(given, 2))
    aware = {consent.role for consent in given if consent.acknowledged}
    lasting = {"provider", "approver", "analyst"} <= aware and question.planned_for_s >= DAY_S
    return (
        question.state in {"planned", "approved"}
        and question.is_current
        and question.actor is not None
        and question.actor.role == "provider"
        and apart
        and all(consent.role != "auditor" for consent in given)
        and (lasting if question.irreversible else len(given) >= 2)
    )


@pytest.mark.parametrize("case", CHANGE_CASES, ids=[case.name for case in CHANGE_CASES])
async def test_every_judge_answers_every_case_of_a_change_alike(judge: Judge, case: ChangeCase) -> None:
    decision = await judge.ask_change(case.question)

    assert (decision.allow, decision.reasons) == (not case.reasons, case.reasons)


def test_no_case_of_a_change_is_named_twice_and_every_reason_has_one() -> None:
    assert len({case.name for case in CHANGE_CASES}) == len(CHANGE_CASES)
    assert {reason for case in CHANGE_CASES for reason in case.reasons} == set(ChangeReason)
    assert set(CHANGE_MEANINGS) == set(ChangeReason)


@pytest.mark.parametrize(
    ("effect", "irreversible", "within_s", "waits_s"),
    [("narrowing", False, DAY_S, 0), ("neutral", False, None, 0), ("widening", True, None, DAY_S)],
)
async def test_the_judge_says_how_long_to_wait_and_who_looks_at_it_after(
    judge: Judge, effect: str, irreversible: bool, within_s: int | None, waits_s: int
) -> None:
    decision = await judge.ask_change(a_change_question(effect=effect, irreversible=irreversible))

    assert (decision.review_within_s, decision.waits_s) == (within_s, waits_s)


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=applications())
async def test_widening_never_passes_without_its_approvals(judge: Judge, question: ChangeQuestion) -> None:
    decision = await judge.ask_change(question)

    assert decision.allow == may_be_applied(question)


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=applications(), needed=st.integers(0, 3), opens=st.booleans())
async def test_no_stage_opens_without_as_many_people_as_it_asks_for(
    judge: Judge, question: ChangeQuestion, needed: int, opens: bool
) -> None:
    facts = {"state": "waiting", "irreversible": False, "consents_needed": needed}
    asker = {"act": "open_stage", "actor": None, "actor_roles": ()} if opens else {"act": "approve_stage"}
    decision = await judge.ask_change(msgspec.structs.replace(question, **facts, **asker))

    agree = [each for each in question.consents if is_another(each, question) and each.role != "auditor"]
    people = [each for place, each in enumerate(agree) if all(are_two(each, other) for other in agree[:place])]
    if opens:
        assert decision.allow == (len(people) >= needed)
    else:
        actor = question.actor
        assert actor is not None
        apart = is_another(actor, question) and all(are_two(actor, each) for each in question.consents)
        assert decision.allow == (apart and actor.role != "auditor")


async def test_policies_that_say_nothing_about_changes_let_none_pass(policies: PolicySet) -> None:
    silent = policy_set(policy for policy in policies.policies if policy.name.startswith("access/"))
    judge = EmbeddedJudge(silent)
    await judge.start()

    with pytest.raises(JudgeUnavailable):
        await judge.ask_change(a_change_question(effect="neutral"))

    assert silent.packages == ("access",)
    await judge.stop()


@pytest.mark.parametrize(
    "answer",
    [
        NO.replace("false", "true"),
        NO.replace("change_not_understood", "because"),
        '{"allow": true, "reasons": [], "waits_s": 0}',
        '{"allow": true, "reasons": [], "waits_s": 7, "review_within_s": null}',
        '{"allow": true, "reasons": [], "waits_s": -7, "review_within_s": null}',
    ],
)
async def test_an_answer_about_a_change_that_does_not_hold_together_is_none(policies: PolicySet, answer: str) -> None:
    judge = EmbeddedJudge(_about_changes(policies, f"decision := {answer} if input.act\n"))
    await judge.start()

    with pytest.raises(JudgeUnavailable):
        await judge.ask_change(a_change_question())

    await judge.stop()


async def test_policies_that_say_yes_to_a_change_that_makes_no_sense_are_refused(policies: PolicySet) -> None:
    with pytest.raises(SettingsInvalid):
        await EmbeddedJudge(
            _about_changes(policies, 'decision := {"allow": true, "reasons": []} if count(input) == 0\n')
        ).start()


def test_the_schema_beside_the_policies_is_that_of_a_question_about_a_change() -> None:
    def read(schema: str) -> object:
        return json.loads(schema.replace("\\n    ", "\\n"))  # docstrings are indented before Python 3.13 only

    shipped = (POLICIES / "schemas" / "changes" / "question.json").read_text()

    assert read(shipped) == read(msgspec.json.encode(msgspec.json.schema(ChangeQuestion)).decode())


def _about_changes(policies: PolicySet, rule: str) -> PolicySet:
    """The policies that ship, with another rule about changes."""
    source = f"package changes\n\ndefault decision := {NO}\n\n{rule}"
    others = [policy for policy in policies.policies if policy.name.startswith("access/")]
    return policy_set([*others, Policy("changes/decision.rego", source.encode())])
