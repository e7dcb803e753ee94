"""Which fields pass: all that is official or well known, nothing harmful, and of the rest what the operator allows."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import completion_create_params, embedding_create_params
from openai.types.chat import completion_create_params as chat_create_params

from gateway.errors import Invalid, SettingsInvalid
from gateway.inference import calls, fields
from gateway.inference.calls import CHAT, COMPLETIONS, EMBEDDINGS, Endpoint, read
from gateway.releases.components import Component

CONTENT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "prompt": "Hi", "input": "Hi"}
HELD_BACK = {"store", "web_search_options"}
"""OpenAI's own that do not simply pass (docs/decisions/0014)."""

OFFICIAL = [
    (CHAT, chat_create_params.CompletionCreateParamsBase),
    (COMPLETIONS, completion_create_params.CompletionCreateParamsBase),
    (EMBEDDINGS, embedding_create_params.EmbeddingCreateParams),
]

HARMFUL = [
    *("return_hidden_states", "return_routed_experts", "custom_logit_processor", "logits_processors", "vllm_xargs"),
    *("session_params", "session_id", "id_slot", "slot_id", "lora_name", "loras", "adapters", "adapter_id", "rid"),
    *("request_id", "mm_processor_kwargs", "model_kwargs", "draft_model", "engine", "deployment", "input_ids"),
    *("api_base", "web_search_options", "n_predict", "use_beam_search", "chat_template", "mcp", "Lora-Path"),
]
UNKNOWN = [
    "x",
    "priority",
    "documents",
    "stop_regex",
    "target",
    "safety_settings",
    "thinking",
    "cache_salt",
    "é",
    "a b",
]


def body(endpoint: Endpoint, **more: Any) -> bytes:
    return json.dumps({"model": "acme/atlas-1", endpoint.content: CONTENT[endpoint.content], **more}).encode()


def test_what_decides_is_exactly_what_is_read() -> None:
    assert frozenset(calls._Fields.__struct_fields__) == fields.DECISIVE


@pytest.mark.parametrize(("endpoint", "official"), OFFICIAL)
def test_everything_that_openai_documents_passes(endpoint: Endpoint, official: Any) -> None:
    names = set(official.__annotations__) - HELD_BACK

    assert len(names) >= 4
    read(endpoint, body(endpoint, **dict.fromkeys(names - {"model", endpoint.content})))


@pytest.mark.parametrize(
    "field",
    [
        *("top_k", "min_p", "typical_p", "repetition_penalty", "mirostat_tau", "guided_json", "structured_outputs"),
        *("grammar", "json_schema", "ignore_eos", "skip_special_tokens", "stop_token_ids", "min_tokens", "regex"),
    ],
)
@pytest.mark.parametrize("endpoint", [CHAT, COMPLETIONS])
def test_what_shapes_the_sampling_passes(endpoint: Endpoint, field: str) -> None:
    assert read(endpoint, body(endpoint, **{field: 1})).spans.keys() >= {field}


@pytest.mark.parametrize("value", [None, False, True, 0, "x", [], {}])
@pytest.mark.parametrize("field", HARMFUL)
def test_no_field_reaches_into_the_server_whatever_its_value(field: str, value: Any) -> None:
    for endpoint in (CHAT, COMPLETIONS, EMBEDDINGS):
        with pytest.raises(Invalid):
            read(endpoint, body(endpoint, **{field: value}), frozenset({field}))


@pytest.mark.parametrize("field", UNKNOWN)
@pytest.mark.parametrize("endpoint", [CHAT, COMPLETIONS, EMBEDDINGS])
def test_what_nobody_knows_is_refused_and_named_unless_the_operator_allows_it(endpoint: Endpoint, field: str) -> None:
    asking = body(endpoint, **{field: 1})

    with pytest.raises(Invalid) as refused:
        read(endpoint, asking)

    assert (refused.value.status, refused.value.param) == (400, field if field.isascii() and " " not in field else None)
    assert field in read(endpoint, asking, frozenset({field})).spans


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100).filter(lambda key: "logprob" not in key))
def test_a_name_of_any_kind_passes_only_where_it_is_known(key: str) -> None:
    known = {name for names in fields._NAMES.values() for name in names}
    try:
        read(CHAT, body(CHAT, **{key: None}))
    except Invalid as refused:
        assert "\n" not in refused.message and len(refused.message) < 300
    else:
        assert key in known | {"store", "details", "decoder_input_details", "post_sampling_probs"}


@pytest.mark.parametrize(
    "asked",
    [
        {"return_logprob": True},
        {"logprob_token_ids": [1]},
        {"token_ids_logprob": [1]},
        {"top_logprobs_num": 3},
        {"log_probs": True},
        {"post_sampling_probs": True},
        {"details": True},
    ],
)
def test_further_names_for_logprobs_ask_for_logprobs(asked: dict[str, Any]) -> None:
    for endpoint in (CHAT, COMPLETIONS):
        assert read(endpoint, body(endpoint, **asked)).call("req_1").draws_on == (Component.LOGPROBS,)
        assert read(endpoint, body(endpoint, **dict.fromkeys(asked, False))).call("req_1").draws_on == ()


@pytest.mark.parametrize(("value", "passes"), [(False, True), (None, True), (True, False), ("true", False)])
def test_nothing_is_stored_upstream_without_the_operators_leave(value: Any, passes: bool) -> None:
    asking = body(CHAT, store=value)

    if not passes:
        with pytest.raises(Invalid, match="`store` may only be `false` here"):
            read(CHAT, asking)
    else:
        read(CHAT, asking)
    read(CHAT, asking, frozenset({"store"}))


def test_a_field_that_is_not_known_is_told_so_by_name() -> None:
    with pytest.raises(Invalid, match="`foo` is no field that is known here"):
        read(CHAT, body(CHAT, foo=1))


def test_the_operators_fields_are_names_between_commas() -> None:
    assert fields.operators("") == frozenset()
    assert fields.operators(" documents, cache_salt,,priority ") == {"documents", "cache_salt", "priority"}


@pytest.mark.parametrize("text", [*HARMFUL, "documents,API_BASE", "Model", "Max-Tokens", "a b", "é", "x" * 65, '"x"'])
def test_the_operator_cannot_allow_what_does_harm(text: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        fields.operators(text)

    assert "GATEWAY_EXTRA_FIELDS" in refused.value.message
