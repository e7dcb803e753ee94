"""The simulated model: right to the official client, the same to everyone, honest about what it is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.inference.connector.exchanges import Connector, Outbound
from gateway.inference.connector.upstreams import upstream_at
from gateway.inference.simulated.answers import reply
from gateway.inference.simulated.server import SimulatedModel
from gateway.inference.usage import Usage, read_usage

HELLO: Any = [{"role": "user", "content": "one two three"}]
PARTS: Any = [{"role": "user", "content": [{"type": "text", "text": "one two"}, {"type": "text", "text": "three"}]}]


@pytest_asyncio.fixture
async def client() -> AsyncIterator[openai.AsyncOpenAI]:
    model = SimulatedModel()
    async with openai.AsyncOpenAI(base_url=await model.start(), api_key="unused", max_retries=0) as client:
        yield client
    await model.stop()


async def test_a_plain_answer_says_that_it_is_simulated(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="m", messages=HELLO)

    assert "simulated" in (answer.choices[0].message.content or "")
    assert (answer.model, answer.system_fingerprint, answer.choices[0].finish_reason) == ("m", "simulated", "stop")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 3
    assert answer.usage.completion_tokens == len((answer.choices[0].message.content or "").split())


async def test_a_stream_says_the_same_words_as_a_plain_answer(client: openai.AsyncOpenAI) -> None:
    plain = await client.chat.completions.create(model="m", messages=HELLO)
    stream = await client.chat.completions.create(
        model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == plain.usage
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


async def test_a_stream_counts_only_where_it_is_asked_to(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)

    assert all(chunk.usage is None and chunk.choices for chunk in [chunk async for chunk in stream])


@pytest.mark.parametrize("limit", [{"max_tokens": 4}, {"max_completion_tokens": 4}])
async def test_a_limit_ends_the_answer(client: openai.AsyncOpenAI, limit: dict[str, int]) -> None:
    answer = await client.chat.completions.create(model="m", messages=PARTS, n=2, **limit)  # type: ignore[call-overload]

    assert [choice.finish_reason for choice in answer.choices] == ["length", "length"]
    assert answer.choices[1].message.content == "This is the simulated"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 8)


async def test_logprobs_have_their_shape(client: openai.AsyncOpenAI) -> None:
    chat = await client.chat.completions.create(model="m", messages=HELLO, logprobs=True, top_logprobs=1, max_tokens=2)
    completion = await client.completions.create(model="m", prompt="x", logprobs=1, max_tokens=2)

    assert chat.choices[0].logprobs is not None
    marked = chat.choices[0].logprobs.content or []
    assert [(mark.token, len(mark.top_logprobs)) for mark in marked] == [("This", 1), (" is", 1)]
    assert completion.choices[0].logprobs is not None
    assert completion.choices[0].logprobs.text_offset == [0, 4]


async def test_completions_answer_each_prompt(client: openai.AsyncOpenAI) -> None:
    answer = await client.completions.create(model="m", prompt=["one two", "three"], n=2, max_tokens=3)
    stream = await client.completions.create(model="m", prompt="one", stream=True, max_tokens=3)

    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 12)
    assert "".join([chunk.choices[0].text async for chunk in stream]) == "This is the"


async def test_embeddings_differ_by_input_and_by_nothing_else(client: openai.AsyncOpenAI) -> None:
    packed = await client.embeddings.create(model="m", input=["a", "b", "a"], dimensions=8)
    plain = await client.embeddings.create(model="m", input="a", dimensions=8, encoding_format="float")

    vectors = [item.embedding for item in packed.data]
    assert vectors[0] == vectors[2] != vectors[1]
    assert plain.data[0].embedding == pytest.approx(vectors[0], abs=1e-6)
    assert sum(number * number for number in plain.data[0].embedding) == pytest.approx(1)
    assert packed.usage.prompt_tokens == 3


async def test_what_it_does_not_understand_is_told_in_the_dialect(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        await client.chat.completions.create(model="m", messages=[])
    with pytest.raises(openai.NotFoundError):
        await client.models.list()


async def test_it_is_an_upstream_like_any_other() -> None:
    model = SimulatedModel(interval_s=0.001)
    connector = Connector({"simulated": upstream_at("simulated", await model.start())})
    body = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":2%s}'

    async with connector.exchange("simulated", Outbound("/chat/completions", body % b"", "r")) as answer:
        plain = await answer.read(10_000)
    async with connector.exchange("simulated", Outbound("/chat/completions", body % b',"stream":true', "r")) as answer:
        streamed = b"".join([chunk async for chunk in answer.chunks()])
    await connector.close()
    await model.stop()

    assert read_usage(plain) == Usage(1, 2)
    assert streamed.endswith(b"data: [DONE]\n\n")


def test_the_same_request_gets_the_same_answer() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}'

    assert reply("/chat/completions", body, 7) == reply("/chat/completions", body, 7)


@given(
    st.sampled_from(["/chat/completions", "/completions", "/embeddings", "/x"]),
    st.binary(max_size=40) | st.text(max_size=30).map(str.encode),
)
@settings(max_examples=100, deadline=None)
def test_no_request_whatever_breaks_it(path: str, noise: bytes) -> None:
    for body in (noise, b'{"messages":[' + noise + b"]}", b'{"prompt":' + noise + b"}", b'{"input":[' + noise + b"]}"):
        assert reply(path, body, 0).status in (200, 400, 404)


async def test_garbage_on_its_port_closes_the_connection_and_nothing_else(client: openai.AsyncOpenAI) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(b"\x16\x03\x01 not HTTP\r\n\r\n")

    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()
    assert (await client.chat.completions.create(model="m", messages=HELLO)).choices
