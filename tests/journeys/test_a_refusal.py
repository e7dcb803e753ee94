"""A developer is refused: once, with the reason, and where to ask; what it may not know of does not exist."""

from typing import Any

import openai
import pytest

from tests.fakes.gateway import GatewayProcess

QUESTION: Any = [{"role": "user", "content": "May I?"}]


def refused_calls(demo: GatewayProcess, key: str) -> list[dict[str, Any]]:
    return demo.entries(event="access:refused", key=key)


def test_without_a_grant_the_reason_and_the_place_to_ask_are_told_and_the_client_asks_once(
    demo: GatewayProcess,
) -> None:
    key, token = demo.enter("refused")
    client = demo.openai(token)

    with pytest.raises(openai.PermissionDeniedError) as refusal:
        client.chat.completions.create(model=demo.models["limited"], messages=QUESTION)

    recorded = refused_calls(demo, key)
    assert (refusal.value.status_code, refusal.value.code) == (403, "grant_required")
    assert "https://example.com/ask" in refusal.value.message
    assert client.max_retries == 2
    assert [entry["id"] for entry in recorded] == [refusal.value.request_id]
    assert recorded[0]["body"]["reasons"][0] == "grant_required"


def test_with_a_grant_the_very_same_call_is_answered(demo: GatewayProcess) -> None:
    answer = demo.openai("tester").chat.completions.create(model=demo.models["limited"], messages=QUESTION)

    assert answer.choices[0].message.content


def test_a_closed_model_answers_staff_and_does_not_exist_for_anybody_else(demo: GatewayProcess) -> None:
    closed, invented = demo.models["closed"], "demo/no-such-model"

    def told(model: str) -> tuple[int, object]:
        with pytest.raises(openai.NotFoundError) as refusal:
            demo.openai().chat.completions.create(model=model, messages=QUESTION)
        return refusal.value.status_code, refusal.value.body

    assert told(closed) == told(invented)
    assert demo.openai("staff").chat.completions.create(model=closed, messages=QUESTION).choices


def test_a_stream_is_refused_before_it_begins(demo: GatewayProcess) -> None:
    with pytest.raises(openai.PermissionDeniedError) as refusal:
        demo.openai().chat.completions.create(model=demo.models["limited"], messages=QUESTION, stream=True)

    assert refusal.value.code == "grant_required"


def test_terms_not_accepted_are_what_stands_in_the_way_until_they_are(demo: GatewayProcess) -> None:
    _, token = demo.enter("newcomer")
    client = demo.openai(token)

    with pytest.raises(openai.PermissionDeniedError) as refusal:
        client.chat.completions.create(model=demo.models["api"], messages=QUESTION)
    demo.accept(demo.models["api"], token)

    assert refusal.value.code == "terms_not_accepted"
    assert "gateway terms accept" in refusal.value.message
