"""Which fields of a request pass: those that are known to do no harm, and what else the operator allows.

A server behind the gateway may take a field for another that decides, be sent elsewhere by it, compute more than
the request says it will, or hand out what no release offers. Servers learn new fields faster than anybody lists the
harmful ones, so the list is of the harmless (docs/decisions/0014): what OpenAI documents for the endpoint, and how
vLLM, SGLang, llama.cpp and TGI let a caller shape what is sampled.
"""

import re
from collections.abc import Mapping

from gateway.errors import Invalid, SettingsInvalid
from gateway.inference.members import Span

DECISIVE = frozenset(
    """
    model stream stream_options max_tokens max_completion_tokens n best_of user safety_identifier
    logprobs top_logprobs prompt_logprobs n_probs top_n_tokens
    """.split()  # noqa: SIM905 - as in components.py
)
"""What is read, and so passes where it may (calls.py)."""

_SAMPLING = frozenset(
    """
    temperature top_p stop seed frequency_penalty presence_penalty logit_bias
    top_k top_a tfs min_p typical_p typical epsilon_cutoff eta_cutoff top_n_sigma xtc_probability xtc_threshold
    repetition_penalty repeat_penalty repeat_last_n no_repeat_ngram_size length_penalty penalize_nl
    dry_multiplier dry_base dry_allowed_length dry_penalty_last_n dry_sequence_breakers
    mirostat mirostat_tau mirostat_eta mirostat_mode dynatemp_range dynatemp_exponent smoothing_factor
    samplers min_keep random_seed sampling_seed do_sample watermark
    min_tokens ignore_eos stop_token_ids bad_words allowed_token_ids
    include_stop_str_in_output no_stop_trim skip_special_tokens spaces_between_special_tokens
    response_format guided_json guided_regex guided_choice guided_grammar guided_whitespace_pattern
    structured_outputs structural_tag grammar json_schema regex ebnf
    truncate truncate_prompt_tokens add_special_tokens
    """.split()  # noqa: SIM905 - as in components.py
)

_NAMES = {
    "messages": DECISIVE
    | _SAMPLING
    | frozenset(
        """
        messages audio function_call functions metadata modalities moderation parallel_tool_calls prediction
        prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort service_tier tool_choice tools
        verbosity chat_template_kwargs add_generation_prompt continue_final_message enable_thinking include_reasoning
        separate_reasoning stream_reasoning
        """.split()  # noqa: SIM905 - as in components.py
    ),
    "prompt": DECISIVE | _SAMPLING | frozenset({"prompt", "echo", "suffix", "return_full_text"}),
    "input": DECISIVE
    | frozenset(
        """
        input dimensions encoding_format normalize truncate truncate_prompt_tokens add_special_tokens
        """.split()  # noqa: SIM905 - as in components.py
    ),
}
"""By an endpoint's content field, the names that pass without a closer look."""

_LOGPROBS = re.compile(
    r".*log_?prob.* | post_sampling_probs | return_tokens_as_token_ids | (?:decoder_input_)?details", re.VERBOSE
)
"""Further names by which servers are asked for the likelihood of tokens: they pass as a request for just that."""

_ELSEWHERE = re.compile(
    r"""
    api_(?:base|key|type|version|token) | base_url | host | url | endpoint | upstream | proxy | headers
    | extra_(?:headers|body|query) | user_config | config | router_settings | organization | virtual_key
    | engine | deployment(?:_id)? | (?:custom_llm_)?providers? | custom_host | models | model_.* | draft_model | routes?
    | router | mock_.* | (?:context_window_|content_policy_)?fallbacks
    | (?:aws|azure|vertex|watsonx|hf|litellm|portkey)_.*
    | loras? (?:_.*)? | adapters? (?:_.*)? | (?:kv|ec)_transfer_params | bootstrap_(?:host|port|room)
    | (?:routed_|disagg_prefill_)?dp_rank | data_parallel_rank
    | prompt_(?:id|variables|version|label) | plugins | transforms | guardrails | (?:no_)?cache | caching | preset
    | web_search_options | search_parameters | mcp (?:_.*)?
    """,
    re.VERBOSE | re.DOTALL,
)
"""Fields by which servers and gateways known to us let a request choose another model, server or credential."""

