"""Fields of a call: the official client keeps all of its own, and what reaches past a release does not get through."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types import completion_create_params, embedding_create_params
from openai.types.chat import completion_create_params as chat_create_params

from gateway.errors import SettingsInvalid
from tests.fakes.house import MESSAGES, House, open_house

TOOL: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}

CHAT_FIELDS: dict[str, Any] = {
    "audio": {"format": "wav", "voice": "alloy"},
    "frequency_penalty": 0.1,
    "function_call": "none",
    "functions": [{"name": "f"}],
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "max_completion_tokens": 20,
    "max_tokens": 20,
    "metadata": {"a": "b"},
    "modalities": ["text"],
    "moderation": {"model": "omni-moderation-latest"},
    "n": 1,
    "parallel_tool_calls": True,
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": 0.1,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "reasoning_effort": "low",
    "response_format": {"type": "text"},
    "safety_identifier": "p",
    "seed": 1,
    "service_tier": "auto",
    "stop": ["x"],
    "store": False,
    "temperature": 0.5,
    "tool_choice": "auto",
    "tools": [TOOL],
    "top_logprobs": 2,
    "top_p": 0.9,
    "user": "p",
    "verbosity": "low",
}
COMPLETION_FIELDS: dict[str, Any] = {
    "best_of": 1,
    "echo": True,
    "frequency_penalty": 0.1,
    "logit_bias": {"50256": -100},
    "logprobs": 1,
    "max_tokens": 20,
    "n": 1,
    "presence_penalty": 0.1,
    "seed": 1,
    "stop": "x",
    "suffix": "x",
    "temperature": 0.5,
    "top_p": 0.9,
    "user": "p",
}


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway whose operator allows one field more, with a release that offers everything."""
    with open_house(tmp_path_factory.mktemp("lenient"), extra_fields="documents, priority") as house:
        for name, offers in (
            ("all", "inference.text, inference.embeddings, inference.logprobs"),
            ("text", "inference.text"),
        ):
            house.apply(
                f"release: demo/{name}\nserves: {{inference: {{upstream: simulated, model: x}}}}\n"
                "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public],"
                f" offers: [{offers}]}}]\n"
            )
        yield house


def test_the_official_client_works_with_every_parameter_that_it_documents(lenient: House) -> None:
    client = openai.OpenAI(base_url=f"{lenient.url}/v1", api_key=lenient.tokens["developer"], max_retries=0)
    beside = {"model", "messages", "prompt", "input", "stream_options", "web_search_options"}
    documented = chat_create_params.CompletionCreateParamsBase.__annotations__
    completing = completion_create_params.CompletionCreateParamsBase.__annotations__
    embedding = {"dimensions": 2, "encoding_format": "float", "user": "p"}
    assert set(documented) - beside == set(CHAT_FIELDS)
    assert set(completing) - beside == set(COMPLETION_FIELDS)
    assert set(embedding_create_params.EmbeddingCreateParams.__annotations__) - beside == set(embedding)

    client.chat.completions.create(model="demo/all", messages=MESSAGES, **CHAT_FIELDS)  # type: ignore[call-overload]
    chat = lenient.upstream.requests[-1].json
    list(
        client.chat.completions.create(  # type: ignore[call-overload]
            model="demo/all", messages=MESSAGES, stream=True, stream_options={"include_usage": True}, **CHAT_FIELDS
        )
    )
    client.completions.create(model="demo/all", prompt="x", **COMPLETION_FIELDS)
    completion = lenient.upstream.requests[-1].json
    client.embeddings.create(model="demo/all", input="x", **embedding)  # type: ignore[arg-type]

    assert {name: chat[name] for name in CHAT_FIELDS} == CHAT_FIELDS
    assert {name: completion[name] for name in COMPLETION_FIELDS} == COMPLETION_FIELDS
    assert {name: lenient.upstream.requests[-1].json[name] for name in embedding} == embedding


@pytest.mark.parametrize(
    "extra",
    [
        *({"return_hidden_states": True}, {"custom_logit_processor": "{}"}, {"logits_processors": ["os.system"]}),
        *(
            {"session_params": {"id": "x"}},
            {"id_slot": 0},
            {"vllm_xargs": {"a": 1}},
            {"store": True},
            {"lora_name": "x"},
        ),
        *({"loras": []}, {"adapters": 1}, {"draft_model": "x"}, {"engine": "x"}, {"target": "x"}, {"unheard_of": None}),
        *({"web_search_options": {}}, {"stop_regex": "(a+)+$"}, {"allowed_openai_params": ["x"]}, {"mcp": 1}),
    ],
)
def test_what_reaches_past_a_release_is_refused_by_name_and_reaches_nobody(
    lenient: House, extra: dict[str, Any]
) -> None:
    before = len(lenient.upstream.requests)

    answer = lenient.chat("demo/all", **extra)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_request", next(iter(extra)))
    assert len(lenient.upstream.requests) == before


@pytest.mark.parametrize(
    "asked", [{"return_logprob": True}, {"logprob_token_ids": [1]}, {"logprobs": True}, {"n_probs": 2}]
)
def test_logprobs_by_any_name_need_the_stage_to_offer_them(lenient: House, asked: dict[str, Any]) -> None:
    refused, passed = lenient.chat("demo/text", **asked), lenient.chat("demo/all", **asked)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "component_not_offered")
    assert passed.status_code == 200


def test_what_the_operator_allows_passes_as_it_is(lenient: House, house: House) -> None:
    documents = [{"title": "x", "text": "y"}]

    assert lenient.chat("demo/text", documents=documents, priority=1).status_code == 200
    assert json.loads(lenient.upstream.requests[-1].body)["documents"] == documents
    assert house.chat(house.models["api"], documents=documents).status_code == 400


def test_a_gateway_told_to_pass_what_does_harm_does_not_start(tmp_path: Any) -> None:
    with pytest.raises(SettingsInvalid), open_house(tmp_path, extra_fields="documents,api_base"):
        pytest.fail("it started")
