"""What every judge must say about requests for access, run on the embedded engine and on a real OPA server."""

import json
import os

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.access.change_questions import Party
from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import Policy, PolicySet, policy_set
from gateway.access.judges.port import Judge
from gateway.access.requests.decisions import REQUEST_MEANINGS, RequestReason
from gateway.access.requests.questions import RequestQuestion, Reviewer
from gateway.access.requests.request import RequestState
from gateway.errors import JudgeUnavailable, SettingsInvalid
from tests.access.judges.conftest import POLICIES
from tests.access.judges.request_questions import REQUEST_CASES, RequestCase, a_request_question

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 150
NO = '{"allow": false, "reasons": ["request_not_understood"], "leads_to": null}'

names = st.sampled_from(["asker", "ada", "ben", "cyd", "root"])
issuers = st.lists(names, max_size=2).map(tuple)
machines = st.sampled_from([False, False, False, True])
founders = st.sampled_from([(), ("root",), ("root",)])
parties = st.builds(Party, person=names, issuers=issuers, founders=founders, is_machine=machines)
roles = st.sampled_from(["approver", "provider", "analyst", "developer"])
reviews = st.builds(Reviewer, person=names, issuers=issuers, founders=founders, is_machine=machines, role=roles)


@st.composite
def agreements(draw: st.DrawFn) -> RequestQuestion:
    """Somebody approves, or records a concurrence, in any circumstances."""
    return RequestQuestion(
        act=draw(st.sampled_from(["approve", "concur"])),
        state=draw(st.sampled_from([state.value for state in RequestState])),
        takes_requests=draw(st.sampled_from([True, True, False])),
        reviewers=tuple(sorted(draw(st.sets(st.sampled_from(["approver", "provider"]), min_size=1)))),
        second_approval=draw(st.booleans()),
        concurrence_missing=draw(st.booleans()),
        asker=draw(parties),
        actor=draw(parties),
        actor_roles=tuple(draw(st.lists(roles, min_size=1, max_size=2))),
        same_organisation=draw(st.booleans()),
        approvals=tuple(draw(st.lists(reviews, max_size=3))),
        has_open_request=draw(st.booleans()),
        rejected_finally=draw(st.booleans()),
    )


def are_two(one: Party, other: Party) -> bool:
    return one.person != other.person and one.person not in other.issuers and other.person not in one.issuers


def are_reviewers(one: Party, other: Party) -> bool:
    return are_two(one, other) and set(one.issuers) & set(other.issuers) <= set(one.founders) & set(other.founders)


def are_not_the_asker(one: Party, question: RequestQuestion) -> bool:
    return (are_reviewers if question.same_organisation else are_two)(one, question.asker)


def state_after(question: RequestQuestion) -> str | None:
    """The rules of agreeing a second time, in Python and on their own."""
    counting = [
        each
        for each in question.approvals
        if not each.is_machine and each.role in question.reviewers and are_not_the_asker(each, question)
    ]
    reviews = set(question.actor_roles) & set(question.reviewers) and are_not_the_asker(question.actor, question)
    if question.actor.is_machine or not (question.takes_requests and reviews):
        return None
    agreed: list[Party] = list(counting)
    if question.act == "approve":
        fits = question.state in {"pending_review", "awaiting_second_approval"}
        if not fits or not all(are_reviewers(question.actor, each) for each in question.approvals):
            return None
        agreed.append(question.actor)
    elif question.state != "awaiting_external_concurrence" or not counting:
        return None
    enough = not question.second_approval or any(are_reviewers(one, two) for one in agreed for two in agreed)
    if not enough:
        return "awaiting_second_approval"
    waits = question.concurrence_missing and question.act == "approve"
    return "awaiting_external_concurrence" if waits else "granted"


@pytest.mark.parametrize("case", REQUEST_CASES, ids=[case.name for case in REQUEST_CASES])
async def test_every_judge_answers_every_case_of_a_request_alike(judge: Judge, case: RequestCase) -> None:
    decision = await judge.ask_request(case.question)

    assert (decision.leads_to if decision.allow else decision.reasons) == case.leads_to


def test_no_case_of_a_request_is_named_twice_and_every_reason_has_one() -> None:
    assert len({case.name for case in REQUEST_CASES}) == len(REQUEST_CASES)
    assert {reason for case in REQUEST_CASES if isinstance(case.leads_to, tuple) for reason in case.leads_to} == set(
        RequestReason
    )
    assert set(REQUEST_MEANINGS) == set(RequestReason)


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=agreements())
async def test_nothing_is_granted_without_its_approvals(judge: Judge, question: RequestQuestion) -> None:
    decision = await judge.ask_request(question)

    assert decision.leads_to == state_after(question)
    assert decision.allow == (decision.leads_to is not None)


async def test_policies_that_say_nothing_about_requests_let_none_pass(policies: PolicySet) -> None:
    silent = policy_set(policy for policy in policies.policies if policy.name.startswith("access/"))
    judge = EmbeddedJudge(silent)
    await judge.start()

    with pytest.raises(JudgeUnavailable):
        await judge.ask_request(a_request_question())

    await judge.stop()


@pytest.mark.parametrize(
    "answer",
    [
        '{"allow": true, "reasons": [], "leads_to": null}',
        '{"allow": true, "reasons": [], "leads_to": "needs_info"}',
        '{"allow": true, "reasons": [], "leads_to": "blessed"}',
        '{"allow": true, "reasons": ["already_asked"], "leads_to": "granted"}',
        '{"allow": false, "reasons": [], "leads_to": null}',
        '{"allow": false, "reasons": ["already_asked"], "leads_to": "granted"}',
        '{"allow": false, "reasons": ["because"], "leads_to": null}',
    ],
)
async def test_an_answer_about_a_request_that_does_not_hold_together_is_none(policies: PolicySet, answer: str) -> None:
    judge = EmbeddedJudge(_about_requests(policies, f"decision := {answer} if input.act\n"))
    await judge.start()

    with pytest.raises(JudgeUnavailable):
        await judge.ask_request(a_request_question())

    await judge.stop()


async def test_policies_that_say_yes_to_a_request_that_makes_no_sense_are_refused(policies: PolicySet) -> None:
    with pytest.raises(SettingsInvalid):
        await EmbeddedJudge(
            _about_requests(policies, 'decision := {"allow": true, "reasons": []} if count(input) == 0\n')
        ).start()


def test_the_schema_beside_the_policies_is_that_of_a_question_about_a_request() -> None:
    def read(schema: str) -> object:
        return json.loads(schema.replace("\\n    ", "\\n"))  # docstrings are indented before Python 3.13 only

    shipped = (POLICIES / "schemas" / "requests" / "question.json").read_text()

    assert read(shipped) == read(msgspec.json.encode(msgspec.json.schema(RequestQuestion)).decode())


def _about_requests(policies: PolicySet, rule: str) -> PolicySet:
    """The policies that ship, with another rule about requests."""
    source = f"package requests\n\ndefault decision := {NO}\n\n{rule}"
    others = [policy for policy in policies.policies if not policy.name.startswith("requests/")]
    return policy_set([*others, Policy("requests/decision.rego", source.encode())])
