"""What only the embedded judge can get wrong."""

import asyncio
import threading
import time

import msgspec
import pytest

from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import Policy, PolicySet, policy_set
from gateway.access.questions import Question
from gateway.errors import JudgeUnavailable, SettingsInvalid
from gateway.releases.strategies import Conditions
from tests.access.judges.questions import a_question, a_stage

DENY = """default decision := {"allow": false, "visible": false, "reasons": ["model_not_found"], "obligations": null}
"""


def _set(body: str) -> PolicySet:
    return policy_set([Policy(name="access/decision.rego", source=f"package access\n\n{body}".encode())])


@pytest.mark.parametrize(
    "body",
    [
        DENY + "decision := json.match_schema(input, {})\n",
        DENY + "decision := telepathy(input)\n",
        DENY + 'x if { http.send({"method": "get", "url": "http://127.0.0.1"}) }\n',
    ],
)
async def test_policies_that_call_what_the_engine_does_not_have_are_refused_at_the_start(body: str) -> None:
    judge = EmbeddedJudge(_set(body))

    with pytest.raises(SettingsInvalid):
        await judge.start()

    assert not await judge.ready()


@pytest.mark.parametrize("body", ["decision := {", "verdict := true\n", "decision := true\n", "import rego.v1\n"])
async def test_policies_that_are_not_a_judge_are_refused_at_the_start(body: str) -> None:
    judge = EmbeddedJudge(_set(body))

    with pytest.raises(SettingsInvalid):
        await judge.start()


async def test_policies_that_allow_what_makes_no_sense_are_refused_at_the_start() -> None:
    judge = EmbeddedJudge(_set('decision := {"allow": true, "visible": true, "reasons": [], "obligations": null}\n'))

    with pytest.raises(SettingsInvalid):
        await judge.start()


@pytest.mark.parametrize(
    "answer",
    [
        '"true"',
        "true",
        "[]",
        '{"allow": true}',
        '{"allow": "true", "visible": true, "reasons": [], "obligations": null}',
        '{"allow": true, "visible": true, "reasons": [], "obligations": null}',
        '{"allow": false, "visible": true, "reasons": [], "obligations": null}',
        '{"allow": false, "visible": true, "reasons": ["because"], "obligations": null}',
        '{"allow": false, "visible": true, "reasons": ["stage_closed"], "obligations": null, "note": 1}',
    ],
)
async def test_an_answer_that_is_not_a_sound_decision_is_none(answer: str) -> None:
    judge = EmbeddedJudge(_set(DENY + f"decision := {answer} if input.release\n"))
    await judge.start()

    with pytest.raises(JudgeUnavailable):
        await judge.ask(a_question())

    await judge.stop()
    assert judge.fault


async def test_an_undefined_answer_is_none() -> None:
    source = DENY.removeprefix("default ").replace("\n", " if object.keys(input) == set()\n")
    judge = EmbeddedJudge(_set(source))
    await judge.start()

    with pytest.raises(JudgeUnavailable):
        await judge.ask(a_question())

    await judge.stop()


async def test_text_in_a_question_cannot_speak_for_the_judge(policies: PolicySet) -> None:
    injected = 'x"], "log": "metadata"}, "allow":true, "reasons":[], "visible":true}]}'
    judge = EmbeddedJudge(policies, timeout_s=5)
    await judge.start()

    stage = a_stage(offers=("inference.text", injected))
    decision = await judge.ask(a_question(stage=stage))

    await judge.stop()
    assert decision.obligations is not None
    assert decision.obligations.components == ("inference.text", injected)


async def test_an_integer_beyond_what_json_carries_is_not_judged(policies: PolicySet) -> None:
    judge = EmbeddedJudge(policies, timeout_s=5)
    await judge.start()

    with pytest.raises(JudgeUnavailable):
        await judge.ask(a_question(stage=a_stage(conditions=Conditions(tokens_per_day=2**64 + 1))))

    await judge.stop()


async def test_questions_asked_at_once_get_each_its_own_answer(policies: PolicySet) -> None:
    judge = EmbeddedJudge(policies, timeout_s=20)
    await judge.start()

    questions = [a_question(stage=a_stage(conditions=Conditions(tokens_per_day=number))) for number in range(100)]
    decisions = await asyncio.gather(*(judge.ask(question) for question in questions))

    await judge.stop()
    assert [decision.obligations.tokens_per_day for decision in decisions if decision.obligations] == list(range(100))


async def test_a_judge_that_is_swamped_refuses_in_time_and_recovers(policies: PolicySet) -> None:
    judge = EmbeddedJudge(policies, timeout_s=0.2, waiting_max=400)
    await judge.start()
    asked_at = time.monotonic()

    answers = await asyncio.gather(*(judge.ask(a_question()) for _ in range(2000)), return_exceptions=True)

    took_s = time.monotonic() - asked_at
    afterwards = await judge.ready()
    await judge.stop()
    refused = [answer for answer in answers if isinstance(answer, JudgeUnavailable)]
    assert len(refused) >= 1600
    assert all(isinstance(answer, JudgeUnavailable) or answer.allow for answer in answers)
    assert took_s < 1
    assert afterwards


async def test_stopping_ends_the_thread_and_the_judging(policies: PolicySet) -> None:
    others = set(threading.enumerate())
    judge = EmbeddedJudge(policies)
    await judge.start()
    await judge.stop()

    with pytest.raises(JudgeUnavailable):
        await judge.ask(a_question())

    threads = [thread for thread in set(threading.enumerate()) - others if thread.name.startswith("judge")]
    for thread in threads:
        thread.join(timeout=5)
    assert not any(thread.is_alive() for thread in threads)


def test_the_questions_of_these_tests_are_what_the_gate_sends() -> None:
    question = a_question()

    assert msgspec.json.decode(question.canonical(), type=Question) == question
