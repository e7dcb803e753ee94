"""A developer calls a model with the official client, and the record says what the answer said."""

from typing import Any

import openai
import pytest

from tests.fakes.gateway import GatewayProcess
from tests.journeys.conftest import BRISK_CHUNKS
from tests.journeys.releases import open_to_all

QUESTION: Any = [{"role": "user", "content": "Say something."}]


def test_a_plain_answer_is_recorded_under_the_id_the_caller_got_with_its_usage(demo: GatewayProcess) -> None:
    answer = demo.openai().chat.completions.with_raw_response.create(model=demo.models["api"], messages=QUESTION)

    request_id, usage = answer.headers["x-request-id"], answer.parse().usage
    ended, admitted = demo.ended(request_id), demo.control("GET", f"/ledger/{request_id}", "auditor")["entry"]
    assert usage is not None and usage.completion_tokens > 0
    assert (ended["tokens_in"], ended["tokens_out"]) == (usage.prompt_tokens, usage.completion_tokens)
    assert (ended["outcome"], ended["usage_basis"]) == ("complete", "reported")
    assert (admitted["event"], admitted["id"]) == ("access:admitted", request_id)
    assert admitted["body"]["organisation"] == "acme"


def test_a_streamed_answer_tells_its_usage_where_asked_and_the_record_agrees(demo: GatewayProcess) -> None:
    answer = demo.openai().chat.completions.with_raw_response.create(
        model=demo.models["api"], messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(answer.parse())

    usage, ended = chunks[-1].usage, demo.ended(answer.headers["x-request-id"])
    assert usage is not None
    assert (ended["tokens_in"], ended["tokens_out"]) == (usage.prompt_tokens, usage.completion_tokens)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_a_streamed_answer_keeps_its_usage_back_where_not_asked_and_the_record_has_it(demo: GatewayProcess) -> None:
    demo.apply(open_to_all("story/counted", upstream="brisk"))

    answer = demo.openai().chat.completions.with_raw_response.create(
        model="story/counted", messages=QUESTION, stream=True
    )
    chunks = list(answer.parse())

    ended = demo.ended(answer.headers["x-request-id"])
    assert len(chunks) == BRISK_CHUNKS and all(chunk.choices for chunk in chunks)
    assert (ended["tokens_out"], ended["usage_basis"]) == (BRISK_CHUNKS, "reported")


def test_embeddings_and_completions_answer_and_are_recorded_as_what_they_are(demo: GatewayProcess) -> None:
    client, model = demo.openai(), demo.models["api"]
    embedded = client.embeddings.with_raw_response.create(model=model, input="some words")
    completed = client.completions.with_raw_response.create(model=model, prompt="Once upon", max_tokens=20)

    entries = {
        answer.headers["x-request-id"]: demo.control("GET", f"/ledger/{answer.headers['x-request-id']}", "auditor")
        for answer in (embedded, completed)
    }
    components = [shown["entry"]["body"]["component"] for shown in entries.values()]
    assert embedded.parse().data[0].embedding and completed.parse().choices[0].text
    assert components == ["inference.embeddings", "inference.text"]
    assert demo.ended(embedded.headers["x-request-id"])["tokens_in"] == embedded.parse().usage.prompt_tokens


def test_what_is_listed_can_be_called_and_what_is_not_cannot(demo: GatewayProcess) -> None:
    client = demo.openai()
    listed = {model.id for model in client.models.list()}

    assert {demo.models["api"], demo.models["open_weights"]} <= listed
    assert not {demo.models["closed"], demo.models["limited"]} & listed
    for model in (demo.models["api"], demo.models["open_weights"]):
        assert client.chat.completions.create(model=model, messages=QUESTION).choices
    for model in (demo.models["closed"], demo.models["limited"]):
        with pytest.raises(openai.APIStatusError):
            client.chat.completions.create(model=model, messages=QUESTION)