_INSIDE = re.compile(
    r"""
    (?:return_)? (?:hidden_states|routed_experts) | custom_logit_processor | logits_processors? | custom_params
    | vllm_xargs | extra_args | session_(?:id|params) | (?:id_slot|slot_id) | rid | request_id | ngram_corpus_id
    | mm_processor_kwargs | allowed_openai_params
    """,
    re.VERBOSE,
)
"""Fields that run code in a server, read its state or that of other callers, or hand out activations."""

_UNCOUNTED = re.compile(
    r"""
    n_predict | num_predict | n_cmpl | max_(?:new_tokens|output_tokens|length) | chat_template
    | prompt_embeds | input_(?:embeds|ids) | prompt_token_ids
    | (?:num|max)_retries | retry_.* | retries | use_beam_search | (?:num_)?beams? | beam_width | num_return_sequences
    """,
    re.VERBOSE,
)
"""Fields by which some servers are made to compute more than the other fields say, so that limits would not hold it."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_NOTHING = frozenset({b"null", b"false", b"0", b"[]"})


def check(body: bytes, spans: Mapping[str, Span], content: str, extra: frozenset[str] = frozenset()) -> bool:
    """Whether a field beyond those that are read asks for logprobs. Raises Invalid for a field that may not pass.

    `content` names the endpoint's content field, `extra` what the operator allows besides.
    """
    names = _NAMES[content]
    if spans.keys() <= names:
        return False
    asks = False
    for key, (start, end) in spans.items():
        if key not in names:
            asks = _check_unusual(key, body[start:end], content, extra) or asks
    return asks


def operators(text: str) -> frozenset[str]:
    """The fields that an operator allows, out of names between commas. Raises SettingsInvalid."""
    named = frozenset(name for part in text.split(",") if (name := part.strip()))
    for name in sorted(named):
        if not _NAME.fullmatch(name):
            raise SettingsInvalid(
                "GATEWAY_EXTRA_FIELDS holds what is no field's name.", next_step="Write names with commas between them."
            )
        if _harm(_folded(name)) is not None or _is_almost_known(name):
            raise SettingsInvalid(
                f"GATEWAY_EXTRA_FIELDS may not name `{name}`: it would undo what the gateway promises of every call.",
                next_step="Take it out; docs/settings.md says which fields can be allowed.",
            )
    return named


def _check_unusual(key: str, value: bytes, content: str, extra: frozenset[str]) -> bool:
    folded = _folded(key)
    if _is_almost_known(key):
        raise Invalid(f"A field is spelt almost as `{folded}`.", param=folded)
    if folded in _NAMES:
        raise Invalid(f"`{folded}` is not what this endpoint is given.", param=folded)
    harm = _harm(folded)
    if harm is not None:
        raise Invalid(f"`{folded}` is not accepted: {harm[0]}", next_step=harm[1], param=folded)
    if _LOGPROBS.fullmatch(key) and content != "input":
        return value not in _NOTHING
    if key in extra or (key == "store" and value in _NOTHING):
        return False
    is_name = _NAME.fullmatch(key) is not None
    raise Invalid(
        "`store` may only be `false` here."
        if key == "store"
        else f"{f'`{key}`' if is_name else 'A field of the request'} is no field that is known here.",
        next_step="Leave the field out, or ask the provider to allow it.",
        param=key if is_name else None,
    )


def _is_almost_known(key: str) -> bool:
    folded = _folded(key)
    return folded != key and any(folded in names for names in _NAMES.values())


def _harm(folded: str) -> tuple[str, str] | None:
    """Why a field never passes, and what to do instead; None where it is not known to do harm."""
    if _ELSEWHERE.fullmatch(folded):
        return "where a call goes is the provider's to say.", "Leave the field out."
    if _INSIDE.fullmatch(folded):
        return "it reaches into the model's server.", "Leave the field out."
    if _UNCOUNTED.fullmatch(folded):
        return (
            "what a call may come to is said by other fields.",
            "Use `max_tokens` or `max_completion_tokens`, and `n`.",
        )
    return None


def _folded(key: str) -> str:
    return key.casefold().strip().replace("-", "_")
