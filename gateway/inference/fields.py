"""Which fields of a request pass by name: those that decide are read in one spelling, the rest unless they do harm.

A server behind the gateway may take a field for another that decides, be sent elsewhere by it, or compute more
than the request says it will. Known names that do are refused; a name that nobody knows is the upstream's affair.
"""

import re
from collections.abc import Iterable

from gateway.errors import Invalid

_CONTENTS = frozenset({"messages", "prompt", "input"})
_ORDINARY = frozenset({"temperature", "top_p", "stop", "seed", "tools", "tool_choice", "response_format", "metadata"})
"""What most requests hold: taken for harmless without a closer look."""

_ELSEWHERE = re.compile(
    r"""
    api_(?:base|key|type|version|token) | base_url | host | url | endpoint | upstream | proxy | headers
    | extra_(?:headers|body|query) | user_config | config | router_settings | organization | deployment_id | virtual_key
    | (?:custom_llm_)?providers? | custom_host | models | model_(?:list|info|alias_map) | routes? | router
    | mock_.* | (?:context_window_|content_policy_)?fallbacks
    | (?:aws|azure|vertex|watsonx|hf|litellm|portkey)_.*
    | lora (?:_path|_request)? | adapter_(?:id|source) | (?:kv|ec)_transfer_params | bootstrap_(?:host|port|room)
    | prompt_(?:id|variables|version|label) | plugins | transforms | guardrails | (?:no_)?cache | caching | preset
    | web_search_options | search_parameters | mcp_servers
    """,
    re.VERBOSE | re.DOTALL,
)
"""Fields by which servers and gateways known to us let a request choose another model, server or credential."""

_UNCOUNTED = re.compile(
    r"""
    n_predict | num_predict | n_cmpl | max_(?:new_tokens|output_tokens|length) | chat_template | prompt_embeds
    | (?:num|max)_retries | retry_.* | retries | use_beam_search | (?:num_)?beams? | beam_width | num_return_sequences
    """,
    re.VERBOSE,
)
"""Fields by which some servers are made to compute more than the other fields say, so that limits would not hold it."""


def check(keys: Iterable[str], content: str, decisive: frozenset[str]) -> None:
    """Raise Invalid for a field that may not pass. `content` is the endpoint's, `decisive` what is read too."""
    for key in keys:
        if key in decisive or key == content or key in _ORDINARY:
            continue
        _check_unusual(key, decisive)


def _check_unusual(key: str, decisive: frozenset[str]) -> None:
    folded = key.casefold().strip().replace("-", "_")
    if folded in decisive or (folded in _CONTENTS and folded != key):
        raise Invalid(f"A field is spelt almost as `{folded}`.", param=folded)
    if folded in _CONTENTS:
        raise Invalid(f"`{folded}` is not what this endpoint is given.", param=folded)
    if _ELSEWHERE.fullmatch(folded):
        raise Invalid(
            f"`{folded}` is not accepted: where a call goes is the provider's to say.",
            next_step="Leave the field out.",
            param=folded,
        )
    if _UNCOUNTED.fullmatch(folded):
        raise Invalid(
            f"`{folded}` is not accepted: what a call may come to is said by other fields.",
            next_step="Use `max_tokens` or `max_completion_tokens`, and `n`.",
            param=folded,
        )
