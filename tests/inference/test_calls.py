"""Reading a request: what is taken from it, what is refused, and that rewriting changes nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.inference.calls import CHAT, COMPLETIONS, EMBEDDINGS, Asked, Endpoint, read, rewrite
from gateway.inference.contents import TEMPLATE_TOKENS
from gateway.releases.components import Component


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "acme/atlas-1", "messages": [{"role": "user", "content": "Hi"}], **fields}).encode()


def completion(**fields: Any) -> bytes:
    return json.dumps({"model": "acme/atlas-1", "prompt": "Hi", **fields}).encode()


def test_what_the_gate_must_know_is_read() -> None:
    body = chat(
        stream=True, max_tokens=10, max_completion_tokens=20, n=3, logprobs=True, safety_identifier="p", user="q"
    )

    asked = read(CHAT, body)
    call = asked.call("req_1", end_user="pseudonym")

    assert (asked.model, asked.stream, asked.include_usage, asked.end_user) == ("acme/atlas-1", True, False, "p")
    assert (call.output_tokens, call.answers, call.draws_on) == (20, 3, (Component.LOGPROBS,))
    assert (call.endpoint, call.bytes_in, call.stream, call.end_user) == (
        "/v1/chat/completions",
        len(body),
        True,
        "pseudonym",
    )


def test_null_is_as_good_as_absent() -> None:
    names = ["stream", "stream_options", "max_tokens", "n", "logprobs", "top_logprobs", "user", "best_of"]

    asked = read(CHAT, chat(**dict.fromkeys(names)))

    assert (asked.stream, asked.output_tokens, asked.answers, asked.logprobs, asked.end_user) == (
        False,
        None,
        1,
        False,
        "",
    )


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({}, 1),
        ({"n": 4}, 4),
        ({"n": 2, "best_of": 5}, 5),
        ({"prompt": ["a", "b", "c"]}, 3),
        ({"prompt": ["a", "b"], "n": 2}, 4),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
    ],
)
def test_every_answer_that_is_computed_is_counted(fields: dict[str, Any], answers: int) -> None:
    assert read(COMPLETIONS, completion(**fields)).answers == answers


@pytest.mark.parametrize(
    "fields",
    [
        {"logprobs": True},
        {"logprobs": 0},
        {"logprobs": 5},
        {"logprobs": False, "top_logprobs": 2},
        {"prompt_logprobs": 0},
        {"n_probs": 3},
        {"top_n_tokens": 1},
    ],
)
def test_asking_for_logprobs_by_any_name_is_noticed(fields: dict[str, Any]) -> None:
    assert read(COMPLETIONS, completion(**fields)).logprobs


@pytest.mark.parametrize(
    "fields", [{}, {"logprobs": False}, {"logprobs": None}, {"top_logprobs": 0, "logprobs": False}]
)
def test_not_asking_for_logprobs_is_noticed_too(fields: dict[str, Any]) -> None:
    assert not read(COMPLETIONS, completion(**fields)).logprobs


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("model", {"model": None}),
        ("model", {"model": 5}),
        ("model", {"model": ""}),
        ("model", {"model": "x" * 300}),
        ("model", {"model": "a\nb"}),
        ("messages", {"messages": "Hi"}),
        ("messages", {"messages": []}),
        ("messages", {"messages": None}),
        ("messages", {"messages": {"0": {}}}),
        ("stream", {"stream": "true"}),
        ("stream", {"stream": 1}),
        ("stream_options", {"stream_options": True}),
        ("stream_options.include_usage", {"stream_options": {"include_usage": 1}}),
        ("max_tokens", {"max_tokens": -1}),
        ("max_tokens", {"max_tokens": "10"}),
        ("max_tokens", {"max_tokens": 10.0}),
        ("max_tokens", {"max_tokens": True}),
        ("max_tokens", {"max_tokens": 2**31}),
        ("max_completion_tokens", {"max_completion_tokens": 10**4000}),
        ("n", {"n": 0}),
        ("n", {"n": 10**9}),
        ("best_of", {"best_of": -1}),
        ("logprobs", {"logprobs": "yes"}),
        ("user", {"user": 7}),
        ("user", {"user": "x" * 600}),
    ],
)
def test_a_field_of_the_wrong_type_is_named(param: str, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as invalid:
        read(CHAT, chat(**fields))

    assert invalid.value.param == param
    assert invalid.value.status == 400


@pytest.mark.parametrize(("endpoint", "content"), [(COMPLETIONS, "prompt"), (EMBEDDINGS, "input"), (CHAT, "messages")])
def test_a_request_without_content_is_refused(endpoint: Endpoint, content: str) -> None:
    with pytest.raises(Invalid) as invalid:
        read(endpoint, b'{"model":"m"}')

    assert invalid.value.param == content


@pytest.mark.parametrize("messages", ["[1]", '[{"role":"user","content":"x"}, "hello"]', "[[]]", "[ null ]"])
def test_what_is_no_message_is_told_so_and_not_taken_for_a_picture(messages: str) -> None:
    with pytest.raises(Invalid, match="each message is an object") as invalid:
        read(CHAT, b'{"model":"m","messages":%s}' % messages.encode())

    assert (invalid.value.status, invalid.value.param) == (400, "messages")


def test_embeddings_do_not_stream() -> None:
    with pytest.raises(Invalid):
        read(EMBEDDINGS, b'{"model":"m","input":"x","stream":true}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"{}",
        b'{"model":"m","messages":[{}]',
        b'{"model":"m","messages":[{}]}}',
        b'{"model":"m","messages":[{}]} x',
        b'{"model":"m","messages":[{}],}',
        b"{'model':'m'}",
        b'{"model":"m","messages":[NaN]}',
        b'{"model":"m","messages":[01]}',
        b'{"model":"m","messages":["\xff"]}',
        b'{"model":"m","messages":["\x00"]}',
        b'{"\xff":1,"model":"m","messages":[{}]}',
        b'\xef\xbb\xbf{"model":"m","messages":[{}]}',
        '{"model":"m","messages":[{}]}'.encode("utf-16"),
        b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model":"m","messages":' + b"[" * 100_000,
        b'{"model":"m","messages":[{}],"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"model":"m","messages":[{}],' + b",".join(b'"k%d":1' % n for n in range(600)) + b"}",
    ],
)
def test_what_is_not_one_plain_object_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        read(CHAT, body)


def test_a_number_of_any_length_elsewhere_is_the_upstreams_affair() -> None:
    body = b'{"model":"m","messages":[{}],"seed":' + b"9" * 100_000 + b"}"

    assert read(CHAT, body).model == "m"


@pytest.mark.parametrize(
    "repeated",
    [
        b'{"model":"a","messages":[{}],"model":"b"}',
        b'{"model":"a","model":"a","messages":[{}]}',
        b'{"model":"a","messages":[{}],"mod\\u0065l":"b"}',
        b'{"mod\\u0065l":"b","messages":[{}],"model":"a"}',
        b'{"messages":[{}],"model":"a","messages":[{}]}',
        b'{"model":"a","messages":[{}],"n":1,"n":11}',
        b'{"model":"a","messages":[{}],"n":11,"n":1}',
        b'{"model":"a","messages":[{}],"n":1,"n":1}',
        b'{"n":1,"x":"\\",\\"n\\":1}","model":"a","messages":[{}],"n":1}',
        b'{"model":"a","messages":[{}],"stream":true,"stream":false}',
        b'{"model":"a","messages":[{}],"temperature":1,"temperature":1}',
        b'{"model":"a","messages":[{}],"stream_options":{"include_usage":true,"include_usage":false}}',
        b'{"model":"a","messages":[{}],"":1,"":1}',
        # The last `text` is just as long as the first with what follows it, up to what looks like a key.
        b'{"model":"a","messages":[{}],"text":1,"b":{"z":0,"kkkkkkkkkk":"yy"},"text":"vvvvvvvvvv"}',
    ],
)
def test_a_key_given_twice_smuggles_nothing(repeated: bytes) -> None:
    with pytest.raises(Invalid):
        read(CHAT, repeated)


@given(
    keys=st.lists(st.sampled_from(["model", "messages", "n", "a", "", '"', "\\", "é", "\u2028"]), max_size=8),
    values=st.lists(
        st.sampled_from(["1", "11", '"1"', '"}"', "[1]", '{"a":1}', "1.5e3", "null", '"\\""']), min_size=8, max_size=8
    ),
    space=st.sampled_from(["", " ", "\n\t"]),
)
@settings(max_examples=300, deadline=None)
def test_keys_are_told_apart_wherever_they_stand(keys: list[str], values: list[str], space: str) -> None:
    pairs = [("model", '"m"'), ("messages", "[{}]"), *zip(keys, values, strict=False)]
    text = "{" + ",".join(f"{space}{json.dumps(key)}{space}:{space}{value}{space}" for key, value in pairs) + "}"

    try:
        read(CHAT, text.encode())
        refused = False
    except Invalid as invalid:
        refused = "twice" in invalid.message

    assert refused == (len({key for key, _ in pairs}) < len(pairs))


@pytest.mark.parametrize(
    "spelling", ["Model", "MODEL", " model", "Max_Tokens", "max-tokens", "\u017ftream", "STREAM", "N"]
)
def test_a_second_spelling_of_what_decides_is_refused(spelling: str) -> None:
    with pytest.raises(Invalid):
        read(CHAT, chat(**{spelling: "demo/closed"}))


@pytest.mark.parametrize(
    "field",
    [
        "api_base",
        "base_url",
        "api_key",
        "api_version",
        "user_config",
        "extra_headers",
        "extra_body",
        "proxy",
        "host",
        "url",
        "endpoint",
        "provider",
        "custom_llm_provider",
        "organization",
        "models",
        "model_list",
        "fallbacks",
        "router_settings",
        "config",
        "aws_region_name",
        "vertex_project",
        "litellm_params",
        "mock_response",
        "lora",
        "adapter_id",
        "kv_transfer_params",
        "bootstrap_host",
        "prompt_id",
        "cache",
        "mcp_servers",
        "web_search_options",
        "hf_model_name",
        "API_BASE",
        "Api-Base",
        "base-url",
    ],
)
def test_no_field_chooses_where_a_call_goes(field: str) -> None:
    with pytest.raises(Invalid) as invalid:
        read(CHAT, chat(**{field: {"api_base": "http://169.254.169.254"}}))

    assert invalid.value.status == 400


@pytest.mark.parametrize(
    "field", ["n_predict", "prompt_embeds", "num_retries", "max_retries", "use_beam_search", "num_beams", "best-of"]
)
def test_no_field_has_more_computed_than_is_counted(field: str) -> None:
    with pytest.raises(Invalid):
        read(COMPLETIONS, completion(**{field: 3}))


@pytest.mark.parametrize(
    ("endpoint", "field"), [(CHAT, "prompt"), (CHAT, "input"), (COMPLETIONS, "messages"), (EMBEDDINGS, "messages")]
)
def test_the_content_of_another_endpoint_has_no_place(endpoint: Endpoint, field: str) -> None:
    body = {"model": "m", endpoint.content: [{"role": "user", "content": "x"}] if endpoint is CHAT else "x", field: "y"}

    with pytest.raises(Invalid) as invalid:
        read(endpoint, json.dumps(body).encode())

    assert invalid.value.param == field


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/large.png"}}


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [IMAGE]},
        {"role": "user", "content": [{"type": "text", "text": "x"}, IMAGE]},
        {"role": "user", "content": [{"image_url": "https://example.com/large.png"}]},
        {"role": "user", "content": [{**IMAGE, "type": "text"}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
        {"role": "user", "content": "x", "images": ["aGk="]},
        {"role": "assistant", "audio": {"id": "audio_1"}},
        {"content": "x"},
    ],
)
def test_content_that_its_bytes_do_not_bound_is_known_to_be_so(message: Any) -> None:
    call = read(CHAT, chat(messages=[{"role": "user", "content": "x"}, message])).call("req_1")

    assert call.tokens_in_max is None


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
        {"role": "tool", "content": "x", "tool_call_id": "1"},
    ],
)
def test_text_comes_to_no_more_tokens_than_it_has_bytes_and_a_template_adds(message: Any) -> None:
    body = chat(messages=[message])

    assert read(CHAT, body).call("req_1").tokens_in_max == len(body) + TEMPLATE_TOKENS


@pytest.mark.parametrize(
    ("given", "bounded"),
    [
        ("x", True),
        (["x", "y"], True),
        ([1, 2], True),
        ([[1], [2]], True),
        ([{"image": "https://example.com"}, "x"], False),
        (["x", {"image": "https://example.com"}], False),
        (["x", [["deep"]]], False),
    ],
)
def test_what_is_embedded_is_bounded_where_it_is_text_or_tokens(given: Any, bounded: bool) -> None:
    body = json.dumps({"model": "m", "input": given}).encode()
    try:
        most = read(EMBEDDINGS, body).call("req_1").tokens_in_max
    except Invalid:
        assert not bounded
    else:
        assert most == (len(body) if bounded else None)


@pytest.mark.parametrize(
    "field", ["top_k", "guided_json", "chat_template_kwargs", "prompt_cache_key", "verbosity", "metadata"]
)
def test_fields_that_decide_nothing_pass_as_they_are(field: str) -> None:
    body = chat(**{field: {"api_base": "text"}})

    assert rewrite(read(CHAT, body), model="acme/atlas-1") == body


def rewritten(body: bytes, **changes: Any) -> bytes:
    return rewrite(read(CHAT, body), **{"model": "acme/atlas-1", **changes})


def test_a_request_that_needs_no_change_goes_as_it_came() -> None:
    body = chat(stream=True, stream_options={"include_usage": True}, max_tokens=5)

    assert rewritten(body) == body


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"model":"a","messages":[{}]}', b'{"model":"up\\"x","messages":[{}]}'),
        (b' { "messages" : [{}] , "model"\t:\n"a" } ', b' { "messages" : [{}] , "model"\t:\n"up\\"x" } '),
        (
            b'{"model":"a","messages":[{}],"stream":true}',
            b'{"stream_options":{"include_usage":true},"model":"up\\"x","messages":[{}],"stream":true}',
        ),
        (
            b'{"model":"a","messages":[{}],"stream":true,"stream_options":null}',
            b'{"model":"up\\"x","messages":[{}],"stream":true,"stream_options":{"include_usage":true}}',
        ),
        (
            b'{"model":"a","messages":[{}],"stream":true,"stream_options":{ }}',
            b'{"model":"up\\"x","messages":[{}],"stream":true,"stream_options":{"include_usage":true }}',
        ),
        (
            b'{"model":"a","messages":[{}],"stream":true,"stream_options":{"include_obfuscation":false}}',
            b'{"model":"up\\"x","messages":[{}],"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}',
        ),
        (
            b'{"model":"a","messages":[{}],"stream":true,"stream_options":{"x":1, "include_usage" : false}}',
            b'{"model":"up\\"x","messages":[{}],"stream":true,"stream_options":{"x":1, "include_usage" : true}}',
        ),
    ],
)
def test_only_the_bytes_that_must_change_do(before: bytes, after: bytes) -> None:
    assert rewritten(before, model='up"x') == after


def test_an_imposed_limit_is_written_under_the_name_the_upstream_reads() -> None:
    plain, null = b'{"model":"a","messages":[{}]}', b'{"model":"a","messages":[{}],"max_tokens":null}'

    assert rewritten(plain, model="a", output_tokens=9) == b'{"max_tokens":9,"model":"a","messages":[{}]}'
    assert rewritten(null, model="a", output_tokens=9) == b'{"model":"a","messages":[{}],"max_tokens":9}'
    limited = rewritten(plain, model="a", output_tokens=9, output_limit="max_completion_tokens")
    assert limited == b'{"max_completion_tokens":9,"model":"a","messages":[{}]}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"max_tokens":5,"model":"a","messages":[{}]}', b'{"max_completion_tokens":5,"model":"a","messages":[{}]}'),
        (
            b'{ "max_tokens" : 5 , "model":"a","messages":[{}]}',
            b'{"max_completion_tokens":5, "model":"a","messages":[{}]}',
        ),
        (
            b'{"model":"a", "max_tokens": 5, "messages":[{}]}',
            b'{"max_completion_tokens":5,"model":"a", "messages":[{}]}',
        ),
        (b'{"model":"a","messages":[{}],"max_tokens":5}', b'{"max_completion_tokens":5,"model":"a","messages":[{}]}'),
        (
            b'{"model":"a","messages":[{}],"max_tokens":1,"max_completion_tokens":null}',
            b'{"model":"a","messages":[{}],"max_completion_tokens":5}',
        ),
        (
            b'{"model":"a","messages":[{}],"max_completion_tokens":5}',
            b'{"model":"a","messages":[{}],"max_completion_tokens":5}',
        ),
    ],
)
def test_a_bound_moves_to_the_name_that_is_read_and_stands_nowhere_else(before: bytes, after: bytes) -> None:
    assert rewritten(before, model="a", output_tokens=5, output_limit="max_completion_tokens") == after


def test_a_bound_that_nothing_imposes_stays_where_the_caller_wrote_it() -> None:
    body = b'{"max_completion_tokens":5,"model":"a","messages":[{}],"max_tokens":7}'

    assert rewritten(body, model="a", output_limit="max_completion_tokens") == body


def test_the_bound_of_a_completion_goes_by_the_one_name_that_completions_have() -> None:
    asked = read(COMPLETIONS, b'{"model":"a","prompt":"x"}')

    bounded = rewrite(asked, model="a", output_tokens=9, output_limit="max_completion_tokens")

    assert bounded == b'{"max_tokens":9,"model":"a","prompt":"x"}'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
OTHERS = st.sampled_from(["temperature", "metadata", "tools", "stop", "chat_template_kwargs", "logit_bias"])


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, dict[str, Any]]:
    """A legal request in any order, spacing and escaping, with fields that decide nothing."""
    fields = draw(st.dictionaries(OTHERS, JSON, max_size=4))
    fields |= {
        "model": draw(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10)),
        "messages": [{"content": draw(JSON)}],
    }
    if draw(st.booleans()):
        fields["stream"] = draw(st.sampled_from([True, False, None]))
    if draw(st.booleans()):
        fields["stream_options"] = draw(
            st.sampled_from([None, {}, {"include_usage": False}, {"y": [1], "include_usage": True}, {"z": 1}])
        )
    for name in ("max_tokens", "max_completion_tokens"):
        if draw(st.booleans()):
            fields[name] = draw(st.sampled_from([None, 1, 17, 2**31 - 1]))
    ordered = dict(draw(st.permutations(list(fields.items()))))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n ")]))
    return json.dumps(ordered, ensure_ascii=draw(st.booleans()), separators=separators).encode(), ordered


LIMITS = ("max_tokens", "max_completion_tokens")


@given(requests(), st.sampled_from([None, 17]), st.sampled_from(LIMITS))
@settings(max_examples=300, deadline=None)
def test_rewriting_changes_the_intended_fields_and_no_other(
    request: tuple[bytes, dict[str, Any]], limit: int | None, name: str
) -> None:
    body, fields = request

    asked = read(CHAT, body)
    result = rewrite(asked, model="served-name", output_tokens=limit, output_limit=name)

    expected = dict(fields) | {"model": "served-name"}
    if limit is not None:
        expected = {key: value for key, value in expected.items() if key not in LIMITS} | {name: limit}
    if fields.get("stream"):
        expected["stream_options"] = {**(fields.get("stream_options") or {}), "include_usage": True}
    parsed = json.loads(result)
    assert parsed == expected
    assert [key for key in parsed if key in fields and key not in LIMITS] == [
        key for key in fields if key not in LIMITS
    ]
    for key, (start, end) in asked.spans.items():
        if key not in ("model", "stream_options", *LIMITS):
            assert body[start:end] in result


@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_no_bytes_whatever_raise_anything_but_invalid(noise: bytes) -> None:
    for body in (noise, b'{"model":"m","messages":[' + noise + b"]}", b'{"model":"m",' + noise + b"}"):
        try:
            asked = read(CHAT, body)
        except Invalid:
            continue
        assert isinstance(asked, Asked)
        json.loads(body)
